/* SPDX-License-Identifier: MIT */
/*
 * filter: which rows the page looks at: the query string that all of /api/ and the page's
 * own address share.
 */
#ifndef DASHBOARD_FILTER_H
#define DASHBOARD_FILTER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum filter_list {
	FILTER_SERVICE,
	FILTER_ACTION,
	FILTER_STATUS,
	FILTER_CODE,
	FILTER_LISTS
};

enum { FILTER_VALUES = 50 }; /* of one list */

struct filter {
	int64_t from_us; /* wall clock, Unix microseconds; included */
	int64_t to_us;   /* not included */
	int64_t step_s; /* of a chart: a bucket that divides a day, and is whole in UTC */
	/* Any of these; a count of 0: all. Borrowed from `text`. */
	struct slice value[FILTER_LISTS][FILTER_VALUES];
	size_t count[FILTER_LISTS];
	struct slice entity_type; /* ptr NULL: any */
	struct slice entity_id;   /* lower-case UUID */
	struct slice q;           /* part of error_message */
	struct slice q_pattern;   /* the same for ILIKE: a percent sign is one */
	char *text;               /* owned: the memory behind the slices */
};

/*
 * Reads the query string. now_us: what relative ranges end at. Unknown names are left
 * alone: the page has some of its own. Returns 0, -EINVAL with words for the user in err,
 * or -ENOMEM.
 */
MUST_CHECK int filter_read(
    struct filter *filter, struct slice query, int64_t now_us, struct err *err);

/* Zeroed memory is fine. */
void filter_finish(struct filter *filter);

/* Reads an ISO 8601 time in UTC ("2026-11-25T06:38:39.123456Z"; the fraction and, with a
 * zone, any offset may be there). False: it is none. */
bool filter_time(struct slice text, int64_t *ret_us);

/* Does the filter need the rows themselves: an entity, or words of an error? */
bool filter_needs_rows(const struct filter *filter);

#endif

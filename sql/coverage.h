/* SPDX-License-Identifier: MIT */
/*
 * coverage: what is recorded, and what passes by unrecorded: waybill_coverage counts by
 * kind, host and client, waybill_unrouted by host, method and path. Both are bounded; the
 * entries that were not seen for the longest time go first.
 */
#ifndef SQL_COVERAGE_H
#define SQL_COVERAGE_H

#include "sql/store.h"

#define COVERAGE_ROWS_MAX 1000 /* of each kind */
#define UNROUTED_HOST_MAX 100  /* paths of one host */
#define UNROUTED_ROWS_MAX 4000

/* One count. Texts are clean, without a secret, and borrowed. */
struct coverage_note {
	const char *host;
	const char *kind;   /* NULL: a path; see below */
	const char *client; /* an address without port; "": not known */
	const char *method; /* of a path */
	const char *path;
	uint64_t count;
	int64_t first_us; /* wall clock, Unix microseconds */
	int64_t last_us;
};

/*
 * Adds the counts in one transaction of its own. It waits for no other program's lock
 * (-EBUSY), and makes nothing safe from a power cut: it never stands in the way of rows.
 * Returns 0 or a negative errno; then nothing is written. Outside a batch.
 */
MUST_CHECK int store_put_coverage(struct store *store, const struct coverage_note *notes,
    size_t count, struct err *err);

#endif

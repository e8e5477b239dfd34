/* SPDX-License-Identifier: MIT */
/*
 * overview: all numbers of the page for one filter.
 */
#ifndef DASHBOARD_OVERVIEW_H
#define DASHBOARD_OVERVIEW_H

#include "dashboard/facts.h"
#include "dashboard/tally.h"

enum overview_status {
	OVERVIEW_SUCCESS,
	OVERVIEW_FAILED,
	OVERVIEW_PENDING,
	OVERVIEW_RETRYING,
	OVERVIEW_STATUSES
};

/* Of a period, or of one bucket of a chart. */
struct overview_sums {
	uint64_t count[OVERVIEW_STATUSES];
	struct histogram histogram; /* without long polls */
};

struct overview {
	const struct filter *filter; /* borrowed */
	bool (*is_long_poll)(void *arg, const char *service, const char *action);
	void *arg;

	struct overview_sums now;
	struct overview_sums before; /* the period of equal length before */
	uint64_t in_flight;
	struct overview_sums *series; /* owned; one per step */
	size_t series_count;
	int64_t series_from_s;
	struct tally actions; /* service, action */
	struct tally errors;  /* service, action, code: of attempts that failed */
	char (*message)[300]; /* owned; a recent one of each of the first errors */
	size_t message_count;
};

/* Reads everything in one snapshot. Returns 0 or a negative errno, as ask_run. */
MUST_CHECK int overview_read(
    struct overview *overview, struct ask *ask, struct ask_fault *fault);

/* As JSON; docs/dashboard.md says what it holds. */
void overview_put(const struct overview *overview, struct buf *out);

void overview_finish(struct overview *overview);

#endif

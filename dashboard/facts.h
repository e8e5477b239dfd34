/* SPDX-License-Identifier: MIT */
/*
 * facts: counts of rows by time, service, action, status and error code, whichever way
 * they are had: from rollups where these are whole, from rows elsewhere. Always exact.
 */
#ifndef DASHBOARD_FACTS_H
#define DASHBOARD_FACTS_H

#include "dashboard/cover.h"
#include "dashboard/histogram.h"
#include "dashboard/query.h"

enum fact_field { FACT_SERVICE, FACT_ACTION, FACT_STATUS, FACT_CODE, FACT_FIELDS };

/* So many rows are alike. Borrowed for the call. */
struct fact {
	int64_t bucket_s;                /* a multiple of step_s that they fall behind */
	struct slice field[FACT_FIELDS]; /* FACT_CODE: empty for none */
	uint64_t count;
	int64_t duration_sum; /* ms */
	struct slice first;   /* created_at, as the store writes it */
	struct slice last;
	const struct histogram *durations; /* of those rows that have one */
};

/* Returns 0 to go on, a negative errno to end. */
typedef int (*fact_visit)(void *arg, const struct fact *fact);

/* Has the database the tables of migration 006? */
MUST_CHECK int facts_have_rollups(
    struct ask *ask, bool *ret_have, struct ask_fault *fault);

/*
 * Marks: the slots (cover.h) that rollups do not serve, rising. *ret_slot: free() it.
 * Returns 0 or a negative errno, as ask_run.
 */
MUST_CHECK int facts_marks(struct ask *ask, int64_t from_us, int64_t to_us,
    int64_t **ret_slot, size_t *ret_count, struct ask_fault *fault);

/*
 * Every fact of the rows between two times that the filter lets through. step_s: how fine
 * bucket_s is; 0: it does not matter. dirty_slot NULL: there are no rollups. Inside one
 * transaction with facts_marks, so that nothing changes in between.
 */
MUST_CHECK int facts_read(struct ask *ask, const struct filter *filter, int64_t from_us,
    int64_t to_us, int64_t step_s, const int64_t *dirty_slot, size_t dirty_count,
    fact_visit visit, void *arg, struct ask_fault *fault);

/* The facts of the rows themselves of one span. */
MUST_CHECK int facts_of_rows(struct ask *ask, const struct filter *filter,
    int64_t from_us, int64_t to_us, int64_t step_s, fact_visit visit, void *arg,
    struct ask_fault *fault);

/* The rollups of one level in a span. */
MUST_CHECK int facts_of_rollups(struct ask *ask, const struct filter *filter,
    int64_t level_s, int64_t from_us, int64_t to_us, fact_visit visit, void *arg,
    struct ask_fault *fault);

#endif

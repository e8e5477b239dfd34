/* SPDX-License-Identifier: MIT */
/*
 * query: an SQL text that grows, with its parameters. Values only ever become parameters.
 */
#ifndef DASHBOARD_QUERY_H
#define DASHBOARD_QUERY_H

#include "dashboard/filter.h"
#include "sql/ask.h"

enum {
	QUERY_PARAMS =
	    1400, /* rollup_sum.c writes as many rows at a time as that allows */
	QUERY_TIMES = 8,
};

/* Zeroed but for the dialect: empty. */
struct query {
	enum ask_dialect dialect;
	struct buf sql;
	struct slice param[QUERY_PARAMS]; /* borrowed, or in `time` */
	size_t count;
	char time[QUERY_TIMES][32];
	size_t times;
	bool failed; /* too many parameters, or no memory */
};

void query_finish(struct query *query);

/* Appends a parameter; "$7", with a cast where PostgreSQL needs one (may be NULL). */
void query_param(struct query *query, struct slice value, const char *cast);

/* Appends a time as a parameter. */
void query_time(struct query *query, int64_t us);

/*
 * Appends " WHERE …" of what the filter asks of the rows of integration_logs between two
 * times (included, not included); order matters to no one.
 */
void query_rows(
    struct query *query, const struct filter *filter, int64_t from_us, int64_t to_us);

/* Appends " AND …" of the lists of the filter: for rows, and for integration_rollups. */
void query_lists(struct query *query, const struct filter *filter);

/* The index that SQLite must take for query_rows; "" where it may choose. */
const char *query_index(const struct query *query, const struct filter *filter);

/* Runs it. As ask_run. */
MUST_CHECK int query_run(struct query *query, struct ask *ask, ask_visit visit, void *arg,
    struct ask_fault *fault);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * rest_rows: a body as rows for the columns of a table.
 */
#ifndef DASHBOARD_REST_ROWS_H
#define DASHBOARD_REST_ROWS_H

#include "base/clock.h"
#include "dashboard/rest_private.h"

struct rest_value {
	bool is_default;   /* not given */
	struct slice text; /* in the column's form; ptr NULL: SQL NULL */
};

struct rest_row {
	struct rest_row *next;
	struct rest_value *value; /* one for each column */
	struct slice id;          /* ptr NULL: not given */
};

struct rest_rows {
	const struct rest_column *const *column; /* those that are written */
	size_t column_count;
	struct rest_row *first;
	size_t count;
	char now[CLOCK_TEXT_SIZE];
};

/*
 * Reads the body. is_patch: one object, whose members are what is set. False:
 * call->error.
 */
bool rest_rows_read(struct rest_call *call, bool is_patch, struct rest_rows *ret_rows);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * logrow: rows of integration_logs as the page is told them, the same from either
 * database.
 */
#ifndef DASHBOARD_LOGROW_H
#define DASHBOARD_LOGROW_H

#include "base/buf.h"
#include "sql/ask.h"
#include "sql/column.h"

enum {
	LOGROW_BRIEF = COLUMN_COUNT - 2, /* without the two payloads */
};

/*
 * Appends the columns of a SELECT in the table's order, each with the prefix. Times are
 * ISO 8601 in UTC with microseconds and a Z.
 */
void logrow_put_columns(
    struct buf *sql, enum ask_dialect dialect, const char *prefix, bool payloads);

/* Appends the LOGROW_BRIEF cells as a JSON object, in one line. */
void logrow_put_json(struct buf *out, const struct ask_cell *cells);

/* A cell as a number; what is none is 0. */
int64_t logrow_number(const struct ask_cell *cell);

#endif

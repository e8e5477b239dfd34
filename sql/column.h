/* SPDX-License-Identifier: MIT */
/*
 * column: the columns of integration_logs, in the table's order.
 */
#ifndef SQL_COLUMN_H
#define SQL_COLUMN_H

enum column {

#define COLUMN(symbol, name, kind) COLUMN_##symbol,
#include "sql/column.def"
#undef COLUMN
	COLUMN_COUNT
};

enum column_kind { COLUMN_KIND_TEXT, COLUMN_KIND_JSON, COLUMN_KIND_INTEGER };

/* Static string. */
const char *column_name(enum column column);

/* COLUMN_KIND_JSON: the text of the column is JSON and nests as it stands. */
enum column_kind column_kind(enum column column);

/*
 * The names in order, each after prefix and with a comma between: for a SELECT whose
 * result columns are then numbered by enum column. Gives a string (free()), NULL when out
 * of memory.
 */
char *column_list(const char *prefix);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * rest_sql: a rest_query as SQL. The text is made of the allow-list's names, of numbers
 * and of placeholders; every value is a parameter.
 */
#ifndef DASHBOARD_REST_SQL_H
#define DASHBOARD_REST_SQL_H

#include "base/buf.h"
#include "dashboard/rest_query.h"

/* Zeroed but for arena and dialect. */
struct rest_sql {
	struct rest_arena *arena;
	enum ask_dialect dialect;
	struct buf text;
	struct slice *param; /* the arena's; ptr NULL is SQL NULL */
	size_t param_count;
	size_t param_room;
};

void rest_sql_finish(struct rest_sql *sql);

/* The text, NUL-terminated; NULL: out of memory. */
const char *rest_sql_text(struct rest_sql *sql);

/* $N with what makes it a value of the type. */
void rest_sql_value(struct rest_sql *sql, enum rest_type type, struct slice value);

/* SELECT … FROM … WHERE … ORDER BY … LIMIT; limit -1: none */
void rest_sql_select(
    struct rest_sql *sql, const struct rest_query *query, int64_t limit, int64_t offset);

/* SELECT count(*) FROM … WHERE …; at_most >= 0: counts no further */
void rest_sql_count(
    struct rest_sql *sql, const struct rest_query *query, int64_t at_most);

/* The rowids of the matching rows (SQLite). */
void rest_sql_rowids(struct rest_sql *sql, const struct rest_query *query);

/* " WHERE …", or nothing. */
void rest_sql_where(struct rest_sql *sql, const struct rest_filter *filter);

/* The conditions, all of which must hold, without WHERE; there must be one. */
void rest_sql_conditions(struct rest_sql *sql, const struct rest_filter *filter);

/* The columns of the answer with a comma between. */
void rest_sql_outputs(struct rest_sql *sql, const struct rest_query *query);

/* The table, with its schema where there are schemas. */
void rest_sql_table(struct rest_sql *sql, const struct rest_table *table);

/* "name" */
void rest_sql_name(struct rest_sql *sql, const struct rest_column *column);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * rest_tables: what the REST interface lets be named: tables, columns, types.
 */
#ifndef DASHBOARD_REST_TABLES_H
#define DASHBOARD_REST_TABLES_H

#include "base/slice.h"
#include "sql/ask.h"

#include <stdbool.h>
#include <stddef.h>

enum rest_type {
	REST_TEXT,
	REST_UUID,
	REST_JSON,
	REST_INTEGER,
	REST_BIGINT,
	REST_NUMERIC,
	REST_FLOAT,
	REST_TIME,
	REST_DATE,
};

struct rest_column {
	const char *name;
	enum rest_type type;
	bool is_required; /* not null, and no default */
	/* What stands for it in SQLite where that is not its name: times are text of
	 * one width there, so that text order is time order. NULL: the name. */
	const char *sqlite;
};

struct rest_table {
	const char *name;
	const char *kind; /* "table" or "view" */
	bool is_writable;
	const struct rest_column *column;
	size_t column_count;
};

/* NULL: there is none of that name. */
const struct rest_table *rest_table_find(struct slice name);
const struct rest_column *rest_column_find(
    const struct rest_table *table, struct slice name);

/* The column that is the key: "id". */
const struct rest_column *rest_table_key(const struct rest_table *table);

/* As SQL writes it and as PostgreSQL's messages do. */
const char *rest_type_sql(enum rest_type type);
const char *rest_type_words(enum rest_type type);

/* Reads the type after :: in a select. False: none that is offered. */
bool rest_type_find(struct slice name, enum rest_type *ret_type);

#define REST_CLEANUP "cleanup_old_integration_logs"

#endif

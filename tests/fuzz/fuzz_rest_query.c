/* SPDX-License-Identifier: MIT */
/*
 * fuzz_rest_query: query strings in PostgREST's grammar. Whatever comes in, the SQL that
 * comes out is made of the words below, numbers and placeholders: nothing that a client
 * wrote is in it. SQLite must be able to prepare it.
 *
 * The first byte chooses the table.
 */
#include "dashboard/rest_sql.h"

#include <ctype.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds) {
		abort();
	}
}

static bool is_word(struct slice word)
{
	static const char *const words[] = { "SELECT", "FROM", "WHERE", "ORDER", "BY",
		"ASC", "DESC", "NULLS", "FIRST", "LAST", "LIMIT", "OFFSET", "AND", "OR",
		"NOT", "IN", "IS", "NULL", "DISTINCT", "LIKE", "ILIKE", "CAST", "AS",
		"INTEGER", "COLLATE", "waybill_jsonb", "waybill_json",
		"waybill_jsonb_text", "waybill_like", "waybill_contains", "substr",
		"public", "text", "uuid", "jsonb", "integer", "bigint", "numeric",
		"float8", "timestamptz", "date", "count", "counted", "rowid" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_eq(word, slice_of(words[i]))) {
			return true;
		}
	}
	return false;
}

/* "name" in quotes: the table, or one of its columns. */
static const char *check_name(const char *at, const struct rest_table *table)
{
	const char *end = strchr(at + 1, '"');
	struct slice name = { at + 1, end ? (size_t)(end - at - 1) : 0 };

	require(end && (slice_eq(name, slice_of(table->name)) ||
	                   rest_column_find(table, name) != NULL));
	return end + 1;
}

static void check_text(const char *sql, const struct rest_table *table, size_t params)
{
	while (*sql) {
		if (*sql == '"') {
			sql = check_name(sql, table);
		} else if (*sql == '$') {
			char *end;
			unsigned long number = strtoul(sql + 1, &end, 10);

			require(number >= 1 && number <= params);
			sql = end;
		} else if (*sql == '\'') { /* the only text that is written into SQL */
			require(strncmp(sql, "'.000000Z'", 10) == 0);
			sql += 10;
		} else if (isalpha((unsigned char)*sql)) {
			size_t len = strspn(sql,
			    "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ08");

			require(is_word((struct slice){ sql, len }));
			sql += len;
		} else {
			require(strchr(" 0123456789(),.<>=-:@*|", *sql) != NULL);
			sql++;
		}
	}
}

static sqlite3 *open_tables(void)
{
	static sqlite3 *db;

	if (!db) {
		require(sqlite3_open(":memory:", &db) == SQLITE_OK);
		require(
		    sqlite3_exec(db,
		        "CREATE TABLE integration_logs (id, service_name, action, status,"
		        " related_entity_type, related_entity_id, request_payload,"
		        " response_payload, error_message, error_code, duration_ms, retry_count,"
		        " created_at, updated_at);"
		        "CREATE TABLE integration_stats_hourly (service_name, action, status,"
		        " hour, count, avg_duration_ms, max_duration_ms, failed_count);"
		        "CREATE TABLE integration_stats_daily (service_name, action, status, day,"
		        " count, avg_duration_ms, failed_count)",
		        NULL, NULL, NULL) == SQLITE_OK);
	}
	return db;
}

/* Only what needs none of the functions that ask_functions.c brings. */
static void check_prepares(const char *sql)
{
	sqlite3_stmt *statement = NULL;

	if (!strstr(sql, "waybill_")) {
		require(sqlite3_prepare_v2(open_tables(), sql, -1, &statement, NULL) ==
		        SQLITE_OK);
		sqlite3_finalize(statement);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "integration_logs",
		"integration_stats_hourly", "integration_stats_daily" };
	struct rest_arena arena = { 0 };
	const struct rest_table *table;
	struct rest_query query;
	struct rest_error error;

	if (size < 1) {
		return 0;
	}
	table = rest_table_find(slice_of(names[data[0] % 3]));
	if (!rest_parse(&arena, table, (struct slice){ (const char *)data + 1, size - 1 },
	        &query, &error)) {
		require(error.status >= 400 && error.code[0] && error.message[0]);
		rest_arena_finish(&arena);
		return 0;
	}
	for (int dialect = ASK_SQLITE; dialect <= ASK_POSTGRES; dialect++) {
		struct rest_sql sql = { .arena = &arena,
			.dialect = (enum ask_dialect)dialect };
		const char *text;

		rest_sql_select(&sql, &query, query.limit, query.offset);
		text = rest_sql_text(&sql);
		if (text) {
			check_text(text, table, sql.param_count);
		}
		if (text && dialect == ASK_SQLITE && sql.param_count < 500) {
			check_prepares(text);
		}
		rest_sql_finish(&sql);
	}
	rest_arena_finish(&arena);
	return 0;
}

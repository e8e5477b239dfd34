/* SPDX-License-Identifier: MIT */
#include "cmd/stats_pg.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/grid.h"
#include "cmd/print.h"
#include "sql/pg.h"

#define CELL_MAX 80 /* bytes of a cell that are shown */

/* Types of which a column is numbers: pg_type.dat, fixed for all versions. */
enum pg_type { PG_TYPE_INT8 = 20, PG_TYPE_INT4 = 23 };

#define TIME(column) "to_char(v." column " AT TIME ZONE 'UTC', '%s') AS " column

#define ISO_TIME "YYYY-MM-DD\"T\"HH24:MI:SS\"Z\""

static const struct section {
	const char *name;
	const char *title;
	const char *empty;
	const char *time; /* how people see the time; NULL: there is none */
	const char *sql;  /* with %s for the time's format */
} sections[] = {
	{
	    "hourly",
	    "Last 24 hours, by hour (UTC)",
	    "no rows in the last 24 hours",
	    "YYYY-MM-DD HH24:MI",
	    "SELECT service_name, action, status, " TIME(
	        "hour") ", count, avg_duration_ms,"
	                " max_duration_ms, failed_count FROM public.integration_stats_hourly AS v"
	                " ORDER BY v.hour DESC, service_name, action, status",
	},
	{
	    "daily",
	    "Last 30 days, by day (UTC)",
	    "no rows in the last 30 days",
	    "YYYY-MM-DD",
	    "SELECT service_name, action, status, " TIME(
	        "day") ", count, avg_duration_ms,"
	               " failed_count FROM public.integration_stats_daily AS v"
	               " ORDER BY v.day DESC, service_name, action, status",
	},
	{
	    "size",
	    "Size (rows as the server estimates them)",
	    "no table",
	    NULL,
	    "SELECT coalesce(s.n_live_tup, greatest(c.reltuples, 0)::bigint) AS rows,"
	    " coalesce(s.n_dead_tup, 0) AS"
	    " dead_rows, pg_table_size(c.oid) AS table_bytes, pg_indexes_size(c.oid) AS"
	    " index_bytes, pg_total_relation_size(c.oid) AS total_bytes"
	    " FROM pg_class AS c LEFT JOIN pg_stat_user_tables AS s ON s.relid = c.oid"
	    " WHERE c.oid = 'public.integration_logs'::regclass",
	},
	{
	    "indexes",
	    "Index use (since the server's statistics were last reset)",
	    "no index",
	    NULL,
	    "SELECT indexrelname AS index, idx_scan AS scans, idx_tup_read AS entries_read,"
	    " pg_relation_size(indexrelid) AS bytes FROM pg_stat_user_indexes"
	    " WHERE relid = 'public.integration_logs'::regclass"
	    " ORDER BY idx_scan DESC, indexrelname",
	},
	{
	    "slowest",
	    "Slowest actions, last 7 days",
	    "no finished calls in the last 7 days",
	    NULL,
	    "SELECT service_name, action, count(*) AS calls,"
	    " round(avg(duration_ms))::integer AS avg_ms,"
	    " round(percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms))::integer AS"
	    " p95_ms, max(duration_ms) AS max_ms FROM public.integration_logs"
	    " WHERE created_at >= now() - interval '7 days' AND duration_ms IS NOT NULL"
	    " GROUP BY service_name, action ORDER BY p95_ms DESC, service_name, action LIMIT 10",
	},
};

#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

static bool add_text(struct grid *grid, const char *value)
{
	struct buf cell = { 0 };

	print_clean(&cell, value, CELL_MAX);
	return grid_add(grid, &cell);
}

static bool is_number(const PGresult *rows, int column)
{
	return PQftype(rows, column) == PG_TYPE_INT8 ||
	       PQftype(rows, column) == PG_TYPE_INT4;
}

static bool add_cell(struct grid *grid, const PGresult *rows, int row, int column)
{
	struct buf cell = { 0 };

	if (PQgetisnull(rows, row, column)) {
		return add_text(grid, "-");
	}
	if (!is_number(rows, column)) {
		return add_text(grid, PQgetvalue(rows, row, column));
	}
	grid->right[column] = true;
	print_thousands(&cell, strtoll(PQgetvalue(rows, row, column), NULL, 10));
	return grid_add(grid, &cell);
}

/* False: out of memory. */
static bool put_table(
    struct buf *out, const PGresult *rows, const struct section *section)
{
	struct grid grid = { .columns = PQnfields(rows) };
	bool good = grid.columns <= GRID_COLUMNS_MAX;

	for (int i = 0; i < grid.columns && good; i++) {
		good = add_text(&grid, PQfname(rows, i));
	}
	for (int row = 0; row < PQntuples(rows) && good; row++) {
		for (int i = 0; i < grid.columns && good; i++) {
			good = add_cell(&grid, rows, row, i);
		}
	}
	buf_printf(out, "%s\n\n", section->title);
	if (PQntuples(rows) == 0) {
		buf_printf(out, "%s\n", section->empty);
	} else if (good) {
		grid_put(&grid, out);
	}
	grid_finish(&grid);
	return good;
}

/* The section's SQL, for people or wrapped up as one JSON array. */
static void put_sql(struct buf *sql, const struct section *section, bool json)
{
	const char *gap = strstr(section->sql, "%s");
	const char *time = json ? ISO_TIME : section->time;

	buf_puts(sql, json ? "SELECT coalesce(json_agg(t), '[]')::text FROM (" : "");
	if (gap) {
		buf_put(sql, section->sql, (size_t)(gap - section->sql));
		buf_puts(sql, time);
		buf_puts(sql, gap + 2);
	} else {
		buf_puts(sql, section->sql);
	}
	buf_puts(sql, json ? ") AS t" : "");
	buf_putc(sql, '\0');
}

static int put_section(struct buf *out, struct pg *pg, const struct section *section,
    bool json, struct err *err)
{
	struct buf sql = { 0 };
	PGresult *rows = NULL;
	int result;

	put_sql(&sql, section, json);
	result = sql.failed ? err_set(err, ENOMEM, "out of memory")
	                    : pg_query(pg, sql.ptr, NULL, 0, &rows, err);
	buf_finish(&sql);
	if (result < 0) {
		return result;
	}
	if (json) {
		buf_printf(out, "\"%s\":", section->name);
		print_json_compact(out, PQgetvalue(rows, 0, 0));
	} else if (!put_table(out, rows, section)) {
		result = err_set(err, ENOMEM, "out of memory");
	}
	PQclear(rows);
	return result;
}

/* All sections, as of one moment. */
static int put_all(struct buf *out, struct pg *pg, bool json, struct err *err)
{
	int result = pg_do(pg,
	    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
	    " SET LOCAL statement_timeout = '60s'",
	    err);

	buf_puts(out, json ? "{" : "");
	for (size_t i = 0; i < SECTION_COUNT && result == 0; i++) {
		if (i > 0) {
			buf_puts(out, json ? "," : "\n");
		}
		result = put_section(out, pg, &sections[i], json, err);
	}
	buf_puts(out, json ? "}\n" : "");
	if (result == 0) {
		result = pg_do(pg, "ROLLBACK", err);
	}
	if (result == 0 && out->failed) {
		result = err_set(err, ENOMEM, "out of memory");
	}
	return result;
}

static const char *advice(const struct pg *pg)
{
	const char *state = pg ? pg_sqlstate(pg) : "";

	if (strcmp(state, "42P01") == 0) {
		return "; run `waybill migrate`";
	}
	if (strcmp(state, "42501") == 0) {
		return "; connect as the owner of the table, or as a member of authenticated or "
		       "service_role";
	}
	return "";
}

int cmd_stats_pg_run(const struct stats_options *options)
{
	struct pg_settings settings = { .url = options->database,
		.program = "waybill stats" };
	struct buf out = { 0 };
	struct pg *pg = NULL;
	struct err err = { { 0 } };
	int result = pg_open(&settings, &pg, &err);

	if (result == 0) {
		result = put_all(&out, pg, options->json, &err);
	}
	if (result == 0 && (fwrite(out.ptr, 1, out.len, options->out) != out.len ||
	                       fflush(options->out) != 0)) {
		result = err_set(&err, errno, "cannot write: %s", strerror(errno));
	}
	if (result < 0) {
		(void)fprintf(stderr, "waybill stats: %s%s\n", err.text, advice(pg));
	}
	buf_finish(&out);
	pg_close(pg);
	return result < 0 ? 1 : 0;
}

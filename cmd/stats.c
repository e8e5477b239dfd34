/* SPDX-License-Identifier: MIT */
#include "cmd/stats.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cmd/grid.h"
#include "cmd/print.h"
#include "sql/store.h"

#define CELL_MAX 80 /* bytes of a cell that are shown */

static const struct view {
	const char *name;
	const char *sql;
	const char *title;
	const char *empty;
	size_t time_length; /* how much of 2026-11-23T19:00:00Z tells the bucket */
} views[] = {
	{ "hourly", "SELECT * FROM integration_stats_hourly",
	    "Last 24 hours, by hour (UTC)", "no rows in the last 24 hours", 16 },
	{ "daily", "SELECT * FROM integration_stats_daily", "Last 30 days, by day (UTC)",
	    "no rows in the last 30 days", 10 },
};

#define VIEW_COUNT (sizeof(views) / sizeof(views[0]))

static bool is_time(const char *name)
{
	return strcmp(name, "hour") == 0 || strcmp(name, "day") == 0;
}

static bool add_header(struct grid *grid, sqlite3_stmt *rows)
{
	for (int i = 0; i < grid->columns; i++) {
		struct buf text = { 0 };

		buf_puts(&text, sqlite3_column_name(rows, i));
		if (!grid_add(grid, &text)) {
			return false;
		}
	}
	return true;
}

/* "2026-11-23T19:00:00Z" up to what matters, without the T. */
static void put_time(struct buf *out, const char *text, size_t length)
{
	size_t from = out->len;
	char *mark;

	print_clean(out, text, CELL_MAX);
	buf_truncate(out, from + length < out->len ? from + length : out->len);
	mark = out->failed ? NULL : memchr(out->ptr + from, 'T', out->len - from);
	if (mark) {
		*mark = ' ';
	}
}

static bool add_row(struct grid *grid, sqlite3_stmt *rows, const struct view *view)
{
	for (int i = 0; i < grid->columns; i++) {
		const char *text = (const char *)sqlite3_column_text(rows, i);
		struct buf cell = { 0 };

		if (!text) {
			buf_putc(&cell, '-');
		} else if (sqlite3_column_type(rows, i) == SQLITE_INTEGER) {
			print_thousands(&cell, sqlite3_column_int64(rows, i));
			grid->right[i] = true;
		} else if (is_time(sqlite3_column_name(rows, i))) {
			put_time(&cell, text, view->time_length);
		} else {
			print_clean(&cell, text, CELL_MAX);
		}
		if (!grid_add(grid, &cell)) {
			return false;
		}
	}
	return true;
}

/* Returns SQLITE_DONE or the code of a failure. */
static int put_table(struct buf *out, sqlite3_stmt *rows, const struct view *view)
{
	struct grid grid = { .columns = sqlite3_column_count(rows) };
	int code;

	if (grid.columns < 1 || grid.columns > GRID_COLUMNS_MAX) {
		return SQLITE_MISMATCH;
	}
	if (!add_header(&grid, rows)) {
		grid_finish(&grid);
		return SQLITE_NOMEM;
	}
	while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
		if (!add_row(&grid, rows, view)) {
			code = SQLITE_NOMEM;
			break;
		}
	}
	if (code == SQLITE_DONE) {
		buf_printf(out, "%s\n\n", view->title);
		if (grid.count == (size_t)grid.columns) {
			buf_printf(out, "%s\n", view->empty);
		} else {
			grid_put(&grid, out);
		}
	}
	grid_finish(&grid);
	return code;
}

/* Returns SQLITE_DONE or the code of a failure. */
static int put_json(struct buf *out, sqlite3_stmt *rows, const struct view *view)
{
	bool first = true;
	int code;

	buf_printf(out, "\"%s\":[", view->name);
	while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
		buf_puts(out, first ? "" : ",");
		print_json_row(out, rows);
		first = false;
	}
	buf_putc(out, ']');
	return code;
}

static int put_view(struct buf *out, sqlite3 *db, const struct view *view,
    const struct stats_options *options)
{
	sqlite3_stmt *rows = NULL;
	int code = sqlite3_prepare_v2(db, view->sql, -1, &rows, NULL);

	if (code == SQLITE_OK) {
		code = options->json ? put_json(out, rows, view)
		                     : put_table(out, rows, view);
	}
	sqlite3_finalize(rows);
	return code;
}

/* Both views, as of one moment. */
static int put_views(
    struct buf *out, sqlite3 *db, const struct stats_options *options, struct err *err)
{
	int code = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);

	buf_puts(out, options->json ? "{" : "");
	for (size_t i = 0; i < VIEW_COUNT && (code == SQLITE_OK || code == SQLITE_DONE);
	     i++) {
		if (i > 0) {
			buf_puts(out, options->json ? "," : "\n");
		}
		code = put_view(out, db, &views[i], options);
	}
	buf_puts(out, options->json ? "}\n" : "");
	if (code != SQLITE_DONE) {
		return err_set(err, EIO, "%s: cannot be read: %s", options->database,
		    code == SQLITE_NOMEM ? "out of memory" : sqlite3_errmsg(db));
	}
	return out->failed ? err_set(err, ENOMEM, "out of memory") : 0;
}

int cmd_stats_run(const struct stats_options *options)
{
	struct buf out = { 0 };
	sqlite3 *db = NULL;
	struct err err;
	int result = store_open_reader(options->database, &db, &err);

	if (result == 0) {
		result = put_views(&out, db, options, &err);
	}
	(void)sqlite3_close(db); /* only read from */
	if (result == 0 && (fwrite(out.ptr, 1, out.len, options->out) != out.len ||
	                       fflush(options->out) != 0)) {
		result = err_set(&err, errno, "cannot write: %s", strerror(errno));
	}
	buf_finish(&out);
	if (result < 0) {
		(void)fprintf(stderr, "waybill stats: %s\n", err.text);
		return 1;
	}
	return 0;
}

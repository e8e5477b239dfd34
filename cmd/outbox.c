/* SPDX-License-Identifier: MIT */
#include "cmd/outbox.h"

#include <sqlite3.h>

#include "cmd/print.h"
#include "sql/outbox.h"
#include "sql/store.h"

enum { EXIT_GOOD = 0, EXIT_BAD = 1, EXIT_MISUSED = 2 };

enum list_column {
	LIST_STATE,
	LIST_ID,
	LIST_SERVICE,
	LIST_ACTION,
	LIST_STATUS,
	LIST_CREATED,
	LIST_SQLSTATE,
	LIST_MESSAGE,
};

static const char list_sql[] =
    "SELECT * FROM (SELECT 'refused' AS state, l.id, l.service_name, l.action, l.status,"
    " l.created_at, r.sqlstate, r.message, r.refused_at"
    " FROM waybill_refused r JOIN integration_logs l ON l.rowid = r.log_rowid"
    " ORDER BY r.log_rowid LIMIT ?1)"
    " UNION ALL SELECT * FROM (SELECT 'waiting', l.id, l.service_name, l.action,"
    " l.status, l.created_at, NULL, NULL, NULL"
    " FROM waybill_outbox o JOIN integration_logs l ON l.rowid = o.log_rowid"
    " ORDER BY o.log_rowid LIMIT ?1)";

static const char count_sql[] =
    "SELECT (SELECT count(*) FROM waybill_outbox), (SELECT count(*) FROM waybill_refused)";

static int complain(const char *text)
{
	(void)fprintf(stderr, "waybill outbox: %s\n", text);
	return EXIT_BAD;
}

static void put_cell(struct buf *line, sqlite3_stmt *row, int column, size_t width)
{
	size_t from = line->len;
	const char *text = (const char *)sqlite3_column_text(row, column);

	print_clean(line, text ? text : "", 200);
	print_pad(line, from, width);
	buf_putc(line, ' ');
}

static void put_line(struct buf *line, sqlite3_stmt *row)
{
	const char *created = (const char *)sqlite3_column_text(row, LIST_CREATED);

	print_local_time(line, created ? created : "");
	buf_putc(line, ' ');
	put_cell(line, row, LIST_STATE, 8);
	put_cell(line, row, LIST_ID, 36);
	put_cell(line, row, LIST_SERVICE, 10);
	put_cell(line, row, LIST_ACTION, 24);
	put_cell(line, row, LIST_STATUS, 8);
	if (sqlite3_column_type(row, LIST_SQLSTATE) != SQLITE_NULL) {
		put_cell(line, row, LIST_SQLSTATE, 5);
		put_cell(line, row, LIST_MESSAGE, 0);
	}
	buf_putc(line, '\n');
}

/* Writes the rows; returns an SQLite code. */
static int list_rows(sqlite3 *db, const struct outbox_options *options)
{
	struct buf line = { 0 };
	sqlite3_stmt *list = NULL;
	bool first = true;
	int code = sqlite3_prepare_v2(db, list_sql, -1, &list, NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_bind_int64(
		    list, 1, options->limit ? (int64_t)options->limit : -1);
	}
	while (code == SQLITE_OK && (code = sqlite3_step(list)) == SQLITE_ROW) {
		buf_truncate(&line, 0);
		if (options->json) {
			buf_puts(&line, first ? "" : ", ");
			print_json_row(&line, list);
		} else {
			put_line(&line, list);
		}
		first = false;
		code = line.failed ? SQLITE_NOMEM : SQLITE_OK;
		(void)fwrite(line.ptr, 1, line.len, options->out); /* ferror tells */
	}
	buf_finish(&line);
	sqlite3_finalize(list);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int list_with_counts(sqlite3 *db, const struct outbox_options *options)
{
	sqlite3_stmt *count = NULL;
	int code = sqlite3_prepare_v2(db, count_sql, -1, &count, NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_step(count);
	}
	if (code != SQLITE_ROW) {
		sqlite3_finalize(count);
		return code;
	}
	if (options->json) {
		(void)fprintf(options->out,
		    "{\"waiting\": %lld, \"refused\": %lld, \"rows\": [",
		    sqlite3_column_int64(count, 0), sqlite3_column_int64(count, 1));
	} else {
		(void)fprintf(options->out, "%lld waiting, %lld refused\n",
		    sqlite3_column_int64(count, 0), sqlite3_column_int64(count, 1));
	}
	sqlite3_finalize(count);
	code = list_rows(db, options);
	if (options->json) {
		(void)fputs("]}\n", options->out); /* ferror tells */
	}
	return code;
}

static int list(const struct outbox_options *options)
{
	sqlite3 *db = NULL;
	struct err err;
	int code;
	int result = EXIT_GOOD;

	if (store_open_reader(options->database, &db, &err) < 0) {
		return complain(err.text);
	}
	code = list_with_counts(db, options);
	if (code != SQLITE_OK) {
		result = complain(sqlite3_errmsg(db));
	} else if (fflush(options->out) != 0 || ferror(options->out)) {
		result = complain("the list cannot be written");
	}
	(void)sqlite3_close(db); /* no statement is left */
	return result;
}

/* Returns how many rows were changed, or a negative errno. */
static int change_one(struct outbox *outbox, const struct outbox_options *options,
    const struct uuid *id, struct err *err)
{
	return options->action == OUTBOX_ACTION_RETRY ? outbox_retry(outbox, id, err)
	                                              : outbox_drop(outbox, id, err);
}

static int change_listed(
    struct outbox *outbox, const struct outbox_options *options, int *ret_changed)
{
	int result = EXIT_GOOD;

	for (size_t i = 0; i < options->id_count; i++) {
		struct uuid id;
		struct err err;
		int changed;

		(void)uuid_parse(slice_of(options->ids[i]), &id); /* checked before */
		changed = change_one(outbox, options, &id, &err);
		if (changed < 0) {
			return complain(err.text);
		}
		if (changed == 0) {
			(void)fprintf(stderr, "waybill outbox: %s is not a refused row\n",
			    options->ids[i]);
			result = EXIT_BAD;
		}
		*ret_changed += changed;
	}
	return result;
}

static int change(const struct outbox_options *options)
{
	struct outbox *outbox = NULL;
	struct uuid id;
	struct err err;
	int changed = 0;
	int result = EXIT_GOOD;

	for (size_t i = 0; i < options->id_count; i++) {
		if (!uuid_parse(slice_of(options->ids[i]), &id)) {
			(void)fprintf(
			    stderr, "waybill outbox: %s is no UUID\n", options->ids[i]);
			return EXIT_MISUSED;
		}
	}
	if (outbox_open(options->database, &outbox, &err) < 0) {
		return complain(err.text);
	}
	if (options->id_count > 0) {
		result = change_listed(outbox, options, &changed);
	} else {
		changed = change_one(outbox, options, NULL, &err);
		if (changed < 0) {
			result = complain(err.text);
			changed = 0;
		}
	}
	outbox_close(outbox);
	if (options->json) {
		(void)fprintf(options->out, "{\"changed\": %d}\n", changed);
	} else {
		(void)fprintf(options->out, "%d rows %s\n", changed,
		    options->action == OUTBOX_ACTION_RETRY ? "are sent again"
		                                           : "are given up");
	}
	return result;
}

int cmd_outbox_run(const struct outbox_options *options)
{
	return options->action == OUTBOX_ACTION_LIST ? list(options) : change(options);
}

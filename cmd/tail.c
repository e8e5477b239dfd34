/* SPDX-License-Identifier: MIT */
#include "cmd/tail.h"

#include <errno.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/line.h"
#include "cmd/print.h"
#include "sql/column.h"
#include "sql/row.h"
#include "sql/store.h"

#define POLL_MS 200

/* ?4 to ?6: the filters, lists with commas around; NULL lets everything by. */
#define FILTERS                                                                          \
	" (?4 IS NULL OR instr(?4, ',' || l.service_name || ',') > 0)"                   \
	" AND (?5 IS NULL OR instr(?5, ',' || l.action || ',') > 0)"                     \
	" AND (?6 IS NULL OR instr(?6, ',' || l.status || ',') > 0)"

/* What has been shown: everything up to here. */
struct cursor {
	int64_t rowid;
	int64_t seq;
	char id[UUID_TEXT_SIZE]; /* the greatest one; ids are made in the order of time */
};

struct tail {
	const struct tail_options *options; /* borrowed */
	sqlite3 *db;                        /* owned, as all below */
	sqlite3_stmt *version;
	sqlite3_stmt *place;
	sqlite3_stmt *last;
	sqlite3_stmt *added;
	sqlite3_stmt *changed;
	char *filter[3]; /* ",a,b," or NULL */
	struct buf line;
	struct cursor cursor;
	struct stat
	    file; /* which file is open: waybill may set it aside and begin another */
	int data_version; /* of the last look */
	bool begun;
	bool colour;
};

static sqlite3_stmt *prepare(sqlite3 *db, const char *before, const char *after)
{
	char *columns = column_list("l.");
	struct buf sql = { 0 };
	sqlite3_stmt *statement = NULL;

	if (columns) {
		buf_puts(&sql, before);
		buf_puts(&sql, columns);
		buf_puts(&sql, after);
	}
	if (columns && !sql.failed) {
		/* a failure leaves NULL, and its words in the connection */
		(void)sqlite3_prepare_v2(db, sql.ptr, (int)sql.len, &statement, NULL);
	}
	buf_finish(&sql);
	free(columns);
	return statement;
}

static void finalize_all(struct tail *tail)
{
	sqlite3_finalize(tail->version);
	sqlite3_finalize(tail->place);
	sqlite3_finalize(tail->last);
	sqlite3_finalize(tail->added);
	sqlite3_finalize(tail->changed);
	tail->version = tail->place = tail->last = tail->added = tail->changed = NULL;
}

static bool prepare_all(struct tail *tail)
{
	(void)sqlite3_prepare_v2(
	    tail->db, "PRAGMA data_version", -1, &tail->version, NULL);
	(void)sqlite3_prepare_v2(tail->db,
	    "SELECT coalesce(max(rowid), 0), (SELECT coalesce(max(seq), 0) FROM waybill_changes),"
	    " (SELECT coalesce(max(id), '') FROM integration_logs) FROM integration_logs",
	    -1, &tail->place, NULL);
	tail->last = prepare(tail->db, "SELECT ",
	    " FROM (SELECT rowid AS place, * FROM integration_logs AS l WHERE" FILTERS
	    " ORDER BY rowid DESC LIMIT ?1) AS l ORDER BY place");
	tail->added = prepare(tail->db, "SELECT ",
	    " FROM integration_logs AS l WHERE l.rowid > ?1 AND l.rowid <= ?2 AND l.id > ?3"
	    " AND" FILTERS " ORDER BY l.rowid");
	tail->changed = prepare(tail->db, "SELECT ",
	    " FROM (SELECT log_rowid, max(seq) AS seq FROM waybill_changes WHERE seq > ?1"
	    " GROUP BY log_rowid) AS c JOIN integration_logs AS l ON l.rowid = c.log_rowid"
	    " WHERE l.rowid <= ?2 AND" FILTERS " ORDER BY c.seq");
	return tail->version && tail->place && tail->last && tail->added && tail->changed;
}

/* Opens the database at the path anew; on failure the tail keeps what it has. */
static int open_file(struct tail *tail, struct err *err)
{
	const char *path = tail->options->database;
	struct tail fresh = { 0 };
	int result = store_open_reader(path, &fresh.db, err);

	if (result < 0) {
		return result;
	}
	if (stat(path, &fresh.file) < 0) {
		result = err_set(err, errno, "%s: %s", path, strerror(errno));
	} else if (!prepare_all(&fresh)) {
		result = err_set(
		    err, EIO, "%s: cannot be read: %s", path, sqlite3_errmsg(fresh.db));
	}
	if (result < 0) {
		finalize_all(&fresh);
		(void)sqlite3_close(fresh.db); /* no statement is left */
		return result;
	}
	finalize_all(tail);
	(void)sqlite3_close(tail->db); /* no statement is left */
	tail->db = fresh.db;
	tail->version = fresh.version;
	tail->place = fresh.place;
	tail->last = fresh.last;
	tail->added = fresh.added;
	tail->changed = fresh.changed;
	tail->file = fresh.file;
	tail->data_version = -1;
	memset(&tail->cursor, 0, sizeof(tail->cursor));
	return 0;
}

static bool make_filter(const char *list, char **ret_filter)
{
	*ret_filter = NULL;
	return !list || asprintf(ret_filter, ",%s,", list) >= 0;
}

static bool wants_colour(const struct tail_options *options)
{
	const char *terminal = getenv("TERM");
	const char *refused = getenv("NO_COLOR"); /* no-color.org */

	return !options->json && isatty(fileno(options->out)) == 1 && terminal &&
	       strcmp(terminal, "dumb") != 0 && !(refused && *refused);
}

int tail_open(const struct tail_options *options, struct tail **ret_tail, struct err *err)
{
	struct tail *tail = calloc(1, sizeof(*tail));
	int result;

	if (!tail) {
		return err_set(err, ENOMEM, "out of memory");
	}
	tail->options = options;
	tail->colour = wants_colour(options);
	if (!make_filter(options->service, &tail->filter[0]) ||
	    !make_filter(options->action, &tail->filter[1]) ||
	    !make_filter(options->status, &tail->filter[2])) {
		result = err_set(err, ENOMEM, "out of memory");
	} else {
		result = open_file(tail, err);
	}
	if (result < 0) {
		tail_close(tail);
		return result;
	}
	*ret_tail = tail;
	return 0;
}

void tail_close(struct tail *tail)
{
	if (!tail) {
		return;
	}
	finalize_all(tail);
	(void)sqlite3_close(tail->db); /* no statement is left */
	for (size_t i = 0; i < sizeof(tail->filter) / sizeof(tail->filter[0]); i++) {
		free(tail->filter[i]);
	}
	buf_finish(&tail->line);
	free(tail);
}

/* Writes the statement's current row. False: nobody reads it, or there is no memory. */
static bool show(struct tail *tail, sqlite3_stmt *row)
{
	buf_truncate(&tail->line, 0);
	if (tail->options->json) {
		print_json_row(&tail->line, row);
	} else {
		line_put(&tail->line, row, tail->colour);
	}
	buf_putc(&tail->line, '\n');
	return !tail->line.failed && fwrite(tail->line.ptr, 1, tail->line.len,
	                                 tail->options->out) == tail->line.len;
}

/* Shows all rows of a statement whose ?1 to ?3 are bound. Returns how many, or a negative
 * errno. */
static int show_all(struct tail *tail, sqlite3_stmt *rows, struct err *err)
{
	int shown = 0;
	int code = SQLITE_OK;

	for (int i = 0; i < 3 && code == SQLITE_OK; i++) {
		code = sqlite3_bind_text(rows, 4 + i, tail->filter[i], -1, SQLITE_STATIC);
	}
	while (code == SQLITE_OK && (code = sqlite3_step(rows)) == SQLITE_ROW) {
		if (!show(tail, rows)) {
			code = tail->line.failed ? SQLITE_NOMEM : SQLITE_DONE;
			break;
		}
		shown++;
		code = SQLITE_OK;
	}
	(void)sqlite3_reset(rows); /* repeats the code of the step */
	(void)sqlite3_clear_bindings(rows);
	if (code != SQLITE_DONE) {
		return err_set(err, EIO, "%s: cannot be read: %s",
		    tail->options->database, sqlite3_errstr(code));
	}
	return shown;
}

static bool read_place(struct tail *tail, struct cursor *ret_place)
{
	bool found = sqlite3_step(tail->place) == SQLITE_ROW;

	if (found) {
		const char *id = (const char *)sqlite3_column_text(tail->place, 2);

		ret_place->rowid = sqlite3_column_int64(tail->place, 0);
		ret_place->seq = sqlite3_column_int64(tail->place, 1);
		(void)snprintf(ret_place->id, sizeof(ret_place->id), "%s", id ? id : "");
	}
	(void)sqlite3_reset(
	    tail->place); /* what it failed with shows in the next statement */
	return found;
}

/* The last rows, as many as were asked for. */
static int show_last(struct tail *tail, struct err *err)
{
	if (sqlite3_bind_int64(tail->last, 1, tail->options->lines) != SQLITE_OK) {
		return err_set(err, ENOMEM, "out of memory");
	}
	return show_all(tail, tail->last, err);
}

/* What happened between the cursor and here: changes of rows already shown, then new
 * rows. */
static int show_news(struct tail *tail, const struct cursor *here, struct err *err)
{
	/* The table was emptied, and rowids began anew: what came since has a later id.
	 */
	bool restarted = here->rowid < tail->cursor.rowid;
	int changed;
	int added;

	if (sqlite3_bind_int64(tail->changed, 1, tail->cursor.seq) != SQLITE_OK ||
	    sqlite3_bind_int64(tail->changed, 2, restarted ? 0 : tail->cursor.rowid) !=
	        SQLITE_OK) {
		return err_set(err, ENOMEM, "out of memory");
	}
	changed = show_all(tail, tail->changed, err);
	if (changed < 0) {
		return changed;
	}
	if (sqlite3_bind_int64(tail->added, 1, restarted ? 0 : tail->cursor.rowid) !=
	        SQLITE_OK ||
	    sqlite3_bind_int64(tail->added, 2, here->rowid) != SQLITE_OK ||
	    sqlite3_bind_text(tail->added, 3, restarted ? tail->cursor.id : "", -1,
	        SQLITE_STATIC) != SQLITE_OK) {
		return err_set(err, ENOMEM, "out of memory");
	}
	added = show_all(tail, tail->added, err);
	return added < 0 ? added : changed + added;
}

static int data_version(struct tail *tail)
{
	int version = -1;

	if (sqlite3_step(tail->version) == SQLITE_ROW) {
		version = sqlite3_column_int(tail->version, 0);
	}
	(void)sqlite3_reset(tail->version); /* -1 makes the caller look */
	return version;
}

/* Was the file set aside and another begun? */
static bool is_replaced(const struct tail *tail)
{
	struct stat now;

	return stat(tail->options->database, &now) == 0 &&
	       (now.st_ino != tail->file.st_ino || now.st_dev != tail->file.st_dev);
}

int tail_poll(struct tail *tail, struct err *err)
{
	struct cursor here;
	int version;
	int shown;

	if (is_replaced(tail) && open_file(tail, NULL) < 0) {
		return 0; /* it is still being made: the next look finds it */
	}
	version = data_version(tail);
	if (version != -1 && version == tail->data_version) {
		return 0;
	}
	/* One transaction: cursor and rows are of the same moment. */
	if (sqlite3_exec(tail->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
		return err_set(err, EIO, "%s: cannot be read: %s",
		    tail->options->database, sqlite3_errmsg(tail->db));
	}
	if (!read_place(tail, &here)) {
		shown = err_set(err, EIO, "%s: cannot be read: %s",
		    tail->options->database, sqlite3_errmsg(tail->db));
	} else {
		shown = tail->begun ? show_news(tail, &here, err) : show_last(tail, err);
	}
	(void)sqlite3_exec(
	    tail->db, "COMMIT", NULL, NULL, NULL); /* nothing was written */
	if (shown >= 0) {
		tail->cursor = here;
		tail->data_version = version;
		tail->begun = true;
		(void)fflush(tail->options->out); /* the caller looks at ferror */
	}
	return shown;
}

/* Waits for the next look. False: to end, because of *stop or because nobody reads out.
 */
static bool wait_next(const struct tail_options *options)
{
	struct pollfd out = { .fd = fileno(options->out), .events = 0 };

	if (ferror(options->out)) {
		return false;
	}
	if (poll(&out, 1, POLL_MS) > 0) {
		return false; /* hung up: only that is reported without events */
	}
	return !(options->stop && *options->stop);
}

static bool statuses_known(const char *list)
{
	struct slice rest = slice_of(list);

	while (rest.ptr) {
		struct slice word = slice_cut(&rest, ',');
		enum row_status status;

		if (!row_status_parse(word, &status)) {
			(void)fprintf(stderr,
			    "waybill tail: unknown status \"%.*s\": one of success, failed, pending, "
			    "retrying\n",
			    SLICE_ARG(word));
			return false;
		}
	}
	return true;
}

int cmd_tail_run(const struct tail_options *options)
{
	struct tail *tail = NULL;
	struct err err;
	int result;

	if (!statuses_known(options->status)) {
		return 2;
	}
	result = tail_open(options, &tail, &err);
	if (result == 0) {
		do {
			result = tail_poll(tail, &err);
		} while (result >= 0 && options->follow && wait_next(options));
	}
	tail_close(tail);
	if (result < 0) {
		(void)fprintf(stderr, "waybill tail: %s\n", err.text);
		return 1;
	}
	return 0;
}

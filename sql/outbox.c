/* SPDX-License-Identifier: MIT */
#include "sql/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "sql/handle.h"
#include "sql/room.h"

#define BUSY_WAIT_US 1000
#define BUSY_TRIES   5000

enum outbox_statement {
	OUTBOX_BEGIN,
	OUTBOX_COMMIT,
	OUTBOX_READ,
	OUTBOX_REMOVE,
	OUTBOX_REFUSE,
	OUTBOX_COUNT_WAITING,
	OUTBOX_COUNT_REFUSED,
	OUTBOX_RETRY,
	OUTBOX_DROP,
	OUTBOX_EVICT,
	OUTBOX_FREE_PAGES,
	OUTBOX_STATEMENT_COUNT
};

/* Which refused rows: all without an id. */
#define OF_ID                                                                            \
	"(?1 IS NULL OR log_rowid IN"                                                    \
	" (SELECT rowid FROM integration_logs WHERE id = ?1))"

static const char *const statement_sql[OUTBOX_STATEMENT_COUNT] = {
	[OUTBOX_BEGIN] = "BEGIN IMMEDIATE",
	[OUTBOX_COMMIT] = "COMMIT",
	[OUTBOX_READ] = NULL, /* made of the columns */
	[OUTBOX_REMOVE] = "DELETE FROM waybill_outbox WHERE log_rowid = ?1 AND rev = ?2",
	[OUTBOX_REFUSE] =
	    "INSERT INTO waybill_refused (log_rowid, sqlstate, message, refused_at)"
	    " VALUES (?1, ?2, ?3, ?4)"
	    " ON CONFLICT (log_rowid) DO UPDATE SET sqlstate = excluded.sqlstate,"
	    " message = excluded.message, refused_at = excluded.refused_at",
	[OUTBOX_COUNT_WAITING] = "SELECT count(*) FROM waybill_outbox",
	[OUTBOX_COUNT_REFUSED] = "SELECT count(*) FROM waybill_refused",
	[OUTBOX_RETRY] = "INSERT INTO waybill_outbox (log_rowid, rev)"
	                 " SELECT log_rowid, random() FROM waybill_refused WHERE " OF_ID
	                 " ON CONFLICT (log_rowid) DO UPDATE SET rev = excluded.rev",
	[OUTBOX_DROP] = "DELETE FROM waybill_refused WHERE " OF_ID,
	/* delivered rows are those with the lowest rowids */
	[OUTBOX_EVICT] =
	    "DELETE FROM integration_logs WHERE rowid IN (SELECT l.rowid"
	    " FROM integration_logs l WHERE l.duration_ms IS NOT NULL"
	    " AND NOT EXISTS (SELECT 1 FROM waybill_outbox o WHERE o.log_rowid = l.rowid)"
	    " AND NOT EXISTS (SELECT 1 FROM waybill_refused r WHERE r.log_rowid = l.rowid)"
	    " ORDER BY l.rowid LIMIT ?1)",
	[OUTBOX_FREE_PAGES] =
	    "SELECT freelist_count * page_size FROM pragma_freelist_count, "
	    "pragma_page_size",
};

struct outbox {
	char *path;                                      /* owned */
	sqlite3 *db;                                     /* owned */
	sqlite3_stmt *statement[OUTBOX_STATEMENT_COUNT]; /* owned; reset between uses */
};

/* The recorder's transactions are short: ask again soon. */
static int on_busy(void *arg, int tries)
{
	(void)arg;
	if (tries >= BUSY_TRIES) {
		return 0;
	}
	(void)usleep(BUSY_WAIT_US);
	return 1;
}

static int fault(struct outbox *outbox, int code, const char *what, struct err *err)
{
	return handle_error(outbox->db, code, outbox->path, what, err);
}

static int run(struct outbox *outbox, enum outbox_statement which)
{
	sqlite3_stmt *statement = outbox->statement[which];
	int code = sqlite3_step(statement);

	(void)sqlite3_reset(statement); /* repeats the code of the step */
	(void)sqlite3_clear_bindings(statement);
	return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

static int prepare(struct outbox *outbox)
{
	for (int i = 0; i < OUTBOX_STATEMENT_COUNT; i++) {
		char *columns = i == OUTBOX_READ ? column_list("l.") : NULL;
		char *made = NULL;
		int code;

		if (columns &&
		    asprintf(&made,
		        "SELECT %s, o.log_rowid, o.rev FROM waybill_outbox o"
		        " CROSS JOIN integration_logs l ON l.rowid = o.log_rowid"
		        " ORDER BY o.log_rowid",
		        columns) < 0) {
			made = NULL;
		}
		free(columns);
		if (i == OUTBOX_READ && !made) {
			return SQLITE_NOMEM;
		}
		code = sqlite3_prepare_v3(outbox->db, made ? made : statement_sql[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &outbox->statement[i], NULL);
		free(made);
		if (code != SQLITE_OK) {
			return code;
		}
	}
	return SQLITE_OK;
}

int outbox_open(const char *path, struct outbox **ret_outbox, struct err *err)
{
	struct outbox *outbox;
	int code;
	int result = handle_look_for(path, err);

	if (result < 0) {
		return result;
	}
	outbox = calloc(1, sizeof(*outbox));
	if (outbox) {
		outbox->path = strdup(path);
	}
	if (!outbox || !outbox->path) {
		free(outbox);
		return err_set(err, ENOMEM, "%s: out of memory", path);
	}
	code = sqlite3_open_v2(
	    path, &outbox->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK) {
		(void)sqlite3_extended_result_codes(outbox->db, 1);
		(void)sqlite3_busy_handler(outbox->db, on_busy, NULL);
		room_bound_log(outbox->db, path);
		code = sqlite3_exec(outbox->db,
		    "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096", NULL, NULL,
		    NULL);
	}
	if (code == SQLITE_OK) {
		code = prepare(outbox);
	}
	if (code != SQLITE_OK) {
		result = fault(outbox, code, "open the outbox", err);
		outbox_close(outbox);
		return result;
	}
	*ret_outbox = outbox;
	return 0;
}

void outbox_close(struct outbox *outbox)
{
	if (!outbox) {
		return;
	}
	for (int i = 0; i < OUTBOX_STATEMENT_COUNT; i++) {
		sqlite3_finalize(outbox->statement[i]);
	}
	(void)sqlite3_close(outbox->db); /* cannot be busy: no statement is left */
	free(outbox->path);
	free(outbox);
}

/* Copies the statement's current row. 0 or -ENOMEM. */
static int copy_row(sqlite3_stmt *read, struct shipment *batch)
{
	struct shipment_row *row =
	    shipment_add(batch, sqlite3_column_int64(read, COLUMN_COUNT),
	        sqlite3_column_int64(read, COLUMN_COUNT + 1));

	for (int i = 0; row && i < COLUMN_COUNT; i++) {
		const char *text;

		if (sqlite3_column_type(read, i) == SQLITE_NULL) {
			continue;
		}
		text = (const char *)sqlite3_column_text(read, i);
		if (!text || shipment_set(batch, &row->value[i],
		                 (struct slice){
		                     text, (size_t)sqlite3_column_bytes(read, i) }) < 0) {
			return -ENOMEM;
		}
	}
	return row ? 0 : -ENOMEM;
}

int outbox_read(struct outbox *outbox, const struct outbox_limits *limits,
    const struct shipment *except, struct shipment *batch, struct err *err)
{
	sqlite3_stmt *read = outbox->statement[OUTBOX_READ];
	int code = SQLITE_ROW;
	int result = 0;

	while (result == 0 && batch->count < limits->rows &&
	       batch->text.len < limits->bytes &&
	       (code = sqlite3_step(read)) == SQLITE_ROW) {
		if (!except ||
		    !shipment_has(except, sqlite3_column_int64(read, COLUMN_COUNT))) {
			result = copy_row(read, batch);
		}
	}
	(void)sqlite3_reset(read); /* repeats the code of the step */
	if (result < 0) {
		(void)err_set(err, ENOMEM, "out of memory for rows of the outbox");
	} else if (code != SQLITE_ROW && code != SQLITE_DONE) {
		result = fault(outbox, code, "read the outbox", err);
	}
	if (result < 0) {
		shipment_clear(batch);
	}
	return result;
}

static int refuse(
    struct outbox *outbox, const struct shipment *batch, const struct shipment_row *row)
{
	sqlite3_stmt *statement = outbox->statement[OUTBOX_REFUSE];
	struct slice words = shipment_text(batch, &row->refusal);
	char now[CLOCK_TEXT_SIZE];
	int code = sqlite3_bind_int64(statement, 1, row->log_rowid);

	clock_format_us(wall_us(), now);
	if (code == SQLITE_OK) {
		code = sqlite3_bind_text(statement, 2, row->sqlstate, -1, SQLITE_STATIC);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_bind_text(statement, 3, words.ptr ? words.ptr : "",
		    (int)words.len, SQLITE_STATIC);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_bind_text(statement, 4, now, -1, SQLITE_STATIC);
	}
	return code == SQLITE_OK ? run(outbox, OUTBOX_REFUSE) : code;
}

static int settle_row(
    struct outbox *outbox, const struct shipment *batch, const struct shipment_row *row)
{
	sqlite3_stmt *remove = outbox->statement[OUTBOX_REMOVE];
	int code = sqlite3_bind_int64(remove, 1, row->log_rowid);

	if (code == SQLITE_OK) {
		code = sqlite3_bind_int64(remove, 2, row->rev);
	}
	if (code == SQLITE_OK) {
		code = run(outbox, OUTBOX_REMOVE);
	}
	/* changed meanwhile: the new revision has its own turn */
	if (code == SQLITE_OK && row->fate == ROW_FATE_REFUSED &&
	    sqlite3_changes(outbox->db) == 1) {
		code = refuse(outbox, batch, row);
	}
	return code;
}

static int settle_rows(struct outbox *outbox, const struct shipment *batch)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < batch->count && code == SQLITE_OK; i++) {
		if (batch->row[i].fate != ROW_FATE_WAITING) {
			code = settle_row(outbox, batch, &batch->row[i]);
		}
	}
	return code;
}

/* Ends the transaction one way or the other; words in err for the other. */
static int finish_transaction(struct outbox *outbox, int code, struct err *err)
{
	int result;

	if (code == SQLITE_OK) {
		code = run(outbox, OUTBOX_COMMIT);
	}
	if (code == SQLITE_OK) {
		return 0;
	}
	result = fault(outbox, code, "settle the outbox", err);
	if (!sqlite3_get_autocommit(outbox->db)) {
		/* Fails only when SQLite has already rolled back by itself. */
		(void)sqlite3_exec(outbox->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return result;
}

int outbox_settle(struct outbox *outbox, const struct shipment *batch, struct err *err)
{
	int code = run(outbox, OUTBOX_BEGIN);

	if (code == SQLITE_OK) {
		code = settle_rows(outbox, batch);
	}
	if (code == SQLITE_OK) {
		code = room_check(outbox->db);
	}
	return finish_transaction(outbox, code, err);
}

int outbox_settle_full(struct outbox *outbox, const struct shipment *batch, int rows,
    void (*give_room)(void *arg), void *arg, struct err *err)
{
	int evicted = 0;
	int result;
	int code;

	give_room(arg);
	/* The log first, so that what is evicted need not make it longer. */
	room_bring_in(outbox->db);
	code = run(outbox, OUTBOX_BEGIN);
	if (code == SQLITE_OK) {
		code = settle_rows(outbox, batch);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_bind_int(outbox->statement[OUTBOX_EVICT], 1, rows);
	}
	if (code == SQLITE_OK) {
		code = run(outbox, OUTBOX_EVICT);
		evicted = sqlite3_changes(outbox->db);
	}
	if (code == SQLITE_OK) {
		code = room_check_given(outbox->db);
	}
	result = finish_transaction(outbox, code, err);
	if (result == 0) {
		room_bring_in(outbox->db);
	}
	return result < 0 ? result : evicted;
}

static int query_int64(
    struct outbox *outbox, enum outbox_statement which, int64_t *ret_value)
{
	sqlite3_stmt *statement = outbox->statement[which];
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW) {
		*ret_value = sqlite3_column_int64(statement, 0);
		code = SQLITE_OK;
	} else if (code == SQLITE_DONE) {
		code = SQLITE_CORRUPT; /* these always answer */
	}
	(void)sqlite3_reset(statement); /* repeats the code of the step */
	return code;
}

int outbox_count(struct outbox *outbox, struct outbox_counts *ret_counts, struct err *err)
{
	struct outbox_counts counts = { 0 };
	int code = query_int64(outbox, OUTBOX_COUNT_WAITING, &counts.waiting);

	if (code == SQLITE_OK) {
		code = query_int64(outbox, OUTBOX_COUNT_REFUSED, &counts.refused);
	}
	if (code != SQLITE_OK) {
		return fault(outbox, code, "count the outbox", err);
	}
	*ret_counts = counts;
	return 0;
}

int64_t outbox_free_bytes(struct outbox *outbox)
{
	int64_t bytes = 0;
	int code = query_int64(outbox, OUTBOX_FREE_PAGES, &bytes);

	return code == SQLITE_OK ? bytes : -EIO;
}

static int run_for_id(struct outbox *outbox, enum outbox_statement which, const char *id)
{
	int code = SQLITE_OK;

	if (id) {
		code =
		    sqlite3_bind_text(outbox->statement[which], 1, id, -1, SQLITE_STATIC);
	}
	return code == SQLITE_OK ? run(outbox, which) : code;
}

/* Takes refused rows off their list; retry: and puts them back in line first. */
static int unrefuse(
    struct outbox *outbox, const struct uuid *id, bool retry, struct err *err)
{
	char text[UUID_TEXT_SIZE];
	int changed = 0;
	int result;
	int code = run(outbox, OUTBOX_BEGIN);

	if (id) {
		uuid_format(id, text);
	}
	if (code == SQLITE_OK && retry) {
		code = run_for_id(outbox, OUTBOX_RETRY, id ? text : NULL);
	}
	if (code == SQLITE_OK) {
		code = run_for_id(outbox, OUTBOX_DROP, id ? text : NULL);
		changed = sqlite3_changes(outbox->db);
	}
	if (code == SQLITE_OK) {
		code = room_check(outbox->db);
	}
	result = finish_transaction(outbox, code, err);
	return result < 0 ? result : changed;
}

int outbox_retry(struct outbox *outbox, const struct uuid *id, struct err *err)
{
	return unrefuse(outbox, id, true, err);
}

int outbox_drop(struct outbox *outbox, const struct uuid *id, struct err *err)
{
	return unrefuse(outbox, id, false, err);
}

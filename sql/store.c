/* SPDX-License-Identifier: MIT */
#include "sql/store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "sql/column.h"
#include "sql/handle.h"
#include "sql/room.h"

/* STORE_SYNC_NORMAL: a power cut costs at most the commits of this long. */
#define SYNC_INTERVAL_NS 1000000000

int store_begin(struct store *store, struct err *err)
{
	int code = handle_run(store, STATEMENT_BEGIN);

	return code == SQLITE_OK
	           ? 0
	           : handle_fault(store, code, "begin a batch of rows", err);
}

void store_rollback(struct store *store)
{
	if (!sqlite3_get_autocommit(store->db)) {
		/* Fails only when SQLite has already rolled back by itself. */
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	}
}

/*
 * The fsync covers every earlier frame of the WAL, so one a second bounds what a power
 * cut can take (www.sqlite.org/wal.html, section 2.3). Returns SQLITE_OK or a code.
 */
static int sync_wal(struct store *store)
{
	sqlite3_file *wal = NULL;
	int code =
	    sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);

	if (code == SQLITE_OK && wal && wal->pMethods) {
		code = wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
	}
	if (code == SQLITE_OK) {
		store->unsynced = false;
		store->mono_synced_ns = mono_ns();
	}
	return code;
}

int store_flush(struct store *store, struct err *err)
{
	int code = store->unsynced ? sync_wal(store) : SQLITE_OK;

	return code == SQLITE_OK
	           ? 0
	           : handle_fault(store, code, "sync the rows to disk", err);
}

int store_commit(struct store *store, struct err *err)
{
	int code = handle_commit(store);

	if (code != SQLITE_OK) {
		int result = handle_fault(store, code, "commit a batch of rows", err);

		store_rollback(store);
		if (result == -ENOSPC) {
			room_bring_in(store->db);
		}
		return result;
	}
	store->unsynced = store->sync == STORE_SYNC_NORMAL;
	if (store->unsynced && mono_ns() - store->mono_synced_ns >= SYNC_INTERVAL_NS) {
		/* The rows are committed whatever comes of it: a failed fsync is tried
		 * again with the next commit, and the disk's fault shows in that one. */
		(void)sync_wal(store);
	}
	if (store->on_commit) {
		store->on_commit(store->on_commit_arg);
	}
	return 0;
}

void store_on_commit(struct store *store, void (*on_commit)(void *arg), void *arg)
{
	store->on_commit = on_commit;
	store->on_commit_arg = arg;
}

/* Borrows text until the statement is unbound. */
static int bind_text(sqlite3_stmt *statement, enum column column, const char *text)
{
	return sqlite3_bind_text(statement, (int)column + 1, text, -1, SQLITE_STATIC);
}

static int bind_names(sqlite3_stmt *put, const struct row *row)
{
	int code = bind_text(put, COLUMN_SERVICE_NAME, row->service_name);

	if (code == SQLITE_OK) {
		code = bind_text(put, COLUMN_ACTION, row->action);
	}
	if (code == SQLITE_OK) {
		code = bind_text(put, COLUMN_STATUS, row_status_text(row->status));
	}
	if (code == SQLITE_OK) {
		code =
		    bind_text(put, COLUMN_RELATED_ENTITY_TYPE, row->related_entity_type);
	}
	if (code == SQLITE_OK) {
		code = bind_text(put, COLUMN_ERROR_MESSAGE, row->error_message);
	}
	return code == SQLITE_OK ? bind_text(put, COLUMN_ERROR_CODE, row->error_code)
	                         : code;
}

static int bind_numbers(sqlite3_stmt *put, const struct row *row)
{
	int code = SQLITE_OK;

	if (row->duration_ms >= 0) {
		code = sqlite3_bind_int64(put, COLUMN_DURATION_MS + 1, row->duration_ms);
	}
	return code == SQLITE_OK
	           ? sqlite3_bind_int(put, COLUMN_RETRY_COUNT + 1, row->retry_count)
	           : code;
}

static int put_once(
    struct store *store, const struct row *row, const char *request, const char *response)
{
	sqlite3_stmt *put = store->statement[STATEMENT_PUT];
	char id[UUID_TEXT_SIZE];
	char entity_id[UUID_TEXT_SIZE];
	char created[CLOCK_TEXT_SIZE];
	char updated[CLOCK_TEXT_SIZE];
	bool bound;

	uuid_format(&row->id, id);
	uuid_format(&row->related_entity_id, entity_id);
	clock_format_us(row->created_us, created);
	clock_format_us(row->updated_us, updated);
	bound = bind_names(put, row) == SQLITE_OK &&
	        bind_numbers(put, row) == SQLITE_OK &&
	        bind_text(put, COLUMN_ID, id) == SQLITE_OK &&
	        bind_text(put, COLUMN_RELATED_ENTITY_ID,
	            row->related_entity_type ? entity_id : NULL) == SQLITE_OK &&
	        bind_text(put, COLUMN_REQUEST_PAYLOAD, request) == SQLITE_OK &&
	        bind_text(put, COLUMN_RESPONSE_PAYLOAD, response) == SQLITE_OK &&
	        bind_text(put, COLUMN_CREATED_AT, created) == SQLITE_OK &&
	        bind_text(put, COLUMN_UPDATED_AT, updated) == SQLITE_OK;
	if (!bound) {
		(void)sqlite3_clear_bindings(put);
		return sqlite3_extended_errcode(store->db);
	}
	return handle_run(store, STATEMENT_PUT);
}

/*
 * A payload that SQLite does not take as JSON (nested deeper than it reads, say) as the
 * text that it is: {"_text": "…"}. NULL: it is good as it stands, or *ret_code tells the
 * failure.
 */
static char *payload_as_text(struct store *store, const char *payload, int *ret_code)
{
	sqlite3_stmt *valid = store->statement[STATEMENT_JSON_VALID];
	struct buf text = { 0 };
	bool good;

	if (!payload) {
		return NULL;
	}
	*ret_code = sqlite3_bind_text(valid, 1, payload, -1, SQLITE_STATIC);
	good = *ret_code == SQLITE_OK && sqlite3_step(valid) == SQLITE_ROW &&
	       sqlite3_column_int(valid, 0) == 1;
	(void)sqlite3_reset(valid);
	(void)sqlite3_clear_bindings(valid);
	if (good || *ret_code != SQLITE_OK) {
		return NULL;
	}
	buf_puts(&text, "{\"_text\":");
	json_put_string(&text, slice_of(payload));
	buf_putc(&text, '}');
	if (text.failed) {
		buf_finish(&text);
		*ret_code = SQLITE_NOMEM;
		return NULL;
	}
	return buf_steal(&text);
}

static int put_as_text(struct store *store, const struct row *row)
{
	int code = SQLITE_OK;
	char *request = payload_as_text(store, row->request_payload, &code);
	char *response = code == SQLITE_OK
	                     ? payload_as_text(store, row->response_payload, &code)
	                     : NULL;

	if (code == SQLITE_OK) {
		code = put_once(store, row, request ? request : row->request_payload,
		    response ? response : row->response_payload);
	}
	free(request);
	free(response);
	return code;
}

int store_put(struct store *store, const struct row *row, struct err *err)
{
	int code = put_once(store, row, row->request_payload, row->response_payload);

	if (code == SQLITE_CONSTRAINT_CHECK) {
		code = put_as_text(store, row);
	}
	return code == SQLITE_OK ? 0 : handle_fault(store, code, "store a row", err);
}

int store_mark_retrying(
    struct store *store, const struct uuid *id, int64_t updated_us, struct err *err)
{
	sqlite3_stmt *mark = store->statement[STATEMENT_MARK_RETRYING];
	char id_text[UUID_TEXT_SIZE];
	char updated[CLOCK_TEXT_SIZE];
	int code;

	uuid_format(id, id_text);
	clock_format_us(updated_us, updated);
	code = sqlite3_bind_text(mark, 1, id_text, -1, SQLITE_STATIC);
	if (code == SQLITE_OK) {
		code = sqlite3_bind_text(mark, 2, updated, -1, SQLITE_STATIC);
	}
	if (code == SQLITE_OK) {
		code = handle_run(store, STATEMENT_MARK_RETRYING);
	}
	return code == SQLITE_OK
	           ? 0
	           : handle_fault(store, code, "mark a row as retried", err);
}

int store_fail_interrupted(
    struct store *store, const char *message, int64_t updated_us, struct err *err)
{
	sqlite3_stmt *fail = store->statement[STATEMENT_FAIL_INTERRUPTED];
	char updated[CLOCK_TEXT_SIZE];
	int code = sqlite3_bind_text(fail, 1, message, -1, SQLITE_STATIC);

	clock_format_us(updated_us, updated);
	if (code == SQLITE_OK) {
		code = sqlite3_bind_text(fail, 2, updated, -1, SQLITE_STATIC);
	}
	if (code == SQLITE_OK) {
		code = handle_run(store, STATEMENT_FAIL_INTERRUPTED);
	}
	return code == SQLITE_OK
	           ? sqlite3_changes(store->db)
	           : handle_fault(store, code,
	                 "close the rows of calls that were interrupted", err);
}

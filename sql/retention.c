/* SPDX-License-Identifier: MIT */
#include "sql/retention.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sql/handle.h"
#include "sql/schema.h"

#define ROWS_MAX       10000
#define STEP_ROWS      100 /* a few milliseconds, with bodies of some KiB */
#define STEP_PAUSE_NS  INT64_C(20000000)
#define PASS_PAUSE_NS  INT64_C(3600000000000)
#define ERROR_PAUSE_NS INT64_C(60000000000)

/*
 * The next rows by age, due or not: what a step costs depends on how many it looks at,
 * and between the two ages there may be any number of failures to keep. An index that has
 * created_at descending has the rowids of one time descending when read backwards.
 */
static const char look_sql[] =
    "SELECT rowid, created_at, created_at < ?1 OR status = 'success'"
    " FROM integration_logs WHERE created_at >= ?3 AND created_at < max(?1, ?2)"
    " AND (created_at > ?3 OR rowid < ?4) ORDER BY created_at, rowid DESC LIMIT ?5";

/* Asks again: the row may have changed since it was looked at. */
static const char delete_sql[] =
    "DELETE FROM integration_logs WHERE rowid = ?3"
    " AND (created_at < ?1 OR (status = 'success' AND created_at < ?2))";

void sweep_init(
    struct sweep *sweep, int64_t success_ns, int64_t all_ns, int64_t wall_now_us)
{
	*sweep = (struct sweep){ .from_rowid = INT64_MAX };
	clock_format_us(wall_now_us - success_ns / 1000, sweep->success_before);
	clock_format_us(wall_now_us - all_ns / 1000, sweep->all_before);
}

static int bind_ages(sqlite3_stmt *statement, const struct sweep *sweep)
{
	int code = sqlite3_bind_text(statement, 1, sweep->all_before, -1, SQLITE_STATIC);

	return code == SQLITE_OK ? sqlite3_bind_text(statement, 2, sweep->success_before,
	                               -1, SQLITE_STATIC)
	                         : code;
}

static int bind_look(sqlite3_stmt *statement, const struct sweep *sweep, int rows)
{
	int code = bind_ages(statement, sweep);

	if (code == SQLITE_OK) {
		code = sqlite3_bind_text(statement, 3, sweep->from, -1, SQLITE_STATIC);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_bind_int64(statement, 4, sweep->from_rowid);
	}
	return code == SQLITE_OK ? sqlite3_bind_int(statement, 5, rows) : code;
}

/*
 * Collects the rowids of what is due among the next rows; next is where the step after
 * this one begins. SQLITE_OK or a code.
 */
static int look(sqlite3 *db, const struct sweep *sweep, int rows, int64_t *due,
    int *ret_count, struct sweep *next)
{
	sqlite3_stmt *statement = NULL;
	int looked = 0;
	int code = sqlite3_prepare_v2(db, look_sql, -1, &statement, NULL);

	*ret_count = 0;
	if (code == SQLITE_OK) {
		code = bind_look(statement, sweep, rows);
	}
	while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		int64_t rowid = sqlite3_column_int64(statement, 0);
		const char *time = (const char *)sqlite3_column_text(statement, 1);

		code = SQLITE_OK;
		looked++;
		if (sqlite3_column_int(statement, 2)) {
			due[(*ret_count)++] = rowid;
		}
		if (!time || strlen(time) >= sizeof(next->from)) {
			next->done = true; /* not a time: nothing sorts behind it */
			break;
		}
		memcpy(next->from, time, strlen(time) + 1);
		next->from_rowid = rowid;
	}
	if (code == SQLITE_DONE) {
		code = SQLITE_OK;
		next->done = looked < rows;
	}
	sqlite3_finalize(statement);
	return code;
}

static int delete_due(sqlite3 *db, const struct sweep *sweep, const int64_t *due,
    int count, int *ret_deleted)
{
	sqlite3_stmt *statement = NULL;
	int deleted = 0;
	int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (code != SQLITE_OK) {
		return code;
	}
	code = sqlite3_prepare_v2(db, delete_sql, -1, &statement, NULL);
	if (code == SQLITE_OK) {
		code = bind_ages(statement, sweep);
	}
	for (int i = 0; i < count && code == SQLITE_OK; i++) {
		code = sqlite3_bind_int64(statement, 3, due[i]);
		if (code == SQLITE_OK) {
			code = sqlite3_step(statement);
			(void)sqlite3_reset(statement); /* repeats the code of the step */
		}
		if (code == SQLITE_DONE) {
			code = SQLITE_OK;
			deleted += sqlite3_changes(db);
		}
	}
	sqlite3_finalize(statement);
	if (code == SQLITE_OK) {
		code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	}
	if (code == SQLITE_OK) {
		*ret_deleted = deleted;
	}
	return code;
}

/* SQLITE_OK or a code; a transaction may then be open, so that db keeps its message. */
static int step(sqlite3 *db, struct sweep *sweep, int rows, int *ret_deleted)
{
	struct sweep next = *sweep;
	int64_t *due;
	int count;
	int code;

	*ret_deleted = 0;
	if (sweep->done) {
		return SQLITE_OK;
	}
	rows = rows < 1 ? 1 : rows > ROWS_MAX ? ROWS_MAX : rows;
	due = calloc((size_t)rows, sizeof(*due));
	if (!due) {
		return SQLITE_NOMEM;
	}
	code = look(db, sweep, rows, due, &count, &next);
	if (code == SQLITE_OK && count > 0) {
		code = delete_due(db, sweep, due, count, ret_deleted);
	}
	free(due);
	if (code == SQLITE_OK) {
		*sweep = next;
	}
	return code;
}

static void roll_back(sqlite3 *db)
{
	if (!sqlite3_get_autocommit(db)) {
		/* What cannot be rolled back is so when the handle is closed. */
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	}
}

int store_cleanup(
    struct store *store, struct sweep *sweep, int rows, int *ret_deleted, struct err *err)
{
	int code = step(store->db, sweep, rows, ret_deleted);
	int result;

	if (code == SQLITE_OK) {
		store->unsynced = store->unsynced || *ret_deleted > 0;
		return 0;
	}
	result = handle_fault(store, code, "delete old rows", err);
	roll_back(store->db);
	return result;
}

int retention_step(struct sqlite3 *db, const char *path, struct sweep *sweep, int rows,
    int *ret_deleted, struct err *err)
{
	int code = step(db, sweep, rows, ret_deleted);
	int result;

	if (code == SQLITE_OK) {
		return 0;
	}
	result = handle_error(db, code, path, "delete old rows", err);
	roll_back(db);
	return result;
}

int store_retain(struct store *store, struct retention *retention, int64_t mono_now_ns,
    int *ret_deleted, struct err *err)
{
	int result;

	*ret_deleted = 0;
	if (mono_now_ns < retention->mono_due_ns) {
		return 0;
	}
	if (!retention->sweeping) {
		sweep_init(&retention->sweep, retention->success_ns, retention->all_ns,
		    wall_us());
		retention->sweeping = true;
	}
	result = store_cleanup(store, &retention->sweep, STEP_ROWS, ret_deleted, err);
	if (result < 0) {
		retention->mono_due_ns = mono_now_ns + ERROR_PAUSE_NS;
		return result;
	}
	retention->sweeping = !retention->sweep.done;
	retention->mono_due_ns =
	    mono_now_ns + (retention->sweeping ? STEP_PAUSE_NS : PASS_PAUSE_NS);
	return 0;
}

/* SQLITE_OK, or SQLITE_NOTADB for a database that is not ours, or a code. */
static int look_at(sqlite3 *db)
{
	enum schema_state state = SCHEMA_OURS;
	int code = schema_look(db, &state);

	return code == SQLITE_OK && state != SCHEMA_OURS ? SQLITE_NOTADB : code;
}

int retention_open(const char *path, struct sqlite3 **ret_db, struct err *err)
{
	sqlite3 *db = NULL;
	int code;
	int result;

	result = handle_look_for(path, err);
	if (result < 0) {
		return result;
	}
	code =
	    sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK) {
		(void)sqlite3_extended_result_codes(db, 1);
		(void)sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
		(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
		code = look_at(db);
	}
	if (code == SQLITE_OK) {
		*ret_db = db;
		return 0;
	}
	result = code == SQLITE_NOTADB
	             ? err_set(err, EINVAL,
	                   "%s: is not a database of this version of waybill", path)
	             : handle_error(db, code, path, "open the database", err);
	(void)sqlite3_close(db); /* no statement is left */
	return result;
}

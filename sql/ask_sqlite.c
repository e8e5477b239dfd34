/* SPDX-License-Identifier: MIT */
/*
 * The handle on the SQLite store, beside the recorder's.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "sql/ask_private.h"
#include "sql/handle.h"
#include "sql/retention.h"
#include "sql/room.h"

#define LOOK_EVERY 2000 /* steps of SQLite's machine; well under a millisecond */
#define CELLS_MAX  64

/* Ends a statement that has run too long. */
static int on_progress(void *arg)
{
	const struct ask *ask = arg;

	return mono_ns() > ask->mono_end_ns;
}

/* Another writer has the lock: for some milliseconds, as a rule. */
static int on_busy(void *arg, int times)
{
	const struct ask *ask = arg;

	if (mono_ns() > ask->mono_end_ns) {
		return 0;
	}
	(void)sqlite3_sleep(times < 20 ? 1 : 5);
	return 1;
}

static void start_clock(struct ask *ask)
{
	ask->mono_end_ns = mono_ns() + ask->settings->timeout_ns;
}

/* err's reason, as a database that is not there. */
static int away(int result, const struct err *err, struct ask_fault *fault)
{
	return ask_fault_set(
	    fault, -result, result == -ENOSPC ? "53100" : "08006", "%s", err->text);
}

static int sqlite_open(struct ask *ask, struct ask_fault *fault)
{
	const char *path = ask->settings->store_path;
	struct stat info;
	struct err err;
	int result;
	int code;

	result = ask->right == ASK_WRITE ? retention_open(path, &ask->db, &err)
	                                 : store_open_reader(path, &ask->db, &err);
	if (result < 0) {
		return away(result, &err, fault);
	}
	if (stat(path, &info) == 0) {
		ask->device = info.st_dev;
		ask->inode = info.st_ino;
	}
	code = ask_sqlite_functions(ask->db);
	if (code != SQLITE_OK) {
		return ask_sqlite_fault(ask->db, code, fault);
	}
	start_clock(ask);
	sqlite3_progress_handler(ask->db, LOOK_EVERY, on_progress, ask);
	(void)sqlite3_busy_handler(ask->db, on_busy, ask);
	code = sqlite3_exec(ask->db,
	    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192", NULL, NULL, NULL);
	if (code == SQLITE_OK && ask->right == ASK_WRITE) {
		room_bound_log(ask->db, path);
		/* As the recorder's: nobody waits for a disk with the lock held. */
		code = sqlite3_exec(
		    ask->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	} else if (code == SQLITE_OK) {
		code = sqlite3_exec(ask->db, "PRAGMA query_only = ON", NULL, NULL, NULL);
	}
	return code == SQLITE_OK ? 0 : ask_sqlite_fault(ask->db, code, fault);
}

static void sqlite_close(struct ask *ask)
{
	(void)sqlite3_close(ask->db); /* NULL is fine; no statement is left */
	ask->db = NULL;
}

static bool sqlite_is_fresh(struct ask *ask)
{
	struct stat info;

	return stat(ask->settings->store_path, &info) == 0 &&
	       info.st_dev == ask->device && info.st_ino == ask->inode;
}

static int bind(sqlite3_stmt *statement, const struct slice *params, size_t count)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
		char name[24];
		int index;

		(void)snprintf(name, sizeof(name), "$%zu", i + 1);
		index = sqlite3_bind_parameter_index(statement, name);
		if (index > 0 && params[i].ptr) {
			code = sqlite3_bind_text64(statement, index, params[i].ptr,
			    params[i].len, SQLITE_STATIC, SQLITE_UTF8);
		}
	}
	return code;
}

static int hand_over(sqlite3_stmt *statement, ask_visit visit, void *arg)
{
	struct ask_cell cells[CELLS_MAX];
	int count = sqlite3_column_count(statement);

	for (int i = 0; i < count && i < CELLS_MAX; i++) {
		const char *text = (const char *)sqlite3_column_text(statement, i);

		cells[i].null = text == NULL;
		cells[i].text = (struct slice){ text ? text : "",
			(size_t)sqlite3_column_bytes(statement, i) };
	}
	return visit(arg, cells, (size_t)count);
}

/* Steps through. SQLITE_DONE, or a code; *ret_stop: what visit stopped with. */
static int step_all(sqlite3_stmt *statement, ask_visit visit, void *arg, int *ret_stop)
{
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		*ret_stop = visit ? hand_over(statement, visit, arg) : 0;
		if (*ret_stop != 0) {
			return SQLITE_DONE;
		}
	}
	return code;
}

static int sqlite_run(struct ask *ask, const char *sql, const struct slice *params,
    size_t count, ask_visit visit, void *arg, int64_t *ret_changed,
    struct ask_fault *fault)
{
	sqlite3_stmt *statement = NULL;
	int stop = 0;
	int result = 0;
	int code;

	start_clock(ask);
	code = sqlite3_prepare_v2(ask->db, sql, -1, &statement, NULL);
	if (code == SQLITE_OK && sqlite3_column_count(statement) > CELLS_MAX) {
		code = SQLITE_TOOBIG;
	}
	if (code == SQLITE_OK) {
		code = bind(statement, params, count);
	}
	if (code == SQLITE_OK) {
		code = step_all(statement, visit, arg, &stop);
	}
	if (code != SQLITE_DONE) {
		result = ask_sqlite_fault(ask->db, code, fault);
	} else if (!sqlite3_stmt_readonly(statement)) {
		*ret_changed = sqlite3_changes64(ask->db);
	}
	sqlite3_finalize(statement);
	return result < 0 ? result : stop;
}

static int exec(struct ask *ask, const char *sql, struct ask_fault *fault)
{
	int code;

	start_clock(ask);
	code = sqlite3_exec(ask->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : ask_sqlite_fault(ask->db, code, fault);
}

static int sqlite_begin(struct ask *ask, struct ask_fault *fault)
{
	return exec(ask, ask->right == ASK_WRITE ? "BEGIN IMMEDIATE" : "BEGIN", fault);
}

static int sqlite_commit(struct ask *ask, struct ask_fault *fault)
{
	int code = ask->right == ASK_WRITE ? room_check(ask->db) : SQLITE_OK;

	return code == SQLITE_OK ? exec(ask, "COMMIT", fault)
	                         : ask_sqlite_fault(ask->db, code, fault);
}

static void sqlite_rollback(struct ask *ask)
{
	start_clock(ask);
	/* An error may have rolled back already. */
	if (!sqlite3_get_autocommit(ask->db) &&
	    sqlite3_exec(ask->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK) {
		ask->broken = true;
	}
}

const struct ask_driver ask_sqlite = {
	.dialect = ASK_SQLITE,
	.open = sqlite_open,
	.close = sqlite_close,
	.is_fresh = sqlite_is_fresh,
	.run = sqlite_run,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
};

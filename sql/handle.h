/* SPDX-License-Identifier: MIT */
/*
 * handle: what the files of sql/ share about the open store; not for other folders.
 */
#ifndef SQL_HANDLE_H
#define SQL_HANDLE_H

#include "sql/store.h"

#include <sqlite3.h>

#define BUSY_TIMEOUT_MS 5000 /* how long another program's lock is waited for */

enum statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_PUT,
	STATEMENT_JSON_VALID,
	STATEMENT_MARK_RETRYING,
	STATEMENT_FAIL_INTERRUPTED,
	STATEMENT_PUT_CHAIN,
	STATEMENT_DROP_CHAIN,
	STATEMENT_DROP_OLD_CHAINS,
	STATEMENT_LOAD_CHAINS,
	STATEMENT_PUT_COVERAGE,
	STATEMENT_PUT_UNROUTED,
	STATEMENT_TRIM_COVERAGE,
	STATEMENT_TRIM_UNROUTED,
	STATEMENT_COUNT
};

struct store {
	char *path;  /* owned */
	sqlite3 *db; /* owned */
	sqlite3_stmt
	    *statement[STATEMENT_COUNT]; /* owned; reset and unbound between uses */
	enum store_sync sync;
	bool unsynced;                /* commits since the last fsync of the WAL */
	int64_t mono_synced_ns;       /* when that fsync was */
	void (*on_commit)(void *arg); /* NULL: nobody wants to know */
	void *on_commit_arg;          /* borrowed until the store is closed */
};

/* Prepares every statement. Returns 0 or an SQLite code. */
int handle_prepare(struct store *store);

/* Frees the statements, the connection and the store; keep_wal leaves the WAL file as it
 * is. */
void handle_close(struct store *store, bool keep_wal);

/* Runs a statement that gives no rows, then resets and unbinds it. Returns SQLITE_OK or a
 * code. */
int handle_run(struct store *store, enum statement which);

/* Commits, where the disk has room for it: SQLITE_OK or a code; then roll back. */
int handle_commit(struct store *store);

/* Is there a store to open at path? 0, or -ENOENT and others with what to do in err. */
int handle_look_for(const char *path, struct err *err);

/* Says that `waybill run` has not made the store yet. Returns -ENOENT. */
int handle_none_yet(const char *path, struct err *err);

/*
 * Says in err what SQLite last failed at: "PATH: cannot WHAT: reason, and what to do".
 * Returns a negative errno: -ENOSPC, -EROFS, -EIO, -EBUSY, -ENOMEM, -EACCES or -EINVAL.
 */
int handle_error(
    sqlite3 *db, int code, const char *path, const char *what, struct err *err);

/*
 * The same for a call on an open store. Damage that only now comes to light (quick_check
 * does not compare indexes with their table) is also noted beside the file, so that the
 * next start sets it aside: QUARANTINE_MARK.
 */
int handle_fault(struct store *store, int code, const char *what, struct err *err);

#endif

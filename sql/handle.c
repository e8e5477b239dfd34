/* SPDX-License-Identifier: MIT */
#include "sql/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/counter.h"
#include "sql/quarantine.h"
#include "sql/room.h"

static const char *const statement_sql[STATEMENT_COUNT] = {
	[STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
	[STATEMENT_COMMIT] = "COMMIT",
	[STATEMENT_PUT] =
	    "INSERT INTO integration_logs (id, service_name, action, status,"
	    " related_entity_type, related_entity_id, request_payload, response_payload,"
	    " error_message, error_code, duration_ms, retry_count, created_at, updated_at)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
	    " ON CONFLICT (id) DO UPDATE SET service_name = excluded.service_name,"
	    " action = excluded.action, status = excluded.status,"
	    " related_entity_type = excluded.related_entity_type,"
	    " related_entity_id = excluded.related_entity_id,"
	    " request_payload = excluded.request_payload,"
	    " response_payload = excluded.response_payload,"
	    " error_message = excluded.error_message, error_code = excluded.error_code,"
	    " duration_ms = excluded.duration_ms, retry_count = excluded.retry_count,"
	    " updated_at = excluded.updated_at",
	[STATEMENT_JSON_VALID] = "SELECT json_valid(?1)",
	[STATEMENT_MARK_RETRYING] =
	    "UPDATE integration_logs SET status = 'retrying', updated_at = ?2"
	    " WHERE id = ?1 AND status = 'failed'",
	[STATEMENT_FAIL_INTERRUPTED] =
	    "UPDATE integration_logs SET status = 'failed', error_code = 'PROXY_RESTARTED',"
	    " error_message = ?1, updated_at = ?2"
	    " WHERE status = 'pending' AND duration_ms IS NULL",
	[STATEMENT_PUT_CHAIN] =
	    "INSERT INTO waybill_chains (fingerprint, id, retry_count, created_us)"
	    " VALUES (?1, ?2, ?3, ?4)"
	    " ON CONFLICT (fingerprint) DO UPDATE SET id = excluded.id,"
	    " retry_count = excluded.retry_count, created_us = excluded.created_us",
	[STATEMENT_DROP_CHAIN] = "DELETE FROM waybill_chains WHERE fingerprint = ?1",
	[STATEMENT_DROP_OLD_CHAINS] = "DELETE FROM waybill_chains WHERE created_us < ?1",
	[STATEMENT_LOAD_CHAINS] =
	    "SELECT fingerprint, id, retry_count, created_us FROM waybill_chains",
	[STATEMENT_PUT_COVERAGE] =
	    "INSERT INTO waybill_coverage (kind, host, client, count, first_seen,"
	    " last_seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
	    " ON CONFLICT (kind, host, client) DO UPDATE SET"
	    " count = count + excluded.count, last_seen = excluded.last_seen",
	[STATEMENT_PUT_UNROUTED] =
	    "INSERT INTO waybill_unrouted (host, method, path, count, first_seen,"
	    " last_seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
	    " ON CONFLICT (host, method, path) DO UPDATE SET"
	    " count = count + excluded.count, last_seen = excluded.last_seen",
	/* the count first: it costs less than to sort the table each time */
	[STATEMENT_TRIM_COVERAGE] =
	    "DELETE FROM waybill_coverage"
	    " WHERE (SELECT count(*) FROM waybill_coverage) > ?1"
	    " AND rowid IN (SELECT id FROM (SELECT rowid AS id, row_number() OVER"
	    " (PARTITION BY kind ORDER BY last_seen DESC, rowid DESC) AS n"
	    " FROM waybill_coverage) WHERE n > ?1)",
	[STATEMENT_TRIM_UNROUTED] =
	    "DELETE FROM waybill_unrouted"
	    " WHERE (SELECT count(*) FROM waybill_unrouted) > ?1"
	    " AND rowid IN (SELECT id FROM (SELECT rowid AS id, row_number() OVER"
	    " (PARTITION BY host ORDER BY last_seen DESC, rowid DESC) AS n,"
	    " row_number() OVER (ORDER BY last_seen DESC, rowid DESC) AS all_n"
	    " FROM waybill_unrouted) WHERE n > ?1 OR all_n > ?2)",
};

int handle_prepare(struct store *store)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		int code = sqlite3_prepare_v3(store->db, statement_sql[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &store->statement[i], NULL);

		if (code != SQLITE_OK) {
			return code;
		}
	}
	return SQLITE_OK;
}

void handle_close(struct store *store, bool keep_wal)
{
	if (!store) {
		return;
	}
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		sqlite3_finalize(store->statement[i]);
	}
	if (store->db && keep_wal) {
		(void)sqlite3_db_config(
		    store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	}
	(void)sqlite3_close(store->db); /* cannot be busy: no statement is left */
	free(store->path);
	free(store);
}

int handle_run(struct store *store, enum statement which)
{
	sqlite3_stmt *statement = store->statement[which];
	int code = sqlite3_step(statement);

	(void)sqlite3_reset(statement); /* repeats the code of the step */
	(void)sqlite3_clear_bindings(statement);
	return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

int handle_commit(struct store *store)
{
	int code = room_check(store->db);

	return code == SQLITE_OK ? handle_run(store, STATEMENT_COMMIT) : code;
}

/* What the system said, for the codes where SQLite only passes a failed call on. */
static int system_errno(sqlite3 *db, int fallback)
{
	int code = db ? sqlite3_system_errno(db) : 0;

	return code > 0 ? code : fallback;
}

static int errno_of(sqlite3 *db, int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_READONLY:
		return EROFS;
	case SQLITE_IOERR:
		return system_errno(db, EIO);
	case SQLITE_CANTOPEN:
		return system_errno(db, EACCES);
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		return EINVAL;
	default:
		return EIO;
	}
}

int handle_error(
    sqlite3 *db, int code, const char *path, const char *what, struct err *err)
{
	int number = errno_of(db, code);

	if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB) {
		return err_set(err, EIO,
		    "%s: cannot %s: the file is damaged; restart waybill, which sets it aside and "
		    "begins a new one",
		    path, what);
	}
	switch (number) {
	case ENOSPC:
	case EDQUOT:
		counter_add(COUNTER_STORE_FULL, 1);
		return err_set(err, ENOSPC,
		    "%s: cannot %s: the disk is full; free some space", path, what);
	case EROFS:
		return err_set(err, EROFS,
		    "%s: cannot %s: the file or its file system is read-only; mount it "
		    "read-write or choose another state_dir",
		    path, what);
	case EBUSY:
		return err_set(err, EBUSY,
		    "%s: cannot %s: another program keeps the database locked", path,
		    what);
	case ENOMEM:
		return err_set(err, ENOMEM, "%s: cannot %s: out of memory", path, what);
	case EACCES:
	case EPERM:
		return err_set(err, EACCES,
		    "%s: cannot %s: no permission; give this user the file and its folder",
		    path, what);
	case EINVAL:
		return err_set(err, EINVAL, "%s: cannot %s: %s", path, what,
		    db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
	default:
		return err_set(err, EIO, "%s: cannot %s: %s%s%s", path, what,
		    db ? sqlite3_errmsg(db) : sqlite3_errstr(code),
		    (code & 0xff) == SQLITE_IOERR ? ": look at the system's log: " : "",
		    (code & 0xff) == SQLITE_IOERR ? strerror(number) : "");
	}
}

int handle_fault(struct store *store, int code, const char *what, struct err *err)
{
	char *mark = NULL;

	if (((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB) &&
	    asprintf(&mark, "%s%s", store->path, QUARANTINE_MARK) >= 0) {
		int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		if (fd >= 0) {
			(void)close(fd); /* nothing was written */
		}
		free(mark);
	}
	return handle_error(store->db, code, store->path, what, err);
}

int handle_none_yet(const char *path, struct err *err)
{
	return err_set(err, ENOENT, "no rows yet: %s is made by `waybill run`", path);
}

int handle_look_for(const char *path, struct err *err)
{
	struct stat info;

	if (stat(path, &info) < 0) {
		return errno == ENOENT
		           ? handle_none_yet(path, err)
		           : err_set(err, errno, "%s: %s", path, strerror(errno));
	}
	if (!S_ISREG(info.st_mode)) {
		return err_set(err, EINVAL, "%s: is not a regular file", path);
	}
	return 0;
}

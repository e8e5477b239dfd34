/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing: a database that cannot be used is set aside, one that cannot be
 * reached is an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "sql/handle.h"
#include "sql/quarantine.h"
#include "sql/room.h"
#include "sql/schema.h"
#include "sql/store.h"

/* A check reads the whole file: past this many bytes a start would take too long. What is
 * damaged there is found when it is read (handle.h). */
#define CHECK_MAX (INT64_C(256) << 20)

/* Does this code say that the content of the file is at fault, not the way to it? */
static bool is_damage(int code)
{
	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* an unknown file format, or a table without our columns */
	case SQLITE_SCHEMA:
	case SQLITE_FORMAT:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		return true;
	case SQLITE_READONLY: /* by its header: the rights were looked at before */
		return code == SQLITE_READONLY;
	case SQLITE_IOERR:
		return code == SQLITE_IOERR_SHORT_READ;
	default:
		return false;
	}
}

static int check_folder(const char *path, struct err *err)
{
	char *copy = strdup(path);
	const char *folder;
	struct stat info;
	int result = 0;

	if (!copy) {
		return err_set(err, ENOMEM, "%s: out of memory", path);
	}
	folder = dirname(copy);
	if (stat(folder, &info) < 0) {
		result = err_set(err, errno, "%s: cannot keep the database there: %s",
		    folder, strerror(errno));
	} else if (!S_ISDIR(info.st_mode)) {
		result = err_set(err, ENOTDIR,
		    "%s: cannot keep the database there: not a folder", folder);
	} else if (access(folder, W_OK | X_OK) < 0) {
		result = err_set(err, errno,
		    "%s: cannot keep the database there: the folder is not writable (%s)",
		    folder, strerror(errno));
	}
	free(copy);
	return result;
}

/* Makes the file before SQLite does: SQLite gives its WAL the same rights. */
static int make_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0) {
		return err_set(
		    err, errno, "%s: cannot be made: %s", path, strerror(errno));
	}
	(void)close(fd); /* nothing was written */
	return 0;
}

/* The part of the file's own check that quick_check does; "ok" is the only good answer.
 */
static int quick_check(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	/* Rows were checked when they came, and how deep json_valid looks differs between
	 * versions of SQLite: an upgrade must not condemn what an older one accepted. */
	int code =
	    sqlite3_exec(db, "PRAGMA ignore_check_constraints = ON", NULL, NULL, NULL);

	if (code == SQLITE_OK) {
		code =
		    sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_step(statement);
	}
	if (code == SQLITE_ROW) {
		const char *answer = (const char *)sqlite3_column_text(statement, 0);

		code = answer && strcmp(answer, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
	} else if (code == SQLITE_DONE) {
		code = SQLITE_CORRUPT;
	}
	sqlite3_finalize(statement);
	if (code == SQLITE_OK) {
		code = sqlite3_exec(
		    db, "PRAGMA ignore_check_constraints = OFF", NULL, NULL, NULL);
	}
	return code;
}

static bool is_checked(const char *path)
{
	struct stat info;

	return stat(path, &info) != 0 || info.st_size <= CHECK_MAX;
}

static int set_journal(sqlite3 *db, enum store_sync sync)
{
	static const char *const sync_sql[] = {
		[STORE_SYNC_OFF] = "PRAGMA synchronous = OFF",
		[STORE_SYNC_NORMAL] = "PRAGMA synchronous = NORMAL",
		[STORE_SYNC_FULL] = "PRAGMA synchronous = FULL",
	};
	sqlite3_stmt *statement = NULL;
	int code =
	    sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_step(statement);
	}
	if (code == SQLITE_ROW) {
		const char *mode = (const char *)sqlite3_column_text(statement, 0);

		code = mode && strcmp(mode, "wal") == 0 ? SQLITE_OK : SQLITE_CANTOPEN;
	}
	sqlite3_finalize(statement);
	if (code == SQLITE_OK) {
		code = sqlite3_exec(db, sync_sql[sync], NULL, NULL, NULL);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_exec(db,
		    "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY", NULL, NULL,
		    NULL);
	}
	return code;
}

/*
 * Writes rows and takes them back: finds a damaged constraint or index before a call
 * needs it. Nothing reaches the disk, so that it works on a full one.
 */
static int probe(sqlite3 *db)
{
	return sqlite3_exec(db,
	    "BEGIN IMMEDIATE;"
	    "INSERT INTO integration_logs (service_name, action, status, request_payload,"
	    " response_payload) VALUES ('waybill', 'probe', 'pending', '{}', '[]'),"
	    " ('waybill', 'probe', 'success', '{}', '[]'),"
	    " ('waybill', 'probe', 'failed', '{}', '[]'),"
	    " ('waybill', 'probe', 'retrying', '{}', '[]');"
	    "ROLLBACK",
	    NULL, NULL, NULL);
}

/* Everything that looks into the file. Returns an SQLite code; *ret_newer: see schema.h.
 */
static int set_up(struct store *store, bool deliver, bool *ret_newer)
{
	enum schema_state state = SCHEMA_OURS;
	int code = sqlite3_open_v2(
	    store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (code != SQLITE_OK) {
		return code;
	}
	(void)sqlite3_extended_result_codes(store->db, 1);
	(void)sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);

	code = sqlite3_exec(store->db, "PRAGMA cell_size_check = ON", NULL, NULL, NULL);
	if (code == SQLITE_OK) {
		code = schema_look(store->db, &state);
	}
	if (code == SQLITE_OK && state == SCHEMA_FOREIGN) {
		code = SQLITE_NOTADB;
	}
	if (code == SQLITE_OK && state == SCHEMA_NEWER) {
		*ret_newer = true;
		return SQLITE_ERROR;
	}
	if (code == SQLITE_OK && is_checked(store->path)) {
		code = quick_check(store->db);
	}
	if (code == SQLITE_OK && sqlite3_db_readonly(store->db, "main") == 1) {
		code = SQLITE_READONLY; /* BEGIN IMMEDIATE would not say so */
	}
	if (code == SQLITE_OK) {
		code = set_journal(store->db, store->sync);
	}
	if (code == SQLITE_OK) {
		room_bound_log(store->db, store->path);
		code = schema_apply(store->db, deliver);
	}
	if (code == SQLITE_OK) {
		code = probe(store->db);
	}
	return code == SQLITE_OK ? handle_prepare(store) : code;
}

/* One try. *ret_damaged: the file is at fault and may be set aside. */
static int open_once(const struct store_settings *settings, struct store **ret_store,
    bool *ret_damaged, struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));
	bool newer = false;
	int code;
	int result;

	if (store) {
		store->path = strdup(settings->path);
	}
	if (!store || !store->path) {
		free(store);
		return err_set(err, ENOMEM, "%s: out of memory", settings->path);
	}
	store->sync = settings->sync;
	store->mono_synced_ns = mono_ns();
	code = set_up(store, settings->deliver, &newer);
	if (code == SQLITE_OK) {
		*ret_store = store;
		return 0;
	}
	if (newer) {
		result = err_set(err, EINVAL,
		    "%s: was made by a later waybill; install that version, or move the file away",
		    settings->path);
	} else {
		*ret_damaged = is_damage(code);
		result = handle_error(
		    store->db, code, settings->path, "open the database", err);
	}
	handle_close(store, true);
	return result;
}

/* Opens a file that exists, or makes a new one; removes what it made when that fails. */
static int open_or_make(const struct store_settings *settings, bool exists,
    struct store **ret_store, bool *ret_damaged, struct err *err)
{
	struct stat info;
	int result = exists ? 0 : make_file(settings->path, err);

	if (result < 0) {
		return result;
	}
	if (exists && stat(settings->path, &info) == 0 && (info.st_mode & 077) != 0) {
		/* Best effort: another user's file that we may write is still usable. */
		(void)chmod(settings->path, 0600);
	}
	result = open_once(settings, ret_store, ret_damaged, err);
	if (result < 0 && !exists) {
		*ret_damaged = false;
		if (stat(settings->path, &info) == 0 && info.st_size == 0) {
			(void)unlink(settings->path); /* empty, and ours */
		}
	}
	return result;
}

int store_open(const struct store_settings *settings, struct store **ret_store,
    char **ret_quarantined, struct err *err)
{
	bool exists = false;
	bool unfit = false;
	char *moved = NULL;
	int result = check_folder(settings->path, err);

	if (result == 0) {
		result = quarantine_look(settings->path, &exists, &unfit, err);
	}
	if (result < 0) {
		return result;
	}
	if (!unfit) {
		result = open_or_make(settings, exists, ret_store, &unfit, err);
	}
	if (unfit) {
		result = quarantine_move(settings->path, &moved, err);
		if (result == 0) {
			result = open_or_make(settings, false, ret_store, &unfit, err);
		}
	}
	if (result < 0) {
		free(moved);
		return result;
	}
	*ret_quarantined = moved;
	return 0;
}

void store_close(struct store *store)
{
	if (!store) {
		return;
	}
	store_rollback(store);
	/* What cannot be checkpointed now stays in the WAL, whole, for the next start. */
	(void)sqlite3_wal_checkpoint_v2(
	    store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	handle_close(store, false);
}

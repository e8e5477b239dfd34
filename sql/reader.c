/* SPDX-License-Identifier: MIT */
/*
 * The handle of those who only read, beside a running writer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "sql/handle.h"
#include "sql/store.h"

/* Is the table there? SQLITE_OK, SQLITE_DONE when not, or a code. */
static int look_for_table(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db,
	    "SELECT 1 FROM sqlite_schema WHERE name = 'integration_logs'", -1, &statement,
	    NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_step(statement);
	}
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

static int open_with(const char *name, int flags, sqlite3 **ret_db)
{
	int code = sqlite3_open_v2(
	    name, ret_db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | flags, NULL);

	if (code != SQLITE_OK) {
		return code;
	}
	(void)sqlite3_extended_result_codes(*ret_db, 1);
	(void)sqlite3_busy_timeout(*ret_db, BUSY_TIMEOUT_MS);
	return look_for_table(*ret_db);
}

/* file:PATH?immutable=1, with what a URI gives a meaning escaped (RFC 3986 2.1). */
static char *immutable_name(const char *path)
{
	struct buf uri = { 0 };

	buf_puts(&uri, "file:");
	for (const char *p = path; *p; p++) {
		if (*p == '%' || *p == '?' || *p == '#') {
			buf_printf(&uri, "%%%02X", (unsigned char)*p);
		} else {
			buf_putc(&uri, *p);
		}
	}
	buf_puts(&uri, "?immutable=1");
	if (uri.failed) {
		buf_finish(&uri);
		return NULL;
	}
	return buf_steal(&uri);
}

/* Is everything in the main file, and nobody writing? Then it can be read as it lies
 * there. */
static bool is_at_rest(const char *path)
{
	struct buf name = { 0 };
	struct stat info;
	bool rest;

	buf_printf(&name, "%s-wal", path);
	buf_putc(&name, '\0');
	rest = !name.failed && (stat(name.ptr, &info) < 0 || info.st_size == 0);
	buf_finish(&name);
	return rest;
}

/*
 * WAL needs a shared-memory file even for reading: in a folder where it cannot be made (a
 * read-only mount, a copy of somebody else's) a database at rest is read as immutable.
 */
static int open_read_only_place(const char *path, sqlite3 **ret_db)
{
	char *name = immutable_name(path);
	int code;

	if (!name) {
		return SQLITE_NOMEM;
	}
	(void)sqlite3_close(*ret_db); /* NULL is fine; nothing was begun */
	*ret_db = NULL;
	code = open_with(name, SQLITE_OPEN_URI, ret_db);
	free(name);
	return code;
}

int store_open_reader(const char *path, struct sqlite3 **ret_db, struct err *err)
{
	sqlite3 *db = NULL;
	int code;
	int result;

	result = handle_look_for(path, err);
	if (result < 0) {
		return result;
	}
	if (access(path, R_OK) < 0) {
		return err_set(
		    err, errno, "%s: cannot be read: %s", path, strerror(errno));
	}
	code = open_with(path, 0, &db);
	if (((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY) &&
	    is_at_rest(path)) {
		code = open_read_only_place(path, &db);
	}
	if (code == SQLITE_OK) {
		*ret_db = db;
		return 0;
	}
	result = code == SQLITE_DONE
	             ? handle_none_yet(path, err)
	             : handle_error(db, code, path, "read the database", err);
	(void)sqlite3_close(db); /* no statement is left */
	return result;
}

/* SPDX-License-Identifier: MIT */
#include "sql/room.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "sql/ballast.h"

#define LOG_PAGES  1000 /* what SQLite does by itself */
#define PAGE_BYTES 4096 /* SQLite's usual */
#define KEEP_MOST  (UINT64_C(64) << 20)
#define PLENTY     (INT64_C(256) << 20) /* no transaction is that large */
/* The frame of the commit itself, and what the file system notes of a larger file. */
#define SLACK (INT64_C(64) * 1024)

typedef bool (*look_fn)(const char *path, int64_t *ret_bytes);

static bool free_bytes(const char *path, int64_t *ret_bytes)
{
	struct statvfs info;

	if (!path || statvfs(path, &info) != 0) {
		return false;
	}
	*ret_bytes = (int64_t)info.f_bavail * (int64_t)info.f_frsize;
	return true;
}

/* The part of the reserve that is free now. */
static int64_t lent_bytes(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct ballast ballast = { .bytes = BALLAST_BYTES };
	char *beside = NULL;
	int64_t lent = 0;

	if (asprintf(&beside, "%.*s" BALLAST_NAME, slash ? (int)(slash - path) + 1 : 0,
	        path) >= 0) {
		ballast.path = beside;
		lent = (int64_t)ballast_lent(&ballast);
		free(beside);
	}
	return lent;
}

bool room_left(const char *path, int64_t *ret_bytes)
{
	int64_t before;
	int64_t after;

	if (!free_bytes(path, ret_bytes)) {
		return false;
	}
	if (*ret_bytes >= PLENTY) {
		return true;
	}
	/* asked twice: it may be given up or made in between */
	before = lent_bytes(path);
	if (!free_bytes(path, ret_bytes)) {
		return false;
	}
	after = lent_bytes(path);
	*ret_bytes -= before > after ? before : after;
	return true;
}

/* How much larger the file is going to be, with what this transaction has added. */
static int growth(sqlite3 *db, const char *path, int64_t *ret_bytes)
{
	sqlite3_stmt *query = NULL;
	struct stat info;
	int code = sqlite3_prepare_v2(db,
	    "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", -1,
	    &query, NULL);

	if (code == SQLITE_OK && sqlite3_step(query) == SQLITE_ROW &&
	    stat(path, &info) == 0) {
		*ret_bytes = sqlite3_column_int64(query, 0) - (int64_t)info.st_size;
	}
	(void)sqlite3_finalize(query); /* unknown is no growth: the disk then tells */
	return code;
}

static sqlite3_file *log_file(sqlite3 *db)
{
	sqlite3_file *log = NULL;
	int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

	return code == SQLITE_OK && log && log->pMethods ? log : NULL;
}

/* Does the log, as this transaction is about to leave it, fit into the file? */
static int check(sqlite3 *db, const char *path, look_fn look)
{
	int64_t more = 0;
	int64_t left = 0;
	/* The log first: what it takes is then no longer left. */
	int code = sqlite3_db_cacheflush(db);

	if (code == SQLITE_OK) {
		code = growth(db, path, &more);
	}
	if (code == SQLITE_OK && more > 0 && look(path, &left) && more + SLACK > left) {
		code = SQLITE_FULL;
	}
	return code;
}

static int check_and_undo(sqlite3 *db, look_fn look)
{
	const char *path = sqlite3_db_filename(db, "main");
	sqlite3_file *log = log_file(db);
	sqlite3_int64 bytes = 0;
	int64_t left;
	int code;

	if (!room_left(path, &left) || left >= PLENTY || !log ||
	    log->pMethods->xFileSize(log, &bytes) != SQLITE_OK) {
		return SQLITE_OK; /* the disk tells */
	}
	code = check(db, path, look);
	if (code != SQLITE_OK) {
		/* Behind what is committed, and nobody else writes: a rollback alone
		 * leaves the file as long as it has become. */
		(void)log->pMethods->xTruncate(log, bytes);
	}
	return code;
}

int room_check(sqlite3 *db)
{
	return check_and_undo(db, room_left);
}

int room_check_given(sqlite3 *db)
{
	return check_and_undo(db, free_bytes);
}

/* Is little left on the file system beside a log of so many pages? */
static bool is_scarce(sqlite3 *db, int pages)
{
	int64_t left;

	return room_left(sqlite3_db_filename(db, "main"), &left) &&
	       left < (int64_t)pages * 4 * PAGE_BYTES;
}

void room_bring_in(sqlite3 *db)
{
	(void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/*
 * After each commit. Nobody waits for a reader: while there is one the log grows, as far
 * as room_check lets it. Where the disk is nearly full the log's file is all the room
 * that the next commit has.
 */
static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	(void)name; /* there is one database */
	if (pages >= (int)(intptr_t)arg || is_scarce(db, pages)) {
		room_bring_in(db);
	}
	return SQLITE_OK; /* the commit is done, whatever became of this */
}

/* How large the log's file stays when the log is begun anew. */
static void keep_log(sqlite3 *db, uint64_t bytes)
{
	char sql[80];

	(void)snprintf(sql, sizeof(sql), "PRAGMA journal_size_limit = %" PRIu64, bytes);
	/* a file that stays larger is still room for the log */
	(void)sqlite3_exec(db, sql, NULL, NULL, NULL);
}

void room_bound_log(sqlite3 *db, const char *path)
{
	struct statvfs info;
	uint64_t pages = LOG_PAGES;
	uint64_t keep = KEEP_MOST;

	if (statvfs(path, &info) == 0) {
		uint64_t disk = (uint64_t)info.f_blocks * info.f_frsize;

		pages = disk / 16 / PAGE_BYTES;
		pages = pages > LOG_PAGES ? LOG_PAGES : pages < 16 ? 16 : pages;
		keep = disk / 64;
		keep = keep > KEEP_MOST            ? KEEP_MOST
		       : keep < pages * PAGE_BYTES ? pages * PAGE_BYTES
		                                   : keep;
	}
	keep_log(db, keep);
	(void)sqlite3_wal_hook(db, on_commit, (void *)(intptr_t)pages);
}

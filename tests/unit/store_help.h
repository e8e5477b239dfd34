/* SPDX-License-Identifier: MIT */
/*
 * store_help: a scratch folder with a store in it, for the tests of sql/ and of what
 * reads it.
 */
#ifndef TESTS_STORE_HELP_H
#define TESTS_STORE_HELP_H

#include <dirent.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sql/store.h"

struct scratch {
	char folder[200];
	char path[220];
};

static inline void scratch_init(struct scratch *scratch)
{
	const char *base = getenv("TMPDIR");

	(void)snprintf(scratch->folder, sizeof(scratch->folder), "%s/waybill-test-XXXXXX",
	    base && *base ? base : "/tmp");
	assert_non_null(mkdtemp(scratch->folder));
	(void)snprintf(
	    scratch->path, sizeof(scratch->path), "%s/waybill.db", scratch->folder);
}

/* Counts the files whose name begins with prefix; removes them all when asked to. */
static inline int scratch_files(
    const struct scratch *scratch, const char *prefix, bool remove)
{
	DIR *folder = opendir(scratch->folder);
	struct dirent *entry;
	char name[500];
	int count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.' ||
		    strncmp(entry->d_name, prefix, strlen(prefix)) != 0) {
			continue;
		}
		count++;
		(void)snprintf(
		    name, sizeof(name), "%s/%s", scratch->folder, entry->d_name);
		if (remove) {
			assert_int_equal(unlink(name), 0);
		}
	}
	(void)closedir(folder);
	return count;
}

static inline void scratch_finish(const struct scratch *scratch)
{
	(void)scratch_files(scratch, "", true);
	assert_int_equal(rmdir(scratch->folder), 0);
}

/* Opens the store; *ret_quarantined (may be NULL: then nothing may be set aside) is the
 * caller's. */
static inline struct store *open_store(const char *path, char **ret_quarantined)
{
	struct store_settings settings = { .path = path, .sync = STORE_SYNC_NORMAL };
	struct store *store = NULL;
	char *quarantined = NULL;
	struct err err = { 0 };

	if (store_open(&settings, &store, &quarantined, &err) != 0) {
		fail_msg("%s", err.text);
	}
	if (ret_quarantined) {
		*ret_quarantined = quarantined;
	} else {
		assert_null(quarantined);
	}
	return store;
}

/* A failed call with literals for strings: not for row_finish. */
static inline struct row make_row(enum row_status status)
{
	return (struct row){
		.id = uuid7_make(),
		.service_name = (char *)"resend",
		.action = (char *)"send_email",
		.status = status,
		.request_payload =
		    (char *)"{\"to\": \"a@example.org\", \"n\": 12345678901234567890}",
		.response_payload = (char *)"{\"id\": 1.10}",
		.error_code = status == ROW_FAILED ? (char *)"HTTP_500" : NULL,
		.error_message = status == ROW_FAILED ? (char *)"it broke" : NULL,
		.duration_ms = status == ROW_PENDING ? -1 : 231,
		.created_us = wall_us(),
		.updated_us = wall_us(),
	};
}

static inline void put_row(struct store *store, const struct row *row)
{
	struct err err = { 0 };

	if (store_put(store, row, &err) != 0) {
		fail_msg("%s", err.text);
	}
}

static inline sqlite3 *open_reader(const char *path)
{
	sqlite3 *db = NULL;
	struct err err = { 0 };

	if (store_open_reader(path, &db, &err) != 0) {
		fail_msg("%s", err.text);
	}
	return db;
}

/* The first column of the first result row as text: static, "NULL" or "none". */
static inline const char *query(sqlite3 *db, const char *sql)
{
	static char answer[4096];
	sqlite3_stmt *statement = NULL;
	int code;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	}
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(statement, 0);

		(void)snprintf(answer, sizeof(answer), "%s", text ? text : "NULL");
	} else {
		(void)snprintf(answer, sizeof(answer), "%s",
		    code == SQLITE_DONE ? "none" : sqlite3_errmsg(db));
	}
	sqlite3_finalize(statement);
	return answer;
}

/* The same on a handle of its own. */
static inline const char *query_file(const char *path, const char *sql)
{
	sqlite3 *db = open_reader(path);
	const char *answer = query(db, sql);

	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return answer;
}

#endif

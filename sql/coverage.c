/* SPDX-License-Identifier: MIT */
#include "sql/coverage.h"

#include "base/clock.h"
#include "sql/handle.h"

/* Writers who wait for the lock do so for at most BUSY_TIMEOUT_MS; this one does not. */
static int begin(struct store *store)
{
	int code;

	(void)sqlite3_busy_timeout(store->db, 0);
	code = handle_run(store, STATEMENT_BEGIN);
	(void)sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
	return code;
}

static int bind_texts(sqlite3_stmt *put, const char *const text[3])
{
	int code = SQLITE_OK;

	for (int i = 0; i < 3 && code == SQLITE_OK; i++) {
		code = sqlite3_bind_text(put, i + 1, text[i], -1, SQLITE_STATIC);
	}
	return code;
}

static int put_note(struct store *store, const struct coverage_note *note)
{
	enum statement which =
	    note->kind ? STATEMENT_PUT_COVERAGE : STATEMENT_PUT_UNROUTED;
	sqlite3_stmt *put = store->statement[which];
	const char *const counted[3] = { note->kind, note->host, note->client };
	const char *const unrouted[3] = { note->host, note->method, note->path };
	char first[CLOCK_TEXT_SIZE];
	char last[CLOCK_TEXT_SIZE];
	int code = bind_texts(put, note->kind ? counted : unrouted);

	clock_format_us(note->first_us, first);
	clock_format_us(note->last_us, last);
	if (code == SQLITE_OK) {
		code = sqlite3_bind_int64(put, 4, (sqlite3_int64)note->count);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_bind_text(put, 5, first, -1, SQLITE_STATIC);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_bind_text(put, 6, last, -1, SQLITE_STATIC);
	}
	if (code != SQLITE_OK) {
		(void)sqlite3_clear_bindings(put);
		return code;
	}
	return handle_run(store, which);
}

/* most_all: beside the bound for each kind or host, where the statement has one. */
static int trim(struct store *store, enum statement which, int most, int most_all)
{
	sqlite3_stmt *statement = store->statement[which];
	int code = sqlite3_bind_int(statement, 1, most);

	if (code == SQLITE_OK && most_all > 0) {
		code = sqlite3_bind_int(statement, 2, most_all);
	}
	return code == SQLITE_OK ? handle_run(store, which) : code;
}

static int put_all(struct store *store, const struct coverage_note *notes, size_t count)
{
	bool counted = false;
	bool unrouted = false;
	int code = SQLITE_OK;

	for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
		code = put_note(store, &notes[i]);
		counted = counted || notes[i].kind;
		unrouted = unrouted || !notes[i].kind;
	}
	if (code == SQLITE_OK && counted) {
		code = trim(store, STATEMENT_TRIM_COVERAGE, COVERAGE_ROWS_MAX, 0);
	}
	if (code == SQLITE_OK && unrouted) {
		code = trim(
		    store, STATEMENT_TRIM_UNROUTED, UNROUTED_HOST_MAX, UNROUTED_ROWS_MAX);
	}
	return code == SQLITE_OK ? handle_commit(store) : code;
}

int store_put_coverage(
    struct store *store, const struct coverage_note *notes, size_t count, struct err *err)
{
	int code = begin(store);

	if (code == SQLITE_OK) {
		code = put_all(store, notes, count);
	}
	if (code != SQLITE_OK) {
		int result = handle_fault(store, code, "write down the coverage", err);

		store_rollback(store);
		return result;
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * ask: one SQL statement put to the rows, wherever they are: the SQLite store or
 * PostgreSQL. For whoever reads rows on behalf of a person; the recorder and the shipper
 * have their own ways.
 *
 * Parameters are $1, $2, … in both dialects; values never become part of the SQL text.
 * Thread: one at a time for each handle; the pool hands each handle to one thread.
 */
#ifndef SQL_ASK_H
#define SQL_ASK_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ask_dialect { ASK_SQLITE, ASK_POSTGRES };

/* What a handle may do. A reading one is held to it by the database itself: SQLite opens
 * the file read-only, PostgreSQL runs read-only transactions. */
enum ask_right { ASK_READ, ASK_WRITE };

struct ask_settings {
	const char *store_path; /* …/waybill.db; used when database is NULL */
	const char *database;   /* postgresql://…, never logged; NULL: the store */
	int64_t timeout_ns;     /* of one statement; past it: SQLSTATE 57014 */
	size_t handles;         /* open at a time at most, for each right; 0: 4 */
};

/* Why the database said no. */
struct ask_fault {
	char sqlstate[6]; /* five characters; SQLite's codes are mapped to PostgreSQL's */
	char message[512];
	char detail[512]; /* "" : none */
	char hint[256];
};

/* NULL ptr: SQL NULL. Text form, as PostgreSQL prints it. */
struct ask_cell {
	struct slice text;
	bool null;
};

struct ask;
struct ask_pool;

/* Copies the settings; connects to nothing yet. */
MUST_CHECK int ask_pool_create(
    const struct ask_settings *settings, struct ask_pool **ret_pool, struct err *err);

/* Every handle must have been given back. NULL is fine. */
void ask_pool_destroy(struct ask_pool *pool);

enum ask_dialect ask_pool_dialect(const struct ask_pool *pool);

/*
 * Takes a handle for this thread, opening one where none is idle; waits for one up to the
 * timeout where all are out. Returns 0, or a negative errno with the reason in fault
 * (SQLSTATE 08006 away, 53300 all busy).
 */
MUST_CHECK int ask_take(struct ask_pool *pool, enum ask_right right, struct ask **ret_ask,
    struct ask_fault *fault);

/* Gives it back; an open transaction is rolled back, a broken connection closed. */
void ask_give(struct ask *ask);

enum ask_dialect ask_dialect(const struct ask *ask);

/*
 * Is handed each row as it comes (cells borrowed for the call). Returns 0 to go on, any
 * other number to stop: ask_run then returns it.
 */
typedef int (*ask_visit)(void *arg, const struct ask_cell *cells, size_t count);

/*
 * Runs one statement. visit may be NULL. Rows stream: memory does not grow with their
 * number. Returns 0, what visit stopped with, or a negative errno with fault filled in.
 * ret_changed (may be NULL): rows inserted, updated or deleted.
 */
MUST_CHECK int ask_run(struct ask *ask, const char *sql, const struct slice *params,
    size_t param_count, ask_visit visit, void *arg, int64_t *ret_changed,
    struct ask_fault *fault);

/* A transaction, read-only for ASK_READ (one snapshot). ask_give rolls back what was not
 * committed. */
MUST_CHECK int ask_begin(struct ask *ask, struct ask_fault *fault);
MUST_CHECK int ask_commit(struct ask *ask, struct ask_fault *fault);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * ask_private: what the two kinds of handle and the pool share; for ask*.c only.
 */
#ifndef SQL_ASK_PRIVATE_H
#define SQL_ASK_PRIVATE_H

#include "sql/ask.h"

#include <sys/types.h>

struct ask_driver;
struct pg;
struct sqlite3;

struct ask {
	struct ask_pool *pool;           /* borrowed; outlives it */
	const struct ask_driver *driver; /* static */
	const struct ask_settings *settings;
	struct ask *next; /* in the pool's list of idle ones */
	enum ask_right right;
	bool begun;  /* between ask_begin and ask_commit */
	bool broken; /* of no more use */

	struct sqlite3 *db; /* owned; SQLite */
	int64_t mono_end_ns;
	dev_t device; /* which file it has open: it may be set aside and replaced */
	ino_t inode;

	struct pg *pg; /* owned; PostgreSQL */
	int64_t mono_used_ns;
};

/* All return 0 or a negative errno with fault filled in. */
struct ask_driver {
	enum ask_dialect dialect;
	int (*open)(struct ask *ask, struct ask_fault *fault);
	void (*close)(struct ask *ask);    /* whatever was opened of it */
	bool (*is_fresh)(struct ask *ask); /* may an idle one be used again? */
	int (*run)(struct ask *ask, const char *sql, const struct slice *params,
	    size_t count, ask_visit visit, void *arg, int64_t *ret_changed,
	    struct ask_fault *fault);
	int (*begin)(struct ask *ask, struct ask_fault *fault);
	int (*commit)(struct ask *ask, struct ask_fault *fault);
	void (*rollback)(struct ask *ask);
};

extern const struct ask_driver ask_sqlite;
extern const struct ask_driver ask_postgres;

/* Fills in fault and returns -code. */
int ask_fault_set(struct ask_fault *fault, int code, const char *sqlstate,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The errno that goes with an SQLSTATE. */
int ask_errno(const char *sqlstate);

/* What SQLite last failed at, as PostgreSQL would say it. Returns a negative errno. */
int ask_sqlite_fault(struct sqlite3 *db, int code, struct ask_fault *fault);

/* Adds the functions of ask_functions.c to a connection. SQLITE_OK or a code. */
int ask_sqlite_functions(struct sqlite3 *db);

#endif

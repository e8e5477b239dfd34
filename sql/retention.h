/* SPDX-License-Identifier: MIT */
/*
 * retention: deletes old rows of the SQLite store: successes after a while, everything
 * after a longer one. As cleanup_old_integration_logs() does in PostgreSQL.
 *
 * In steps that look at a few rows each, so that whoever else writes waits some
 * milliseconds at most. Freed pages are used again; the file does not shrink.
 */
#ifndef SQL_RETENTION_H
#define SQL_RETENTION_H

#include "base/clock.h"
#include "base/err.h"
#include "sql/store.h"

#include <stdbool.h>

/* One pass over the old rows. */
struct sweep {
	char success_before[CLOCK_TEXT_SIZE];
	char all_before[CLOCK_TEXT_SIZE];
	bool done;          /* every old row was looked at */
	char from[64];      /* created_at of the last row that was looked at */
	int64_t from_rowid; /* and which of those with that time */
};

/* Begins a pass: the two ages are those of retention.success and retention.all. */
void sweep_init(
    struct sweep *sweep, int64_t success_ns, int64_t all_ns, int64_t wall_now_us);

/*
 * Takes the pass one step further: looks at no more than rows of them (1 to 10,000) and
 * deletes those that are due, in one transaction. Outside a batch, on the handle's
 * thread. Returns 0 and how many it deleted, or a negative errno with words in err: the
 * pass may go on later from where it stood.
 */
MUST_CHECK int store_cleanup(struct store *store, struct sweep *sweep, int rows,
    int *ret_deleted, struct err *err);

/* When to do so: for the thread that owns the store. Zeroed but for the settings. */
struct retention {
	int64_t success_ns; /* retention.success */
	int64_t all_ns;     /* retention.all */
	int64_t mono_due_ns;
	bool sweeping;
	struct sweep sweep;
};

/*
 * Does what is due: a pass each hour, a small step of it at a time, with a pause between
 * two. Call it between batches, and when mono_due_ns has come. mono_now_ns: mono_ns().
 * Returns what store_cleanup does; after a failure it tries again a minute later.
 */
MUST_CHECK int store_retain(struct store *store, struct retention *retention,
    int64_t mono_now_ns, int *ret_deleted, struct err *err);

/*
 * Opens the database at path for sweeps beside a running waybill; the caller closes it
 * with sqlite3_close. Returns 0, -ENOENT with words for the user while there is none, or
 * another negative errno.
 */
MUST_CHECK int retention_open(const char *path, struct sqlite3 **ret_db, struct err *err);

/* store_cleanup for such a handle; path is for err. */
MUST_CHECK int retention_step(struct sqlite3 *db, const char *path, struct sweep *sweep,
    int rows, int *ret_deleted, struct err *err);

#endif

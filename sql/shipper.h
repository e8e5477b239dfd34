/* SPDX-License-Identifier: MIT */
/*
 * shipper: the thread that takes rows from the outbox to PostgreSQL.
 *
 * properties  owns the PostgreSQL connection and a second writing handle on the store;
 *             oldest row first; a row is sent until PostgreSQL has confirmed it, and
 *             sending it twice is harmless.
 * operation   wake → read a batch → INSERT … ON CONFLICT → settle the outbox. While the
 *             server works on a batch the one before is settled and the next is read.
 * safety      nothing waits for ever, and nobody waits for it. It logs, once a minute at
 *             most for the same trouble, and without any content of rows.
 */
#ifndef SQL_SHIPPER_H
#define SQL_SHIPPER_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct shipper;

/* Zero is the default written beside a number. */
struct shipper_settings {
	const char *store_path; /* of a store opened with store_settings.deliver */
	const char *database;   /* postgresql://…; may hold a password, never logged */
	const char *ballast_path;   /* state_dir/ballast; NULL: no reserve is kept */
	size_t batch_rows;          /* 1000 */
	size_t batch_bytes;         /* 4 MiB; a single row may be larger */
	int64_t connect_timeout_ns; /* 10 s */
	int64_t batch_timeout_ns;   /* 30 s */
	int64_t backoff_max_ns;     /* 15 s; the first wait is 0.1 s */
};

/*
 * Starts the thread; the store must exist. Copies the settings. Does not wait for the
 * server: one that is away is no error.
 * Returns 0, -EINVAL (the URL is none), or another negative errno, with words in err.
 */
MUST_CHECK int shipper_start(const struct shipper_settings *settings,
    struct shipper **ret_shipper, struct err *err);

/* Rows were committed. Any thread; never blocks. Fits store_on_commit. */
void shipper_notify(void *shipper);

/*
 * Delivers what waits for up to drain_ns, or until that fails once, then ends the thread
 * and frees it; the rest waits in the store. Takes 3 s more at most, where a name server
 * does not answer: then the thread is left to end with the program. NULL is fine. To be
 * called when nobody writes rows any more: after recorder_stop.
 */
void shipper_stop(struct shipper *shipper, int64_t drain_ns);

enum shipper_state {
	SHIPPER_IDLE,       /* nothing waits, or it is about to be sent */
	SHIPPER_DELIVERING, /* the last batch was confirmed */
	SHIPPER_FAILING,    /* away, busy or full: tried again by itself */
	SHIPPER_HOLDING,    /* the table or the rights must be mended by a person */
};

struct shipper_status {
	enum shipper_state state;
	int64_t waiting;         /* rows, counted within the last second or so */
	int64_t refused;         /* likewise */
	int64_t mono_since_ns;   /* when the state began */
	int64_t mono_trouble_ns; /* since when failing or holding; 0: it is not */
	char problem[640];       /* what is wrong and what to do; "" while all is well */
};

/* Any thread. */
void shipper_status(struct shipper *shipper, struct shipper_status *ret_status);

/* "idle", "delivering", "failing", "holding" */
const char *shipper_state_text(enum shipper_state state);

#endif

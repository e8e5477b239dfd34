/* SPDX-License-Identifier: MIT */
/*
 * rollup: sums up the hours whose rows have changed, so that long ranges are read from a
 * few sums (migration 005).
 *
 * properties  one thread; short transactions: whoever writes rows waits some milliseconds
 *             at most. Several waybills may work on one database.
 * operation   a mark is claimed, the hour's rows are counted, the sums of all levels
 *             replaced, the claim dropped. What changes meanwhile marks the hour again.
 * safety      a hour that is marked or claimed is read from its rows (facts.h): stopping,
 *             killing or losing this thread costs speed, never truth.
 */
#ifndef DASHBOARD_ROLLUP_H
#define DASHBOARD_ROLLUP_H

#include "base/err.h"

#include <stdint.h>

struct ask_pool;
struct rollup;

/* The pool is borrowed until rollup_stop. on_trouble (may be NULL): a line for the log,
 * at most one a minute, and an empty one when it is over; on the thread. */
MUST_CHECK int rollup_start(struct ask_pool *pool,
    void (*on_trouble)(void *arg, const char *what), void *arg,
    struct rollup **ret_rollup, struct err *err);

/* Ends the thread, after the hour that it is at. NULL is fine. */
void rollup_stop(struct rollup *rollup);

/*
 * Sums up at most `hours` hours that ended before now_us, the oldest first. For the
 * thread, and for tests. Returns how many, or a negative errno with words in err.
 */
int rollup_step(struct ask_pool *pool, int64_t now_us, int hours, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * rollup: sums up the slots of five minutes whose rows have changed, and the hours and
 * days that they make, so that long ranges are read from a few sums (migration 006).
 *
 * properties  one thread; short transactions: whoever writes rows waits some milliseconds
 *             at most. Several waybills may work on one database.
 * operation   the marks of an hour are claimed, the rows of their slots counted, the sums
 *             of all levels replaced, the claims dropped. What changes meanwhile marks
 *             its slot again.
 * safety      a slot that is marked or claimed is read from its rows (facts.h): stopping,
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

#endif

/* SPDX-License-Identifier: MIT */
/*
 * rollup_sum: how the sums of rollup.h are made. Short transactions; any thread, with a
 * pool of which it may take a writing handle.
 */
#ifndef DASHBOARD_ROLLUP_SUM_H
#define DASHBOARD_ROLLUP_SUM_H

#include "base/err.h"

#include <stdint.h>

struct ask_pool;

/*
 * Sums up what is due of the oldest hour with a slot that ended some time before now_us
 * and has changed. Returns how many slots (0: none is due), or a negative errno with
 * words in err.
 */
int rollup_step(struct ask_pool *pool, int64_t now_us, struct err *err);

/* Makes claims that a program left when it was killed due again. Whoever still works on
 * one finds that out before it writes. Returns 0 or a negative errno. */
int rollup_take_back(struct ask_pool *pool, struct err *err);

#endif

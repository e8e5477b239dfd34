/* SPDX-License-Identifier: MIT */
/*
 * seen: a set of hashes. It may forget: then something is told twice.
 */
#ifndef DASHBOARD_SEEN_H
#define DASHBOARD_SEEN_H

#include "base/slice.h"

#include <stdint.h>

/* Zeroed: empty. */
struct seen {
	uint64_t *slot; /* owned; 0: free */
	size_t slots;   /* a power of two */
	size_t count;
};

/* Not 0. Goes on from a hash before, or from 0. */
uint64_t seen_hash(uint64_t before, struct slice text);

bool seen_has(const struct seen *seen, uint64_t hash);
void seen_add(struct seen *seen, uint64_t hash);

/* Makes it empty and frees what it holds. */
void seen_finish(struct seen *seen);

#endif

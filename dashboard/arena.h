/* SPDX-License-Identifier: MIT */
/*
 * arena: memory of one request, freed all at once. A zeroed struct is an empty one.
 */
#ifndef DASHBOARD_ARENA_H
#define DASHBOARD_ARENA_H

#include "base/slice.h"

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* owned; the newest first */
	size_t used;                /* of the newest */
	bool failed;                /* an allocation failed */
};

void arena_finish(struct arena *arena);

/* Zeroed memory, aligned for any type; NULL: out of memory (failed is then set). */
void *arena_get(struct arena *arena, size_t size);

/* A copy with a NUL behind it; ptr NULL: out of memory. */
struct slice arena_copy(struct arena *arena, struct slice text);

#endif

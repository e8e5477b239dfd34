/* SPDX-License-Identifier: MIT */
/*
 * rest_arena: memory of one request, freed all at once. A zeroed struct is an empty one.
 */
#ifndef DASHBOARD_REST_ARENA_H
#define DASHBOARD_REST_ARENA_H

#include "base/slice.h"

#include <stddef.h>

struct rest_arena_block;

struct rest_arena {
	struct rest_arena_block *blocks; /* owned; the newest first */
	size_t used;                     /* of the newest */
	bool failed;                     /* an allocation failed */
};

void rest_arena_finish(struct rest_arena *arena);

/* Zeroed memory, aligned for any type; NULL: out of memory (failed is then set). */
void *rest_arena_get(struct rest_arena *arena, size_t size);

/* A copy with a NUL behind it; ptr NULL: out of memory. */
struct slice rest_arena_copy(struct rest_arena *arena, struct slice text);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * arena: memory that is given out piece by piece and freed at once.
 *
 * A route table keeps all its text and structs in one. Not for threads: filled by the
 * loader, only read afterwards.
 */
#ifndef ROUTES_ARENA_H
#define ROUTES_ARENA_H

#include "base/slice.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunk; /* the newest; older ones follow */
};

/* Frees all that was given out. Zeroed memory is fine. */
void arena_finish(struct arena *arena);

/* Gives count zeroed elements of size bytes, for any type; NULL when there is no memory.
 */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* Gives a NUL-terminated copy; NULL when there is no memory. */
char *arena_text(struct arena *arena, struct slice text);

#endif

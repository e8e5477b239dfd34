/* SPDX-License-Identifier: MIT */
#include "dashboard/rest_arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 4096

struct rest_arena_block {
	struct rest_arena_block *next;
	size_t size;
	alignas(max_align_t) char bytes[];
};

void rest_arena_finish(struct rest_arena *arena)
{
	while (arena->blocks) {
		struct rest_arena_block *block = arena->blocks;

		arena->blocks = block->next;
		free(block);
	}
	*arena = (struct rest_arena){ 0 };
}

void *rest_arena_get(struct rest_arena *arena, size_t size)
{
	size_t need = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct rest_arena_block *block = arena->blocks;

	if (need < size || need > SIZE_MAX / 2) {
		arena->failed = true;
		return NULL;
	}
	if (!block || block->size - arena->used < need) {
		size_t room = need > BLOCK ? need : BLOCK;

		block = calloc(1, sizeof(*block) + room);
		if (!block) {
			arena->failed = true;
			return NULL;
		}
		block->size = room;
		block->next = arena->blocks;
		arena->blocks = block;
		arena->used = 0;
	}
	arena->used += need;
	return block->bytes + arena->used - need;
}

struct slice rest_arena_copy(struct rest_arena *arena, struct slice text)
{
	char *copy = rest_arena_get(arena, text.len + 1);

	if (copy && text.len > 0) {
		memcpy(copy, text.ptr, text.len);
	}
	return (struct slice){ copy, copy ? text.len : 0 };
}

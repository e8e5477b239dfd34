/* SPDX-License-Identifier: MIT */
#include "routes/arena.h"

#include <stdint.h>
#include <stdlib.h>

struct arena_chunk {
	struct arena_chunk *older;
	size_t used;
	size_t size;
	_Alignas(max_align_t) char bytes[];
};

#define CHUNK_BYTES 16384

void arena_finish(struct arena *arena)
{
	while (arena->chunk) {
		struct arena_chunk *chunk = arena->chunk;

		arena->chunk = chunk->older;
		free(chunk);
	}
}

static struct arena_chunk *chunk_with_room(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = arena->chunk;
	size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;

	if (chunk && chunk->size - chunk->used >= size) {
		return chunk;
	}
	if (room > SIZE_MAX - sizeof(*chunk)) {
		return NULL;
	}
	chunk = calloc(1, sizeof(*chunk) + room);
	if (!chunk) {
		return NULL;
	}
	chunk->size = room;
	chunk->older = arena->chunk;
	arena->chunk = chunk;
	return chunk;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	const size_t step = _Alignof(max_align_t);
	struct arena_chunk *chunk;
	size_t bytes;
	void *place;

	if (size != 0 && count > (SIZE_MAX - step) / size) {
		return NULL;
	}
	bytes = (count * size + step - 1) / step * step;
	chunk = chunk_with_room(arena, bytes ? bytes : step);
	if (!chunk) {
		return NULL;
	}
	place = chunk->bytes + chunk->used;
	chunk->used += bytes ? bytes : step;
	return place;
}

char *arena_text(struct arena *arena, struct slice text)
{
	char *copy = arena_array(arena, text.len + 1, 1);

	if (copy && text.len > 0) {
		memcpy(copy, text.ptr, text.len);
	}
	return copy;
}

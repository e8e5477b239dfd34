/* SPDX-License-Identifier: MIT */
#include "dashboard/seen.h"

enum { SLOTS_MIN = 64, SLOTS_MAX = 1 << 18 };

/* FNV-1a: www.rfc-editor.org/rfc/rfc9923 */
uint64_t seen_hash(uint64_t before, struct slice text)
{
	uint64_t hash = before ? before : UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < text.len; i++) {
		hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
	}
	return hash ? hash : 1;
}

/* The slot that holds it, or the free one that it belongs into. */
static size_t find(const struct seen *seen, uint64_t hash)
{
	size_t at = (size_t)(hash ^ hash >> 32) & (seen->slots - 1);

	while (seen->slot[at] != 0 && seen->slot[at] != hash) {
		at = (at + 1) & (seen->slots - 1);
	}
	return at;
}

bool seen_has(const struct seen *seen, uint64_t hash)
{
	return seen->slots > 0 && seen->slot[find(seen, hash)] == hash;
}

static bool grow(struct seen *seen)
{
	struct seen grown = { .slots = seen->slots ? seen->slots * 2 : SLOTS_MIN };

	if (grown.slots > SLOTS_MAX) {
		return false;
	}
	grown.slot = calloc(grown.slots, sizeof(*grown.slot));
	if (!grown.slot) {
		return false;
	}
	for (size_t i = 0; i < seen->slots; i++) {
		if (seen->slot[i] != 0) {
			grown.slot[find(&grown, seen->slot[i])] = seen->slot[i];
		}
	}
	grown.count = seen->count;
	free(seen->slot);
	*seen = grown;
	return true;
}

void seen_add(struct seen *seen, uint64_t hash)
{
	if (seen->count * 2 >= seen->slots && !grow(seen)) {
		return;
	}
	if (seen->slot[find(seen, hash)] == 0) {
		seen->slot[find(seen, hash)] = hash;
		seen->count++;
	}
}

void seen_finish(struct seen *seen)
{
	free(seen->slot);
	*seen = (struct seen){ 0 };
}

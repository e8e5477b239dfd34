/* SPDX-License-Identifier: MIT */
/*
 * watch_private: what watch.c and watch_find.c share.
 */
#ifndef RECORD_WATCH_PRIVATE_H
#define RECORD_WATCH_PRIVATE_H

#include "record/watch.h"

struct watched {
	const struct pointer *pointer;
	enum watch_kind kind;
	struct slice expected; /* ptr NULL: none */
	uint32_t star[WATCH_STARS];
	struct watch_result result;
};

/* The first bit of set at or after *bit. Returns false when there is none. */
static inline bool watch_next_bit(
    const struct watch *watch, const uint64_t *set, size_t *bit)
{
	size_t w = *bit / 64;
	uint64_t left = w < watch->words ? set[w] >> *bit % 64 : 0;

	if (left) {
		*bit += (size_t)__builtin_ctzll(left);
		return true;
	}
	for (w++; w < watch->words; w++) {
		if (set[w]) {
			*bit = w * 64 + (size_t)__builtin_ctzll(set[w]);
			return true;
		}
	}
	return false;
}

#endif

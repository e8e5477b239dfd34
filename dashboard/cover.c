/* SPDX-License-Identifier: MIT */
#include "dashboard/cover.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define SECOND_US INT64_C(1000000)

const int64_t cover_level_s[COVER_LEVELS] = { COVER_SLOT_S, 3600, 21600, 86400 };

/* Is a slot of [from_s, to_s) dirty? */
static bool is_dirty(int64_t from_s, int64_t to_s, const int64_t *dirty, size_t count)
{
	int64_t first = from_s / COVER_SLOT_S;
	int64_t end = to_s / COVER_SLOT_S;
	size_t low = 0;
	size_t high = count;

	while (low < high) { /* the first that is not before */
		size_t middle = low + (high - low) / 2;

		if (dirty[middle] < first) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < count && dirty[low] < end;
}

/* Appends, or makes the last part longer. */
static bool append(struct cover *cover, int64_t level_s, int64_t from_us, int64_t to_us)
{
	struct cover_part *last =
	    cover->count > 0 ? &cover->part[cover->count - 1] : NULL;
	struct cover_part *part;

	if (from_us >= to_us) {
		return true;
	}
	if (last && last->level_s == level_s && last->to_us == from_us) {
		last->to_us = to_us;
		return true;
	}
	part = array_grow(cover->part, cover->count, &cover->cap, sizeof(*part));
	if (!part) {
		return false;
	}
	cover->part = part;
	cover->part[cover->count++] = (struct cover_part){ level_s, from_us, to_us };
	return true;
}

/* The coarsest rollup that begins at `at` and serves; COVER_ROWS: none does. */
static int64_t choose(
    int64_t at, int64_t end, int64_t max_level_s, const int64_t *dirty, size_t count)
{
	for (int i = COVER_LEVELS - 1; i >= 0; i--) {
		int64_t level_s = cover_level_s[i];

		if (level_s <= max_level_s && at % level_s == 0 && at + level_s <= end &&
		    !is_dirty(at, at + level_s, dirty, count)) {
			return level_s;
		}
	}
	return COVER_ROWS;
}

bool cover_make(struct cover *cover, int64_t from_us, int64_t to_us, int64_t max_level_s,
    const int64_t *dirty_slot, size_t dirty_count)
{
	const int64_t slot_us = COVER_SLOT_S * SECOND_US;
	int64_t at = (from_us + slot_us - 1) / slot_us * COVER_SLOT_S;
	int64_t end = to_us / slot_us * COVER_SLOT_S;
	bool fine = true;

	cover->count = 0;
	if (max_level_s == COVER_ROWS || at >= end) {
		return append(cover, COVER_ROWS, from_us, to_us);
	}
	fine = append(cover, COVER_ROWS, from_us, at * SECOND_US);
	while (at < end && fine) {
		int64_t level_s = choose(at, end, max_level_s, dirty_slot, dirty_count);
		int64_t next = at + (level_s == COVER_ROWS ? COVER_SLOT_S : level_s);

		fine = append(cover, level_s, at * SECOND_US, next * SECOND_US);
		at = next;
	}
	return fine && append(cover, COVER_ROWS, end * SECOND_US, to_us);
}

int64_t cover_level_for(int64_t step_s)
{
	for (int i = COVER_LEVELS - 1; i >= 0; i--) {
		if (step_s % cover_level_s[i] == 0) {
			return cover_level_s[i];
		}
	}
	return COVER_ROWS;
}

void cover_finish(struct cover *cover)
{
	free(cover->part);
	memset(cover, 0, sizeof(*cover));
}

/* SPDX-License-Identifier: MIT */
/*
 * cover: how a range of time is made up of rollups and, where these do not reach, of
 * rows.
 */
#ifndef DASHBOARD_COVER_H
#define DASHBOARD_COVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds that a rollup of each level spans; each divides the next. The finest is also
 * the span whose rows are marked when they change, a slot. */
enum { COVER_LEVELS = 4, COVER_SLOT_S = 300 };

extern const int64_t cover_level_s[COVER_LEVELS];

enum { COVER_ROWS = 0 };

struct cover_part {
	int64_t level_s; /* COVER_ROWS: rows are read */
	int64_t from_us;
	int64_t to_us; /* not included */
};

/* Zeroed: nothing. */
struct cover {
	struct cover_part *part; /* owned; in order, without gaps */
	size_t count;
	size_t cap;
};

/*
 * Covers [from_us, to_us) with as few and as coarse parts as can be. No rollup is coarser
 * than max_level_s (COVER_ROWS: none at all), nor has a slot that is in dirty_slot:
 * these are counted since 1970, rising. False: out of memory.
 */
bool cover_make(struct cover *cover, int64_t from_us, int64_t to_us, int64_t max_level_s,
    const int64_t *dirty_slot, size_t dirty_count);

/* The coarsest level whose rollups fall whole into steps of step_s; COVER_ROWS: none. */
int64_t cover_level_for(int64_t step_s);

void cover_finish(struct cover *cover);

#endif

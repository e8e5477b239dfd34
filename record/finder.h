/* SPDX-License-Identifier: MIT */
/*
 * finder: many byte strings looked for at once (Aho and Corasick, CACM 18(6), 1975).
 *
 * Time is linear in the text whatever the strings are. Thread: one, for what is often met
 * is kept ready.
 */
#ifndef RECORD_FINDER_H
#define RECORD_FINDER_H

#include "base/slice.h"

#include <stdint.h>

#define FINDER_NONE UINT32_MAX

struct finder;

/* Patterns of length 0 are never found. Returns NULL when there is no memory. */
struct finder *finder_create(const struct slice *pattern, size_t count);

/* NULL is fine. */
void finder_destroy(struct finder *finder);

/*
 * Takes one more byte of a text; *state begins as 0.
 * Returns the longest pattern that ends with this byte (its index), or FINDER_NONE.
 */
uint32_t finder_step(struct finder *finder, uint32_t *state, unsigned char byte);

/*
 * Takes bytes of text from `from` on until a pattern ends. Returns where to go on, and in
 * *ret_pattern what finder_step says there; or text.len and FINDER_NONE.
 */
size_t finder_run(struct finder *finder, uint32_t *state, struct slice text, size_t from,
    uint32_t *ret_pattern);

/* How many states there are: each below that number is one, 0 is the first. */
size_t finder_states(const struct finder *finder);

/* The next pattern with the same text, or FINDER_NONE. */
uint32_t finder_same(const struct finder *finder, uint32_t pattern);

/* The next shorter pattern that ends where this one does, or FINDER_NONE. */
uint32_t finder_shorter(const struct finder *finder, uint32_t pattern);

#endif

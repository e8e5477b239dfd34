/* SPDX-License-Identifier: MIT */
/*
 * watch: sets of pointers as bits.
 */
#include "record/watch_private.h"

#include <stdlib.h>

#include "base/array.h"

enum { DEPTHS = WATCH_DEPTH + 2 };

void watch_finish(struct watch *watch)
{
	free(watch->item);
	free(watch->hit);
	free(watch->live);
	buf_wipe(&watch->text);
	*watch = (struct watch){ 0 };
}

int watch_add(struct watch *watch, const struct pointer *pointer, enum watch_kind kind,
    const char *expected)
{
	struct watched *grown =
	    array_grow(watch->item, watch->count, &watch->cap, sizeof(*grown));

	if (!grown) {
		watch->failed = true;
		return WATCH_NONE;
	}
	watch->item = grown;
	watch->item[watch->count] = (struct watched){
		.pointer = pointer, .kind = kind, .expected = slice_of(expected)
	};
	return (int)watch->count++;
}

static uint64_t *at(const struct watch *watch, uint64_t *sets, size_t depth)
{
	return sets + depth * watch->words;
}

static void put(uint64_t *set, size_t bit)
{
	set[bit / 64] |= (uint64_t)1 << bit % 64;
}

static bool is_star(struct slice token)
{
	return token.len == 1 && token.ptr[0] == '*';
}

/* The index that a token is, in the one way to write it; or -1. */
static int64_t index_of(struct slice token)
{
	int64_t index = 0;

	if (token.len == 0 || token.len > 10 || (token.len > 1 && token.ptr[0] == '0')) {
		return -1;
	}
	for (size_t i = 0; i < token.len; i++) {
		if (token.ptr[i] < '0' || token.ptr[i] > '9') {
			return -1;
		}
		index = index * 10 + (token.ptr[i] - '0');
	}
	return index;
}

/* Does a token of a pointer, which is no star, fit a member or an element? */
static bool token_fits(struct slice token, struct slice name, uint32_t ordinal)
{
	if (!name.ptr) {
		return index_of(token) == (int64_t)ordinal;
	}
	if (token.len != name.len) {
		return false;
	}
	for (size_t i = 0; i < name.len; i++) { /* a few bytes: not worth a call */
		if (token.ptr[i] != name.ptr[i]) {
			return false;
		}
	}
	return true;
}

/* Puts the tokens of one pointer into the rows. */
static void put_tokens(struct watch *watch, size_t i)
{
	const struct pointer *pointer = watch->item[i].pointer;

	for (size_t t = 0; t < pointer->count; t++) {
		struct slice token = pointer->tokens[t];
		uint64_t *rows = watch->fits + t * WATCH_ROWS * watch->words;

		put(at(watch, rows, watch_name_row(token)), i);
		for (size_t row = 0; is_star(token) && row < WATCH_NAMES; row++) {
			put(at(watch, rows, row), i);
		}
		if (is_star(token)) {
			put(at(watch, rows, WATCH_STAR), i);
		}
		if (is_star(token) || index_of(token) >= 0) {
			put(at(watch, rows, WATCH_ELEMENT), i);
		}
		if (t + 1 == pointer->count) {
			put(at(watch, rows, WATCH_END), i);
		}
	}
}

/* One piece of memory for all sets. Returns false: none. */
static bool make_sets(struct watch *watch)
{
	size_t tokens = 0;
	uint64_t *sets = NULL;

	for (size_t i = 0; i < watch->count; i++) {
		size_t count = watch->item[i].pointer->count;

		tokens = count > tokens ? count : tokens;
	}
	sets =
	    calloc((3 * DEPTHS + 6 + tokens * WATCH_ROWS) * watch->words, sizeof(*sets));
	if (!sets) {
		return false;
	}
	watch->live = sets;
	watch->reached = at(watch, sets, DEPTHS);
	watch->started = at(watch, sets, (size_t)2 * DEPTHS);
	watch->more = at(watch, sets, (size_t)3 * DEPTHS);
	watch->here = watch->more + watch->words;
	watch->hunting = watch->here + watch->words;
	watch->texts = watch->hunting + watch->words;
	watch->secrets = watch->texts + watch->words;
	watch->alls = watch->secrets + watch->words;
	watch->fits = watch->alls + watch->words;
	for (size_t i = 0; i < watch->count; i++) {
		const struct watched *item = &watch->item[i];

		put_tokens(watch, i);
		if (item->pointer->first_text) {
			put(watch->texts, i);
		}
		if (item->kind == WATCH_SECRET) {
			put(watch->secrets, i);
		} else if (item->kind == WATCH_ALL) {
			put(watch->alls, i);
		}
	}
	return true;
}

void watch_begin(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++) {
		watch->item[i].result = (struct watch_result){ 0 };
	}
	watch->hit_count = 0;
	watch->coming = false;
	watch->hunts = false;
	free(watch->live);
	watch->live = NULL;
	watch->words = (watch->count + 63) / 64;
	if (watch->words > 0 && !make_sets(watch)) {
		watch->words = 0;
		watch->failed = true;
	}
}

/* Keeps which member the "*" at this token stands for now. */
static void note_star(struct watched *item, size_t token, uint32_t ordinal)
{
	size_t star = 0;

	for (size_t i = 0; i < token; i++) {
		star += is_star(item->pointer->tokens[i]);
	}
	if (star < WATCH_STARS && is_star(item->pointer->tokens[token])) {
		item->star[star] = ordinal;
	}
}

/* Those of one word of a set whose token, which is no star, fits indeed. */
static uint64_t fitting(const struct watch *watch, size_t w, uint64_t unsure,
    size_t token, struct slice name, uint32_t ordinal)
{
	uint64_t fits = unsure;

	for (; unsure; unsure &= unsure - 1) {
		size_t i = w * 64 + (size_t)__builtin_ctzll(unsure);

		if (!token_fits(watch->item[i].pointer->tokens[token], name, ordinal)) {
			fits &= ~(unsure & -unsure);
		}
	}
	return fits;
}

static void forget_next(struct watch *watch)
{
	for (size_t w = 0; w < watch->words; w++) {
		watch->here[w] = 0;
		watch->more[w] = 0;
	}
	watch->coming = false;
	watch->coming_secret = false;
}

static void next_top(struct watch *watch)
{
	forget_next(watch);
	watch->coming = watch->words > 0;
	for (size_t i = 0; i < watch->count && watch->words > 0; i++) {
		const struct watched *item = &watch->item[i];
		bool ends = item->pointer->count == 0;

		put(ends ? watch->here : watch->more, i);
		watch->coming_secret =
		    watch->coming_secret || (ends && item->kind == WATCH_SECRET);
	}
}

void watch_next(struct watch *watch, size_t depth, struct slice name, uint32_t ordinal)
{
	size_t token = depth - 1;
	size_t words = watch->words;
	const uint64_t *rows = NULL;
	const uint64_t *fits = NULL;
	uint64_t coming = 0;
	uint64_t secret = 0;

	if (depth == 0) {
		next_top(watch);
		return;
	}
	if (!watch->lives[token]) {
		forget_next(watch);
		return;
	}
	rows = watch_row(watch, token, 0);
	fits = rows + (name.ptr ? watch_name_row(name) : WATCH_ELEMENT) * words;
	for (size_t w = 0; w < words; w++) {
		uint64_t agree = watch->live[token * words + w] & fits[w];
		uint64_t sure = agree & rows[WATCH_STAR * words + w];
		uint64_t ends = rows[WATCH_END * words + w];

		if (agree != sure) {
			agree =
			    sure | fitting(watch, w, agree & ~sure, token, name, ordinal);
		}
		watch->here[w] = agree & ends;
		watch->more[w] = agree & ~ends;
		coming |= agree;
		secret |= agree & ends & watch->secrets[w];
		for (uint64_t all = agree & watch->alls[w]; all; all &= all - 1) {
			note_star(&watch->item[w * 64 + (size_t)__builtin_ctzll(all)],
			    token, ordinal);
		}
	}
	watch->coming = coming != 0;
	watch->coming_secret = secret != 0;
}

/* Those of one word that point at a container which begins. Returns those that begin to
 * look for a string. */
static uint64_t reach(struct watch *watch, size_t w)
{
	uint64_t started = 0;

	for (uint64_t left = watch->here[w]; left; left &= left - 1) {
		struct watch_result *result =
		    &watch->item[w * 64 + (size_t)__builtin_ctzll(left)].result;

		result->present = true;
		if (!result->string.found) {
			started |= left & -left;
		}
	}
	return started & watch->texts[w];
}

bool watch_open(struct watch *watch, size_t depth, bool is_map)
{
	uint64_t live = 0;
	uint64_t reached = 0;
	uint64_t started = 0;

	for (size_t w = 0; w < watch->words; w++) {
		uint64_t on = watch->more[w];
		uint64_t begun = reach(watch, w);

		if (on && !is_map) {
			on &= watch_row(watch, depth, WATCH_ELEMENT)[w];
		}
		at(watch, watch->live, depth)[w] = on;
		at(watch, watch->reached, depth)[w] = watch->here[w];
		at(watch, watch->started, depth)[w] = begun;
		watch->hunting[w] |= begun;
		live |= on;
		reached |= watch->here[w];
		started |= begun;
	}
	watch->lives[depth] = live != 0;
	watch->hunts = watch->hunts || started;
	return reached != 0;
}

void watch_filled(struct watch *watch, size_t depth)
{
	const uint64_t *reached = at(watch, watch->reached, depth);

	for (size_t i = 0; watch_next_bit(watch, reached, &i); i++) {
		watch->item[i].result.filled = true;
	}
}

void watch_close(struct watch *watch, size_t depth)
{
	const uint64_t *started = at(watch, watch->started, depth);

	watch->hunts = false;
	for (size_t w = 0; w < watch->words; w++) {
		watch->hunting[w] &= ~started[w];
		watch->hunts = watch->hunts || watch->hunting[w];
	}
}

const struct watch_result *watch_result(const struct watch *watch, int number)
{
	static const struct watch_result nothing = { 0 };

	return number >= 0 && (size_t)number < watch->count ? &watch->item[number].result
	                                                    : &nothing;
}

struct slice watch_slice(const struct watch *watch, const struct watch_text *text)
{
	if (!text->found) {
		return (struct slice){ NULL, 0 };
	}
	return (struct slice){ watch->text.ptr + text->at, text->len };
}

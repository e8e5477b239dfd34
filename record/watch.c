/* SPDX-License-Identifier: MIT */
/*
 * watch: sets of pointers as bits.
 */
#include "record/watch.h"

#include <stdlib.h>

enum {
	TEXT_MAX = 16384,        /* bytes kept of one find */
	TEXTS_MAX = 1024 * 1024, /* bytes kept of all finds */
	HITS_MAX = 1024,         /* of all WATCH_ALL pointers */
	DEPTHS = WATCH_DEPTH + 2,
};

struct watched {
	const struct pointer *pointer;
	enum watch_kind kind;
	struct slice expected; /* ptr NULL: none */
	uint32_t star[WATCH_STARS];
	struct watch_result result;
};

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
	if (watch->count == watch->cap) {
		size_t cap = watch->cap ? watch->cap * 2 : 32;
		struct watched *grown = realloc(watch->item, cap * sizeof(*grown));

		if (!grown) {
			watch->failed = true;
			return WATCH_NONE;
		}
		watch->item = grown;
		watch->cap = cap;
	}
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

/* The first bit of set at or after *bit. Returns false when there is none. */
static bool next_bit(const struct watch *watch, const uint64_t *set, size_t *bit)
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

/* The pointers of one word of a set that agree with a member or an element. */
static uint64_t agreeing(const struct watch *watch, size_t w, size_t token,
    struct slice name, uint32_t ordinal)
{
	uint64_t agree = watch->live[token * watch->words + w];
	uint64_t unsure = 0;

	if (name.ptr) {
		agree &= watch_row(watch, token, watch_name_row(name))[w];
	}
	unsure = agree & ~watch_row(watch, token, WATCH_STAR)[w];
	for (; unsure; unsure &= unsure - 1) {
		size_t i = w * 64 + (size_t)__builtin_ctzll(unsure);

		if (!token_fits(watch->item[i].pointer->tokens[token], name, ordinal)) {
			agree &= ~(unsure & -unsure);
		}
	}
	return agree;
}

static void next_top(struct watch *watch)
{
	watch->coming = watch->words > 0;
	for (size_t w = 0; w < watch->words; w++) {
		watch->here[w] = 0;
		watch->more[w] = 0;
	}
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
	bool was_coming = watch->coming;

	watch->coming = false;
	watch->coming_secret = false;
	if (depth == 0) {
		next_top(watch);
		return;
	}
	for (size_t w = 0; w < watch->words && (was_coming || watch->lives[token]); w++) {
		uint64_t agree =
		    watch->lives[token] ? agreeing(watch, w, token, name, ordinal) : 0;
		uint64_t all = agree & watch->alls[w];

		watch->here[w] = 0;
		watch->more[w] = 0;
		if (!agree) {
			continue;
		}
		watch->coming = true;
		watch->here[w] = agree & watch_row(watch, token, WATCH_END)[w];
		watch->more[w] = agree & ~watch->here[w];
		if (watch->here[w] & watch->secrets[w]) {
			watch->coming_secret = true;
		}
		for (; all; all &= all - 1) {
			note_star(&watch->item[w * 64 + (size_t)__builtin_ctzll(all)],
			    token, ordinal);
		}
	}
}

static void keep(
    struct watch *watch, struct watch_text *text, struct slice value, bool secret)
{
	if (value.len > TEXT_MAX) {
		value.len = TEXT_MAX;
	}
	if (watch->text.len + value.len > TEXTS_MAX) {
		return;
	}
	*text = (struct watch_text){
		.found = true, .secret = secret, .at = watch->text.len, .len = value.len
	};
	buf_put_slice(&watch->text, value);
	watch->failed = watch->failed || watch->text.failed;
}

static void keep_hit(struct watch *watch, size_t i, struct slice value, bool secret)
{
	struct watch_hit *hit = NULL;

	if (!watch->hit) {
		watch->hit = calloc(HITS_MAX, sizeof(*watch->hit));
		watch->failed = watch->failed || !watch->hit;
	}
	if (!watch->hit || watch->hit_count == HITS_MAX) {
		return;
	}
	hit = &watch->hit[watch->hit_count];
	hit->watch = (int)i;
	memcpy(hit->star, watch->item[i].star, sizeof(hit->star));
	keep(watch, &hit->text, value, secret);
	watch->hit_count += hit->text.found;
}

/* A string below a "**" pointer, or at it: the first that is not empty is kept. */
static void hunt(struct watch *watch, struct slice text, bool secret)
{
	for (size_t i = 0; next_bit(watch, watch->hunting, &i); i++) {
		struct watch_result *result = &watch->item[i].result;

		if (!result->string.found) {
			keep(watch, &result->string, text, secret);
		}
	}
	for (size_t w = 0; w < watch->words; w++) {
		watch->hunting[w] = 0;
	}
	watch->hunts = false;
}

void watch_scalar(
    struct watch *watch, struct slice text, bool is_string, bool is_null, bool secret)
{
	for (size_t i = 0; next_bit(watch, watch->here, &i); i++) {
		struct watched *item = &watch->item[i];
		struct watch_result *result = &item->result;

		if (is_null || item->kind == WATCH_SECRET) {
			continue;
		}
		result->present = true;
		result->filled = result->filled || !is_string || text.len > 0;
		result->equal = result->equal ||
		                (item->expected.ptr && slice_eq(item->expected, text));
		if (text.len > 0 && !result->scalar.found && item->kind == WATCH_VALUE) {
			keep(watch, &result->scalar, text, secret);
		}
		if (text.len > 0 && is_string && !result->string.found &&
		    item->kind == WATCH_VALUE) {
			keep(watch, &result->string, text, secret);
		}
		if (item->kind == WATCH_ALL) {
			keep_hit(watch, i, text, secret);
		}
	}
	if (is_string && text.len > 0 && watch->hunts) {
		hunt(watch, text, secret);
	}
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

void watch_open(struct watch *watch, size_t depth, bool is_map)
{
	uint64_t live = 0;
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
		started |= begun;
	}
	watch->lives[depth] = live != 0;
	watch->hunts = watch->hunts || started;
}

void watch_filled(struct watch *watch, size_t depth)
{
	const uint64_t *reached = at(watch, watch->reached, depth);

	for (size_t i = 0; next_bit(watch, reached, &i); i++) {
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

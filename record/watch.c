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

static bool any(const struct watch *watch, const uint64_t *set)
{
	for (size_t w = 0; w < watch->words; w++) {
		if (set[w]) {
			return true;
		}
	}
	return false;
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

void watch_begin(struct watch *watch)
{
	uint64_t *sets = NULL;

	for (size_t i = 0; i < watch->count; i++) {
		watch->item[i].result = (struct watch_result){ 0 };
	}
	watch->hit_count = 0;
	watch->coming = false;
	watch->hunts = false;
	free(watch->live);
	watch->live = NULL;
	watch->words = (watch->count + 63) / 64;
	if (watch->words == 0) {
		return;
	}
	/* one piece of memory for all sets */
	sets = calloc((3 * DEPTHS + 4) * watch->words, sizeof(*sets));
	if (!sets) {
		watch->words = 0;
		watch->failed = true;
		return;
	}
	watch->live = sets;
	watch->reached = at(watch, sets, DEPTHS);
	watch->started = at(watch, sets, (size_t)2 * DEPTHS);
	watch->more = at(watch, sets, (size_t)3 * DEPTHS);
	watch->here = watch->more + watch->words;
	watch->secret = watch->here + watch->words;
	watch->hunting = watch->secret + watch->words;
	for (size_t i = 0; i < watch->count; i++) {
		if (watch->item[i].kind == WATCH_SECRET) {
			put(watch->secret, i);
		}
	}
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

/* Does a token of a pointer fit a member or an element? */
static bool fits(struct slice token, struct slice name, uint32_t ordinal)
{
	if (is_star(token)) {
		return true;
	}
	if (!name.ptr) {
		return index_of(token) == (int64_t)ordinal;
	}
	/* at a glance: most names differ so */
	return token.len == name.len &&
	       (name.len == 0 || (token.ptr[0] == name.ptr[0] && slice_eq(token, name)));
}

/* Could it fit any element of an array? */
static bool fits_elements(struct slice token)
{
	return is_star(token) || index_of(token) >= 0;
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

/* The pointer agrees with the value that comes, which is at this depth. */
static void agree(struct watch *watch, size_t i, size_t depth)
{
	put(watch->item[i].pointer->count == depth ? watch->here : watch->more, i);
	watch->coming = true;
}

void watch_next(struct watch *watch, size_t depth, struct slice name, uint32_t ordinal)
{
	const uint64_t *live = NULL;

	if (watch->words == 0) {
		return;
	}
	for (size_t w = 0; watch->coming && w < watch->words; w++) {
		watch->more[w] = 0;
		watch->here[w] = 0;
	}
	watch->coming = false;
	if (depth == 0) {
		for (size_t i = 0; i < watch->count; i++) {
			agree(watch, i, 0);
		}
		return;
	}
	if (!watch->lives[depth - 1]) {
		return;
	}
	live = at(watch, watch->live, depth - 1);
	for (size_t w = 0; w < watch->words; w++) {
		for (uint64_t left = live[w]; left; left &= left - 1) {
			size_t i = w * 64 + (size_t)__builtin_ctzll(left);
			struct watched *item = &watch->item[i];

			if (!fits(item->pointer->tokens[depth - 1], name, ordinal)) {
				continue;
			}
			agree(watch, i, depth);
			if (item->kind == WATCH_ALL) {
				note_star(item, depth - 1, ordinal);
			}
		}
	}
}

bool watch_is_secret(const struct watch *watch)
{
	for (size_t w = 0; w < watch->words; w++) {
		if (watch->here[w] & watch->secret[w]) {
			return true;
		}
	}
	return false;
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
	memset(watch->hunting, 0, watch->words * sizeof(*watch->hunting));
	watch->hunts = false;
}

void watch_scalar(
    struct watch *watch, struct slice text, bool is_string, bool is_null, bool secret)
{
	if (watch->words == 0) {
		return;
	}
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

void watch_open_reached(struct watch *watch, size_t depth, bool is_map)
{
	uint64_t *live = at(watch, watch->live, depth);
	uint64_t *started = NULL;

	memcpy(live, watch->more, watch->words * sizeof(*live));
	for (size_t i = 0; !is_map && next_bit(watch, live, &i); i++) {
		if (!fits_elements(watch->item[i].pointer->tokens[depth])) {
			live[i / 64] &= ~((uint64_t)1 << i % 64);
		}
	}
	watch->lives[depth] = any(watch, live);
	memcpy(at(watch, watch->reached, depth), watch->here,
	    watch->words * sizeof(*watch->here));
	started = at(watch, watch->started, depth);
	memset(started, 0, watch->words * sizeof(*started));
	for (size_t i = 0; next_bit(watch, watch->here, &i); i++) {
		struct watched *item = &watch->item[i];

		item->result.present = true;
		if (item->pointer->first_text && !item->result.string.found) {
			put(started, i);
			put(watch->hunting, i);
			watch->hunts = true;
		}
	}
}

void watch_filled_reached(struct watch *watch, size_t depth)
{
	const uint64_t *reached = at(watch, watch->reached, depth);

	for (size_t i = 0; next_bit(watch, reached, &i); i++) {
		watch->item[i].result.filled = true;
	}
}

void watch_close_reached(struct watch *watch, size_t depth)
{
	const uint64_t *started = at(watch, watch->started, depth);

	for (size_t w = 0; w < watch->words; w++) {
		watch->hunting[w] &= ~started[w];
	}
	watch->hunts = any(watch, watch->hunting);
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

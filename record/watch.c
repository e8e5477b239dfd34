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

/* The key of a token: its first byte, its length as far as there is room, and: */
enum {
	KEY_ELEMENT = 0x8000,    /* it may fit an element of an array */
	KEY_STAR = 0xFFFF,       /* it fits everything */
	KEY_LENGTH_MAX = 0x7E,   /* of those that are longer */
	KEY_NAME_BITS = 0x7FFF,
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
	free(watch->key);
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

/* Does a token of a pointer fit a member or an element? */
static bool fits(struct slice token, struct slice name, uint32_t ordinal)
{
	if (is_star(token)) {
		return true;
	}
	if (!name.ptr) {
		return index_of(token) == (int64_t)ordinal;
	}
	return slice_eq(token, name);
}

static uint16_t name_key(struct slice name)
{
	size_t len = name.len < KEY_LENGTH_MAX ? name.len : KEY_LENGTH_MAX;

	return (uint16_t)(len << 8 | (len > 0 ? (unsigned char)name.ptr[0] : 0));
}

static uint16_t token_key(struct slice token)
{
	if (is_star(token)) {
		return KEY_STAR;
	}
	return (uint16_t)(name_key(token) | (index_of(token) >= 0 ? KEY_ELEMENT : 0));
}

/* By token and pointer. Returns false: no memory. */
static bool make_keys(struct watch *watch)
{
	size_t tokens = 1;

	for (size_t i = 0; i < watch->count; i++) {
		size_t count = watch->item[i].pointer->count;

		tokens = count > tokens ? count : tokens;
	}
	free(watch->key);
	watch->key = calloc(tokens * watch->count, sizeof(*watch->key));
	for (size_t i = 0; watch->key && i < watch->count; i++) {
		const struct pointer *pointer = watch->item[i].pointer;

		for (size_t t = 0; t < pointer->count; t++) {
			watch->key[t * watch->count + i] = token_key(pointer->tokens[t]);
		}
	}
	return watch->key != NULL;
}

/* One piece of memory for all sets. Returns false: none. */
static bool make_sets(struct watch *watch)
{
	uint64_t *sets = calloc((3 * DEPTHS + 4) * watch->words, sizeof(*sets));

	if (!sets) {
		return false;
	}
	watch->live = sets;
	watch->reached = at(watch, sets, DEPTHS);
	watch->started = at(watch, sets, (size_t)2 * DEPTHS);
	watch->more = at(watch, sets, (size_t)3 * DEPTHS);
	watch->here = watch->more + watch->words;
	watch->texts = watch->here + watch->words;
	watch->hunting = watch->texts + watch->words;
	for (size_t i = 0; i < watch->count; i++) {
		if (watch->item[i].pointer->first_text) {
			put(watch->texts, i);
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
	if (watch->words > 0 && (!make_keys(watch) || !make_sets(watch))) {
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

/* The pointer agrees with the value that comes, which is at this depth. */
static void agree(struct watch *watch, size_t i, size_t depth)
{
	const struct watched *item = &watch->item[i];

	watch->coming = true;
	if (item->pointer->count == depth) {
		put(watch->here, i);
		watch->coming_secret =
		    watch->coming_secret || item->kind == WATCH_SECRET;
	} else {
		put(watch->more, i);
	}
}

/* The pointers of one word of a set that agree. */
static void next_of(struct watch *watch, size_t w, size_t depth, struct slice name,
    uint32_t ordinal)
{
	const uint16_t *key = watch->key + (depth - 1) * watch->count;
	uint64_t left = at(watch, watch->live, depth - 1)[w];
	uint16_t wanted = name.ptr ? name_key(name) : 0;

	for (; left; left &= left - 1) {
		size_t i = w * 64 + (size_t)__builtin_ctzll(left);
		struct watched *item = &watch->item[i];

		/* at a glance: most names differ so */
		if (key[i] != KEY_STAR &&
		    ((name.ptr && (key[i] & KEY_NAME_BITS) != wanted) ||
		        !fits(item->pointer->tokens[depth - 1], name, ordinal))) {
			continue;
		}
		agree(watch, i, depth);
		if (item->kind == WATCH_ALL) {
			note_star(item, depth - 1, ordinal);
		}
	}
}

void watch_next(struct watch *watch, size_t depth, struct slice name, uint32_t ordinal)
{
	for (size_t w = 0; watch->coming && w < watch->words; w++) {
		watch->more[w] = 0;
		watch->here[w] = 0;
	}
	watch->coming = false;
	watch->coming_secret = false;
	if (depth == 0) {
		for (size_t i = 0; i < watch->count && watch->words > 0; i++) {
			agree(watch, i, 0);
		}
		return;
	}
	if (!watch->lives[depth - 1] ||
	    (name.ptr && !(watch->first[depth - 1] & watch_first(name)))) {
		return;
	}
	for (size_t w = 0; w < watch->words; w++) {
		next_of(watch, w, depth, name, ordinal);
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

/* Those of one word that go on below a container: any in an object, "*" and numbers in an
 * array. Notes which names may fit them. */
static uint64_t going_on(struct watch *watch, size_t w, size_t depth, bool is_map)
{
	const uint16_t *key = watch->key + depth * watch->count;
	uint64_t live = watch->more[w];

	for (uint64_t left = live; left; left &= left - 1) {
		size_t i = w * 64 + (size_t)__builtin_ctzll(left);

		if (!is_map && !(key[i] & KEY_ELEMENT)) {
			live &= ~(left & -left);
		}
		watch->first[depth] |=
		    key[i] == KEY_STAR ? UINT64_MAX : (uint64_t)1 << (key[i] & 63);
	}
	return live;
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

void watch_open_reached(struct watch *watch, size_t depth, bool is_map)
{
	uint64_t live = 0;
	uint64_t reached = 0;
	uint64_t started = 0;

	watch->first[depth] = 0;
	for (size_t w = 0; w < watch->words; w++) {
		uint64_t on = going_on(watch, w, depth, is_map);
		uint64_t begun = reach(watch, w);

		at(watch, watch->live, depth)[w] = on;
		at(watch, watch->reached, depth)[w] = watch->here[w];
		at(watch, watch->started, depth)[w] = begun;
		watch->hunting[w] |= begun;
		live |= on;
		reached |= watch->here[w];
		started |= begun;
	}
	watch->lives[depth] = live != 0;
	watch->reaches[depth] = reached != 0;
	watch->starts[depth] = started != 0;
	watch->hunts = watch->hunts || started;
}

void watch_filled_reached(struct watch *watch, size_t depth)
{
	const uint64_t *reached = at(watch, watch->reached, depth);

	for (size_t i = 0; next_bit(watch, reached, &i); i++) {
		watch->item[i].result.filled = true;
	}
}

void watch_close_started(struct watch *watch, size_t depth)
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

/* SPDX-License-Identifier: MIT */
/*
 * names: one automaton over all names, with a byte of its own for the begin and the end.
 */
#include "record/names.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "record/finder.h"
#include "record/redaction_table.h"

enum {
	BEGIN = 1,
	END = 2,
	NAME_MAX_BYTES = 256, /* longer names are judged by their two ends */
};

/* What a byte of a name is to the automaton. */
enum {
	KIND_OTHER,   /* in no name of the list */
	KIND_DROPPED, /* '-', '_', ' ' */
	KIND_BORDER,  /* between two parts of a name */
	KIND_BEGIN,
	KIND_END,
	KIND_FIRST, /* and on: a byte that names of the list have */
	KINDS = 64,
};

enum {
	HIT_NAME = 1,  /* a name of the list ends in this state */
	HIT_QUERY = 2, /* one that counts in a query only */
	HIT_CODE = 4,  /* "code" */
};

/* The automaton written out as a table: one look for each byte. */
struct table {
	uint8_t kind[256];
	uint32_t *next;  /* by state + kind, where a state is a multiple of KINDS */
	uint8_t *hit;    /* by state / KINDS */
	size_t shortest; /* bytes of the shortest name */
	size_t shortest_harmless;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct table *table;

static bool dropped(char c)
{
	return c == '-' || c == '_' || c == ' ';
}

static bool parts_end(char c)
{
	return c == '[' || c == ']' || c == '.' || c == '/' || c == ':';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Gives each byte its kind, and each kind a byte to stand for it. Returns how many there
 * are, 0: too many. */
static unsigned int make_kinds(
    struct table *t, struct slice text, unsigned char *ret_byte)
{
	unsigned int kinds = KIND_FIRST;
	bool used[256] = { false };

	for (size_t i = 0; i < text.len; i++) {
		used[(unsigned char)text.ptr[i]] = true;
	}
	ret_byte[KIND_BEGIN] = BEGIN;
	ret_byte[KIND_END] = END;
	for (unsigned int c = 0; c < 256; c++) {
		if (dropped((char)c) || c == BEGIN || c == END) {
			t->kind[c] = KIND_DROPPED;
		} else if (parts_end((char)c)) {
			t->kind[c] = KIND_BORDER;
		} else if (used[c]) {
			if (kinds == KINDS) {
				return 0;
			}
			ret_byte[kinds] = (unsigned char)c;
			t->kind[c] = (uint8_t)kinds++;
		}
	}
	for (unsigned int c = 'A'; c <= 'Z'; c++) {
		t->kind[c] = t->kind[(unsigned char)lower((char)c)];
	}
	return kinds;
}

static uint8_t hits(const struct finder *finder, uint32_t pattern)
{
	uint8_t hit = 0;

	while (pattern != FINDER_NONE) {
		for (uint32_t p = pattern; p != FINDER_NONE; p = finder_same(finder, p)) {
			if (p == redaction_name_count) {
				hit |= HIT_CODE;
			} else {
				hit |= redaction_names[p].query ? HIT_QUERY : HIT_NAME;
			}
		}
		pattern = finder_shorter(finder, pattern);
	}
	return hit;
}

/* Returns NULL when there is no memory. */
static struct table *make_table(struct finder *finder, struct slice text)
{
	struct table *t = calloc(1, sizeof(*t));
	unsigned char byte[KINDS] = { 0 };
	size_t states = finder_states(finder);
	unsigned int kinds = 0;

	if (!t) {
		return NULL;
	}
	kinds = make_kinds(t, text, byte);
	t->next = calloc(states * KINDS, sizeof(*t->next)); /* 0: the first state */
	t->hit = calloc(states, sizeof(*t->hit));
	if (!t->next || !t->hit || kinds == 0) {
		free(t->next);
		free(t->hit);
		free(t);
		return NULL;
	}
	for (uint32_t s = 0; s < states; s++) {
		t->next[s * KINDS + KIND_DROPPED] =
		    s * KINDS; /* as if it were not there */
		for (unsigned int k = KIND_BEGIN; k < kinds; k++) {
			uint32_t to = s;
			uint32_t pattern = finder_step(finder, &to, byte[k]);

			t->next[s * KINDS + k] = to * KINDS;
			t->hit[to] |= hits(finder, pattern);
		}
	}
	return t;
}

static struct redaction_name listed(size_t i)
{
	return i < redaction_name_count
	           ? redaction_names[i]
	           : (struct redaction_name){ "code", false, false, false };
}

static size_t shortest_name(void)
{
	size_t shortest = SIZE_MAX;

	for (size_t i = 0; i <= redaction_name_count; i++) {
		size_t len = strlen(listed(i).text);

		shortest = len < shortest ? len : shortest;
	}
	return shortest;
}

static size_t shortest_harmless(void)
{
	size_t shortest = SIZE_MAX;

	for (size_t i = 0; i < redaction_harmless_count; i++) {
		size_t len = strlen(redaction_harmless[i]);

		shortest = len < shortest ? len : shortest;
	}
	return shortest;
}

/* All names of the list, and "code". */
static void make_names(void)
{
	size_t count = redaction_name_count + 1;
	struct slice *pattern = calloc(count, sizeof(*pattern));
	struct finder *finder = NULL;
	struct buf text = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		struct redaction_name name = listed(i);

		if (!name.open_begin) {
			buf_putc(&text, BEGIN);
		}
		buf_puts(&text, name.text);
		if (!name.open_end) {
			buf_putc(&text, END);
		}
	}
	for (size_t i = 0; pattern && !text.failed && i < count; i++) {
		struct redaction_name name = listed(i);

		pattern[i] = (struct slice){ text.ptr + at,
			strlen(name.text) + !name.open_begin + !name.open_end };
		at += pattern[i].len;
	}
	if (pattern && !text.failed) {
		finder = finder_create(pattern, count);
	}
	if (finder) {
		table = make_table(finder, buf_slice(&text));
	}
	if (table) {
		table->shortest = shortest_name();
		table->shortest_harmless = shortest_harmless();
	}
	finder_destroy(finder);
	buf_finish(&text);
	free(pattern);
}

int names_init(void)
{
	(void)pthread_once(&once, make_names); /* cannot fail with a static control */
	return table ? 0 : -ENOMEM;
}

bool name_same(struct slice a, struct slice b)
{
	size_t i = 0;
	size_t j = 0;

	for (;;) {
		while (i < a.len && dropped(a.ptr[i])) {
			i++;
		}
		while (j < b.len && dropped(b.ptr[j])) {
			j++;
		}
		if (i == a.len || j == b.len) {
			return i == a.len && j == b.len;
		}
		if (lower(a.ptr[i++]) != lower(b.ptr[j++])) {
			return false;
		}
	}
}

bool name_listed(struct slice word)
{
	for (size_t i = 0; i < word.len; i++) {
		char c = lower(word.ptr[i]);

		if (!(c >= 'a' && c <= 'z') && !dropped(c)) {
			return false; /* at a glance: most secrets */
		}
	}
	for (size_t i = 0; i < redaction_name_count; i++) {
		if (name_same(word, slice_of(redaction_names[i].text))) {
			return true;
		}
	}
	return false;
}

size_t names_shortest(void)
{
	return table->shortest;
}

/* The first state of a part. */
static uint32_t begin_part(void)
{
	return table->next[KIND_BEGIN]; /* no name of the list is one byte long */
}

/* One part of a name ends in this state. */
static enum name_kind part_kind(uint32_t state, struct slice part, uint8_t wanted)
{
	uint8_t hit = table->hit[table->next[state + KIND_END] / KINDS];

	if (hit & wanted) {
		return NAME_SECRET;
	}
	return (hit & HIT_CODE) && name_same(part, SLICE("code")) ? NAME_CODE
	                                                          : NAME_PLAIN;
}

/* Does the list take this name for a secret by mistake, as token_type? */
static bool harmless(struct slice name)
{
	if (name.len < table->shortest_harmless) {
		return false; /* at a glance: "token", "password" */
	}
	for (size_t i = 0; i < redaction_harmless_count; i++) {
		const char *word = redaction_harmless[i];

		if (word[0] == lower(name.ptr[0]) && name_same(name, slice_of(word))) {
			return true;
		}
	}
	return false;
}

static enum name_kind listed_kind(struct slice name, bool query)
{
	uint8_t wanted = query ? HIT_NAME | HIT_QUERY : HIT_NAME;
	enum name_kind kind = NAME_PLAIN;
	uint32_t state = begin_part();
	size_t begin = 0;

	if (name.len < table->shortest) {
		return NAME_PLAIN;
	}
	if (name.len > NAME_MAX_BYTES) {
		name.ptr += name.len - NAME_MAX_BYTES;
		name.len = NAME_MAX_BYTES;
	}
	for (size_t i = 0;; i++) {
		uint8_t byte = KIND_BORDER;

		while (i < name.len &&
		       (byte = table->kind[(unsigned char)name.ptr[i]]) != KIND_BORDER) {
			state = table->next[state + byte];
			if (table->hit[state / KINDS] & wanted) {
				return NAME_SECRET;
			}
			i++;
		}
		if (i > begin) {
			struct slice part = { name.ptr + begin, i - begin };

			kind = part_kind(state, part, wanted);
		}
		if (i >= name.len || kind == NAME_SECRET) {
			return kind;
		}
		begin = i + 1;
		state = begin_part();
	}
}

enum name_kind name_kind(struct slice name, bool query)
{
	enum name_kind kind = listed_kind(name, query);

	return kind == NAME_SECRET && harmless(name) ? NAME_PLAIN : kind;
}

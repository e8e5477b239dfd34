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

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct finder *finder;

static void make_finder(void)
{
	struct slice *pattern = calloc(redaction_name_count, sizeof(*pattern));
	struct buf text = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < redaction_name_count; i++) {
		const struct redaction_name *name = &redaction_names[i];

		if (!name->open_begin) {
			buf_putc(&text, BEGIN);
		}
		buf_puts(&text, name->text);
		if (!name->open_end) {
			buf_putc(&text, END);
		}
	}
	for (size_t i = 0; pattern && !text.failed && i < redaction_name_count; i++) {
		const struct redaction_name *name = &redaction_names[i];

		pattern[i] = (struct slice){ text.ptr + at,
			strlen(name->text) + !name->open_begin + !name->open_end };
		at += pattern[i].len;
	}
	if (pattern && !text.failed) {
		finder = finder_create(pattern, redaction_name_count);
	}
	buf_finish(&text);
	free(pattern);
}

int names_init(void)
{
	(void)pthread_once(&once, make_finder); /* cannot fail with a static control */
	return finder ? 0 : -ENOMEM;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool dropped(char c)
{
	return c == '-' || c == '_' || c == ' ';
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

static bool hit(uint32_t pattern, bool query)
{
	while (pattern != FINDER_NONE) {
		for (uint32_t p = pattern; p != FINDER_NONE; p = finder_same(finder, p)) {
			if (query || !redaction_names[p].query) {
				return true;
			}
		}
		pattern = finder_shorter(finder, pattern);
	}
	return false;
}

/* One part of a name, without brackets and dots. */
static bool part_is_secret(struct slice part, bool query)
{
	uint32_t state = 0;

	(void)finder_step(finder, &state, BEGIN); /* no pattern is one byte long */
	for (size_t i = 0; i < part.len; i++) {
		char c = lower(part.ptr[i]);

		if (dropped(c) || c == BEGIN || c == END) {
			continue;
		}
		if (hit(finder_step(finder, &state, (unsigned char)c), query)) {
			return true;
		}
	}
	return hit(finder_step(finder, &state, END), query);
}

static enum name_kind part_kind(struct slice part, bool query)
{
	if (part_is_secret(part, query)) {
		return NAME_SECRET;
	}
	return name_same(part, SLICE("code")) ? NAME_CODE : NAME_PLAIN;
}

static bool parts_end(char c)
{
	return c == '[' || c == ']' || c == '.' || c == '/' || c == ':';
}

enum name_kind name_kind(struct slice name, bool query)
{
	enum name_kind kind = NAME_PLAIN;
	size_t begin = 0;

	if (name.len > NAME_MAX_BYTES) {
		name.ptr += name.len - NAME_MAX_BYTES;
		name.len = NAME_MAX_BYTES;
	}
	for (size_t i = 0; i <= name.len; i++) {
		if (i < name.len && !parts_end(name.ptr[i])) {
			continue;
		}
		if (i > begin) {
			struct slice part = { name.ptr + begin, i - begin };

			kind = part_kind(part, query);
		}
		if (kind == NAME_SECRET) {
			return kind;
		}
		begin = i + 1;
	}
	return kind;
}

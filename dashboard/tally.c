/* SPDX-License-Identifier: MIT */
#include "dashboard/tally.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a; a length ends each field. */
static uint64_t hash_of(const struct slice *field, size_t count)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < field[i].len; k++) {
			hash = (hash ^ (unsigned char)field[i].ptr[k]) *
			       UINT64_C(1099511628211);
		}
		hash = (hash ^ field[i].len) * UINT64_C(1099511628211);
	}
	return hash;
}

static bool same(const struct tally_entry *entry, const struct slice *field, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!slice_eq(entry->field[i], field[i])) {
			return false;
		}
	}
	return true;
}

/* The slot that holds the fields, or the free one where they belong. */
static size_t *find_slot(
    struct tally *tally, uint64_t hash, const struct slice *field, size_t count)
{
	size_t at = hash & (tally->slots - 1);

	while (tally->slot[at] != 0) {
		const struct tally_entry *entry = tally->entry[tally->slot[at] - 1];

		if (entry->hash == hash && same(entry, field, count)) {
			break;
		}
		at = (at + 1) & (tally->slots - 1);
	}
	return &tally->slot[at];
}

/* Room for one more; at most half of the slots are taken. */
static bool grow(struct tally *tally)
{
	size_t cap = tally->cap ? tally->cap * 2 : 64;
	struct tally_entry **entry;
	size_t *slot;

	if (tally->count < tally->cap) {
		return true;
	}
	entry = realloc(tally->entry, cap * sizeof(struct tally_entry *));
	if (!entry) {
		return false;
	}
	tally->entry = entry;
	slot = calloc(cap * 2, sizeof(*slot));
	if (!slot) {
		return false;
	}
	free(tally->slot);
	tally->slot = slot;
	tally->slots = cap * 2;
	tally->cap = cap;
	for (size_t i = 0; i < tally->count; i++) {
		size_t at = tally->entry[i]->hash & (tally->slots - 1);

		while (tally->slot[at] != 0) {
			at = (at + 1) & (tally->slots - 1);
		}
		tally->slot[at] = i + 1;
	}
	return true;
}

static struct tally_entry *entry_new(
    uint64_t hash, const struct slice *field, size_t count)
{
	struct tally_entry *entry;
	size_t size = 0;
	char *at;

	for (size_t i = 0; i < count; i++) {
		size += field[i].len;
	}
	entry = calloc(1, sizeof(*entry) + size + 1);
	if (!entry) {
		return NULL;
	}
	entry->hash = hash;
	at = entry->text;
	for (size_t i = 0; i < count; i++) {
		if (field[i].len > 0) {
			memcpy(at, field[i].ptr, field[i].len);
		}
		entry->field[i] = (struct slice){ at, field[i].len };
		at += field[i].len;
	}
	return entry;
}

struct tally_entry *tally_at(struct tally *tally, const struct slice *field, size_t count)
{
	uint64_t hash = hash_of(field, count);
	struct tally_entry *entry;
	size_t *slot;

	if (!grow(tally)) {
		return NULL;
	}
	slot = find_slot(tally, hash, field, count);
	if (*slot != 0) {
		return tally->entry[*slot - 1];
	}
	if (tally->max > 0 && tally->count == tally->max) {
		tally->over = true;
		return NULL;
	}
	entry = entry_new(hash, field, count);
	if (entry) {
		tally->entry[tally->count++] = entry;
		*slot = tally->count;
	}
	return entry;
}

static void copy_time(char to[TALLY_TIME], struct slice from)
{
	size_t len = from.len < TALLY_TIME ? from.len : TALLY_TIME - 1;

	memcpy(to, from.ptr, len);
	to[len] = '\0';
}

/* Text order is time order: all times have one form. */
void tally_span(struct tally_entry *entry, struct slice first, struct slice last)
{
	if (first.len > 0 &&
	    (!entry->first[0] || strncmp(first.ptr, entry->first, first.len) < 0)) {
		copy_time(entry->first, first);
	}
	if (last.len > 0 &&
	    (!entry->last[0] || strncmp(last.ptr, entry->last, last.len) > 0)) {
		copy_time(entry->last, last);
	}
}

static int by_count(const void *a, const void *b)
{
	const struct tally_entry *x = *(struct tally_entry *const *)a;
	const struct tally_entry *y = *(struct tally_entry *const *)b;

	if (x->count != y->count) {
		return x->count > y->count ? -1 : 1;
	}
	return strcmp(x->text, y->text); /* the same order each time */
}

void tally_sort(struct tally *tally)
{
	if (tally->count > 1) {
		qsort(tally->entry, tally->count, sizeof(struct tally_entry *), by_count);
	}
	free(tally->slot); /* places have changed */
	tally->slot = NULL;
	tally->slots = 0;
	tally->cap = tally->count; /* the next tally_at makes them anew */
}

void tally_finish(struct tally *tally)
{
	for (size_t i = 0; i < tally->count; i++) {
		free(tally->entry[i]);
	}
	free(tally->entry);
	free(tally->slot);
	memset(tally, 0, sizeof(*tally));
}

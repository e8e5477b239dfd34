/* SPDX-License-Identifier: MIT */
#include "record/coverage.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/err.h"
#include "sql/coverage.h"

#define EVERY_NS INT64_C(2000000000)

enum {
	SLOTS = COVERAGE_ENTRIES * 2,
	FREE_ENTRIES = COVERAGE_ENTRIES / 4, /* kept for routed hosts */
	PORTION = 64,                        /* in one transaction: about a millisecond */
	KIND_UNROUTED = COVERAGE_KIND_COUNT, /* method and path, not client */
};

struct entry {
	int kind;
	char host[256];
	char method[24];  /* of KIND_UNROUTED */
	char detail[232]; /* client, or path */
	uint64_t count;
	int64_t first_us;
	int64_t last_us;
};

struct entries {
	uint16_t slot[SLOTS]; /* number of an entry + 1; 0: free */
	size_t count;
	struct entry entry[COVERAGE_ENTRIES];
};

struct coverage {
	/* the recorder's */
	struct entries *writing; /* owned */
	size_t written;          /* of writing */
	int64_t due_ns;

	pthread_mutex_t lock;     /* for what follows */
	struct entries *counting; /* owned */
};

static const char *const kind_text[COVERAGE_KIND_COUNT] = {
	[COVERAGE_RECORDED] = "recorded",
	[COVERAGE_ROUTED_TUNNEL] = "routed_tunnel",
	[COVERAGE_TLS_REJECTED] = "tls_rejected",
	[COVERAGE_CLEARTEXT] = "cleartext",
	[COVERAGE_TUNNEL] = "tunnel",
	[COVERAGE_UNROUTED_HTTPS] = "unrouted_https",
	[COVERAGE_UNROUTED_HTTP] = "unrouted_http",
};

const char *coverage_kind_text(enum coverage_kind kind)
{
	return kind_text[kind];
}

struct coverage *coverage_create(void)
{
	struct coverage *coverage = calloc(1, sizeof(*coverage));

	if (!coverage) {
		return NULL;
	}
	/* zeroed pages are not there until they are used */
	coverage->writing = calloc(1, sizeof(*coverage->writing));
	coverage->counting = calloc(1, sizeof(*coverage->counting));
	(void)pthread_mutex_init(&coverage->lock, NULL);
	if (!coverage->writing || !coverage->counting) {
		coverage_destroy(coverage);
		return NULL;
	}
	coverage->due_ns = mono_ns() + EVERY_NS;
	return coverage;
}

void coverage_destroy(struct coverage *coverage)
{
	if (coverage) {
		(void)pthread_mutex_destroy(&coverage->lock);
		free(coverage->writing);
		free(coverage->counting);
		free(coverage);
	}
}

/* Lower case, and "_" for what stands in no host name and no address. */
static void put_clean(char *out, size_t size, struct slice text)
{
	size_t len = text.len < size ? text.len : size - 1;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool plain = isalnum(c) || (c && strchr(".-_:[]", c));

		out[i] = (char)(plain ? tolower(c) : '_');
	}
	out[len] = '\0';
}

static size_t hash_of(const struct entry *entry)
{
	const char *const text[] = { entry->host, entry->method, entry->detail };
	uint64_t hash = 0xCBF29CE484222325u ^ (uint64_t)entry->kind;

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		for (const char *p = text[i]; *p; p++) {
			hash = (hash ^ (unsigned char)*p) * 0x100000001B3u;
		}
		hash = (hash ^ 0xFF) * 0x100000001B3u;
	}
	return (size_t)(hash ^ hash >> 32);
}

static bool same(const struct entry *a, const struct entry *b)
{
	return a->kind == b->kind && strcmp(a->host, b->host) == 0 &&
	       strcmp(a->method, b->method) == 0 && strcmp(a->detail, b->detail) == 0;
}

/* A client can name any host: such entries leave some room to the others. */
static bool is_free_choice(const struct entry *entry)
{
	return entry->kind == COVERAGE_TUNNEL || entry->kind == COVERAGE_UNROUTED_HTTPS ||
	       entry->kind == COVERAGE_UNROUTED_HTTP;
}

/* Returns false when there is no room. */
static bool count_one(struct entries *entries, const struct entry *wanted, size_t hash)
{
	size_t most = COVERAGE_ENTRIES - (is_free_choice(wanted) ? FREE_ENTRIES : 0);
	struct entry *entry = NULL;
	size_t slot = hash % SLOTS;

	while (entries->slot[slot]) {
		entry = &entries->entry[entries->slot[slot] - 1];
		if (same(entry, wanted)) {
			entry->count++;
			entry->last_us = wanted->last_us;
			return true;
		}
		slot = (slot + 1) % SLOTS;
	}
	if (entries->count >= most) {
		return false;
	}
	entries->entry[entries->count++] = *wanted;
	entries->slot[slot] = (uint16_t)entries->count;
	return true;
}

static void note(struct coverage *coverage, struct entry *entry)
{
	size_t hash = hash_of(entry);
	bool counted;

	entry->count = 1;
	entry->first_us = wall_us();
	entry->last_us = entry->first_us;
	(void)pthread_mutex_lock(&coverage->lock);
	counted = count_one(coverage->counting, entry, hash);
	(void)pthread_mutex_unlock(&coverage->lock);
	if (!counted) {
		counter_add(COUNTER_COVERAGE_LOST, 1);
	}
}

void coverage_note(struct coverage *coverage, enum coverage_kind kind, struct slice host,
    const char *client)
{
	struct entry entry = { .kind = (int)kind };

	put_clean(entry.host, sizeof(entry.host), host);
	put_clean(entry.detail, sizeof(entry.detail), slice_of(client));
	note(coverage, &entry);
}

void coverage_note_unrouted(
    struct coverage *coverage, struct slice host, struct slice method, const char *path)
{
	struct entry entry = { .kind = KIND_UNROUTED };

	put_clean(entry.host, sizeof(entry.host), host);
	(void)snprintf(entry.method, sizeof(entry.method), "%.*s", SLICE_ARG(method));
	if ((size_t)snprintf(entry.detail, sizeof(entry.detail), "%s", path) >=
	    sizeof(entry.detail)) {
		(void)snprintf(entry.detail, sizeof(entry.detail), "/*");
	}
	note(coverage, &entry);
}

/* The counts so far become what is written, and counting begins anew. */
static void turn(struct coverage *coverage)
{
	struct entries *fresh = coverage->writing;

	memset(fresh->slot, 0, sizeof(fresh->slot));
	fresh->count = 0;
	(void)pthread_mutex_lock(&coverage->lock);
	coverage->writing = coverage->counting;
	coverage->counting = fresh;
	(void)pthread_mutex_unlock(&coverage->lock);
	coverage->written = 0;
}

static int write_portion(struct coverage *coverage, struct store *store, struct err *err)
{
	const struct entries *entries = coverage->writing;
	struct coverage_note notes[PORTION];
	size_t count = entries->count - coverage->written;
	int r;

	count = count < PORTION ? count : PORTION;
	for (size_t i = 0; i < count; i++) {
		const struct entry *entry = &entries->entry[coverage->written + i];
		bool path = entry->kind == KIND_UNROUTED;

		notes[i] = (struct coverage_note){ .host = entry->host,
			.kind = path ? NULL : kind_text[entry->kind],
			.client = path ? NULL : entry->detail,
			.method = path ? entry->method : NULL,
			.path = path ? entry->detail : NULL,
			.count = entry->count,
			.first_us = entry->first_us,
			.last_us = entry->last_us };
	}
	r = count > 0 ? store_put_coverage(store, notes, count, err) : 0;
	if (r == 0) {
		coverage->written += count;
	}
	return r;
}

static bool has_more(const struct coverage *coverage)
{
	return coverage->written < coverage->writing->count;
}

int coverage_write(
    struct coverage *coverage, struct store *store, bool last, struct err *err)
{
	int r = 0;

	if (!last && mono_ns() < coverage->due_ns) {
		return 0;
	}
	if (!has_more(coverage)) {
		turn(coverage);
	}
	do {
		r = write_portion(coverage, store, err);
		if (r == 0 && last && !has_more(coverage)) {
			turn(coverage);
		}
	} while (r == 0 && last && has_more(coverage));
	/* the next portion at once, but after the rows that came meanwhile */
	coverage->due_ns = mono_ns() + (r == 0 && has_more(coverage) ? 0 : EVERY_NS);
	return r;
}

int64_t coverage_due_ns(const struct coverage *coverage)
{
	return coverage->due_ns;
}

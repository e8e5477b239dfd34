/* SPDX-License-Identifier: MIT */
/*
 * finder: a trie whose edges live in one hash table, with failure links.
 */
#include "record/finder.h"

#include <stdlib.h>

enum { ROOT = 0 };

struct node {
	uint32_t parent;
	uint32_t fail;
	uint32_t pattern; /* the longest that ends here, its own or by way of fail */
	uint32_t depth;
	unsigned char byte; /* of the edge that leads here */
	bool own;           /* a pattern ends exactly here */
};

struct finder {
	struct node *node;
	size_t count;
	uint64_t *edge; /* (from << 8 | byte) + 1 above, to in the low 24 bits; 0: free */
	size_t edge_mask;
	uint32_t root[256]; /* edges of the root, ROOT where there is none */
	uint32_t *same;     /* by pattern */
	uint32_t *shorter;  /* by pattern */

	/* Where a text stays, the way on is written out: states have a place once they
	 * were met, the first one in place 0. */
	uint32_t *next;      /* by place * 256 + byte: a place and 1; 0: not yet known */
	struct place *place; /* by place */
	uint32_t *place_of;  /* by state: its place and 1; 0: none */
	uint32_t places;
};

struct place {
	uint32_t state;
	uint32_t pattern; /* the node's */
};

enum {
	TO_BITS = 24,
	PLACES_MAX = 1024, /* KiB of next; a state that has none is written as PLACES_MAX
	                      and its number */
	PLACES_FIRST = 32,
};

static size_t edge_slot(const struct finder *f, uint64_t key)
{
	return (size_t)((key * 0x9E3779B97F4A7C15u) >> 32) & f->edge_mask;
}

static uint32_t edge_get(const struct finder *f, uint32_t from, unsigned char byte)
{
	uint64_t key = (((uint64_t)from << 8) | byte) + 1;
	size_t slot = 0;

	if (from == ROOT) {
		return f->root[byte];
	}
	for (slot = edge_slot(f, key); f->edge[slot] != 0;
	     slot = (slot + 1) & f->edge_mask) {
		if (f->edge[slot] >> TO_BITS == key) {
			return (uint32_t)(f->edge[slot] & ((1u << TO_BITS) - 1));
		}
	}
	return ROOT;
}

static void edge_put(struct finder *f, uint32_t from, unsigned char byte, uint32_t to)
{
	uint64_t key = (((uint64_t)from << 8) | byte) + 1;
	size_t slot = edge_slot(f, key);

	if (from == ROOT) {
		f->root[byte] = to;
		return;
	}
	while (f->edge[slot] != 0) {
		slot = (slot + 1) & f->edge_mask;
	}
	f->edge[slot] = key << TO_BITS | to;
}

static void insert(struct finder *f, uint32_t index, struct slice text)
{
	uint32_t at = ROOT;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		uint32_t to = edge_get(f, at, byte);

		if (to == ROOT) {
			to = (uint32_t)f->count++;
			f->node[to] = (struct node){ .parent = at,
				.pattern = FINDER_NONE,
				.depth = (uint32_t)i + 1,
				.byte = byte };
			edge_put(f, at, byte, to);
		}
		at = to;
	}
	if (at == ROOT) {
		return;
	}
	f->same[index] = f->node[at].pattern;
	f->node[at].pattern = index;
	f->node[at].own = true;
}

static void link_node(struct finder *f, struct node *node)
{
	uint32_t fail = f->node[node->parent].fail;
	uint32_t next = ROOT;

	if (node->depth > 1) {
		next = edge_get(f, fail, node->byte);
		while (next == ROOT && fail != ROOT) {
			fail = f->node[fail].fail;
			next = edge_get(f, fail, node->byte);
		}
	}
	node->fail = next;
	if (!node->own) {
		node->pattern = f->node[next].pattern;
		return;
	}
	for (uint32_t p = node->pattern; p != FINDER_NONE; p = f->same[p]) {
		f->shorter[p] = f->node[next].pattern;
	}
}

/* Links the nodes in order of their depth (counting sort). */
static bool link_all(struct finder *f, size_t longest)
{
	size_t *begin = calloc(longest + 2, sizeof(*begin));
	uint32_t *order = calloc(f->count, sizeof(*order));
	bool made = begin && order;

	for (size_t i = 1; made && i < f->count; i++) {
		begin[f->node[i].depth + 1]++;
	}
	for (size_t i = 1; made && i < longest + 2; i++) {
		begin[i] += begin[i - 1];
	}
	for (size_t i = 1; made && i < f->count; i++) {
		order[begin[f->node[i].depth]++] = (uint32_t)i;
	}
	for (size_t i = 0; made && i + 1 < f->count; i++) {
		link_node(f, &f->node[order[i]]);
	}
	free(begin);
	free(order);
	return made;
}

static bool reserve(struct finder *f, size_t patterns, size_t bytes)
{
	size_t edges = 64;

	while (edges < bytes * 2) {
		edges *= 2;
	}
	f->edge_mask = edges - 1;
	f->edge = calloc(edges, sizeof(*f->edge));
	f->node = malloc((bytes + 1) * sizeof(*f->node));
	f->same = malloc((patterns + 1) * sizeof(*f->same));
	f->shorter = malloc((patterns + 1) * sizeof(*f->shorter));
	if (!f->edge || !f->node || !f->same || !f->shorter) {
		return false;
	}
	f->node[ROOT] = (struct node){ .pattern = FINDER_NONE };
	f->count = 1;
	for (size_t i = 0; i < patterns; i++) {
		f->same[i] = FINDER_NONE;
		f->shorter[i] = FINDER_NONE;
	}
	return true;
}

struct finder *finder_create(const struct slice *pattern, size_t count)
{
	struct finder *f = calloc(1, sizeof(*f));
	size_t bytes = 0;
	size_t longest = 0;

	for (size_t i = 0; i < count; i++) {
		bytes += pattern[i].len;
		longest = pattern[i].len > longest ? pattern[i].len : longest;
	}
	if (!f || bytes >= 1u << TO_BITS || !reserve(f, count, bytes)) {
		finder_destroy(f);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		insert(f, (uint32_t)i, pattern[i]);
	}
	if (!link_all(f, longest)) {
		finder_destroy(f);
		return NULL;
	}
	return f;
}

void finder_destroy(struct finder *f)
{
	if (f) {
		free(f->next);
		free(f->place);
		free(f->place_of);
		free(f->edge);
		free(f->node);
		free(f->same);
		free(f->shorter);
		free(f);
	}
}

static uint32_t follow(const struct finder *f, uint32_t at, unsigned char byte)
{
	uint32_t to = edge_get(f, at, byte);

	while (to == ROOT && at != ROOT) {
		at = f->node[at].fail;
		to = edge_get(f, at, byte);
	}
	return to;
}

uint32_t finder_step(struct finder *f, uint32_t *state, unsigned char byte)
{
	*state = follow(f, *state, byte);
	return f->node[*state].pattern;
}

/* Makes room for one more place, by doubling. Returns false: there is none. */
static bool grow_places(struct finder *f)
{
	size_t cap = f->places ? f->places * (size_t)2 : PLACES_FIRST;
	uint32_t *next = NULL;
	struct place *place = NULL;

	if (!f->place_of) {
		f->place_of = calloc(f->count, sizeof(*f->place_of));
	}
	if (!f->place_of || f->places == PLACES_MAX) {
		return false;
	}
	if (f->places > 0 && (f->places < PLACES_FIRST || f->places & (f->places - 1))) {
		return true; /* only a power of two is full */
	}
	next = realloc(f->next, cap * 256 * sizeof(*next));
	f->next = next ? next : f->next;
	place = realloc(f->place, cap * sizeof(*place));
	f->place = place ? place : f->place;
	return next && place;
}

/* The place of a state, or what stands for it when it has none. */
static uint32_t place_of(struct finder *f, uint32_t state)
{
	if (f->place_of && f->place_of[state] != 0) {
		return f->place_of[state] - 1;
	}
	if (!grow_places(f)) {
		return PLACES_MAX + state;
	}
	memset(f->next + (size_t)f->places * 256, 0, 256 * sizeof(*f->next));
	f->place[f->places] = (struct place){ state, f->node[state].pattern };
	f->place_of[state] = ++f->places;
	return f->places - 1;
}

/* A step that was not made yet, or from or to a state without a place. */
static uint32_t walk(struct finder *f, uint32_t at, unsigned char byte)
{
	bool placed = at < PLACES_MAX;
	uint32_t state = placed ? f->place[at].state : at - PLACES_MAX;
	uint32_t to = place_of(f, follow(f, state, byte));

	if (placed && to < PLACES_MAX) {
		f->next[(size_t)at * 256 + byte] = to + 1;
	}
	return to;
}

size_t finder_run(struct finder *f, uint32_t *state, struct slice text, size_t from,
    uint32_t *ret_pattern)
{
	uint32_t at = place_of(f, *state);
	uint32_t pattern = FINDER_NONE;
	size_t i = from;

	while (i < text.len && pattern == FINDER_NONE) {
		unsigned char byte = (unsigned char)text.ptr[i++];
		uint32_t to = at < PLACES_MAX ? f->next[(size_t)at * 256 + byte] : 0;

		at = to ? to - 1 : walk(f, at, byte);
		pattern = at < PLACES_MAX ? f->place[at].pattern
		                          : f->node[at - PLACES_MAX].pattern;
	}
	*state = at < PLACES_MAX ? f->place[at].state : at - PLACES_MAX;
	*ret_pattern = pattern;
	return i;
}

size_t finder_states(const struct finder *f)
{
	return f->count;
}

uint32_t finder_same(const struct finder *f, uint32_t pattern)
{
	return f->same[pattern];
}

uint32_t finder_shorter(const struct finder *f, uint32_t pattern)
{
	return f->shorter[pattern];
}

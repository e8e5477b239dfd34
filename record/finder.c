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

	/* Where a text stays, the way on is written out: states have a row once they were
	 * met. */
	uint32_t **row; /* by state; NULL: none yet */
	size_t rows;
};

enum {
	TO_BITS = 24,
	ROWS_MAX = 1024, /* KiB, for one row is 1 KiB */
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
		for (size_t i = 0; f->row && i < f->count; i++) {
			free(f->row[i]);
		}
		free(f->row);
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

/* Writes out where each byte leads to. NULL: not for one more state. */
static const uint32_t *make_row(struct finder *f, uint32_t state)
{
	uint32_t *row = NULL;

	if (f->rows == ROWS_MAX) {
		return NULL;
	}
	if (!f->row) {
		f->row = calloc(f->count, sizeof(*f->row));
	}
	row = f->row ? malloc(256 * sizeof(*row)) : NULL;
	if (!row) {
		return NULL;
	}
	for (unsigned int byte = 0; byte < 256; byte++) {
		row[byte] = follow(f, state, (unsigned char)byte);
	}
	f->row[state] = row;
	f->rows++;
	return row;
}

static inline uint32_t step(struct finder *f, uint32_t state, unsigned char byte)
{
	const uint32_t *row = NULL;

	if (state == ROOT) {
		return f->root[byte];
	}
	row = f->row ? f->row[state] : NULL;
	if (!row) {
		row = make_row(f, state);
	}
	return row ? row[byte] : follow(f, state, byte);
}

uint32_t finder_step(struct finder *f, uint32_t *state, unsigned char byte)
{
	*state = step(f, *state, byte);
	return f->node[*state].pattern;
}

size_t finder_run(struct finder *f, uint32_t *state, struct slice text, size_t from,
    uint32_t *ret_pattern)
{
	uint32_t at = *state;
	uint32_t pattern = FINDER_NONE;
	size_t i = from;

	while (i < text.len && pattern == FINDER_NONE) {
		at = step(f, at, (unsigned char)text.ptr[i++]);
		pattern = f->node[at].pattern;
	}
	*state = at;
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

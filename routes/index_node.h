/* SPDX-License-Identifier: MIT */
/*
 * index_node: what an index is made of; shared by index.c, which builds it, and
 * index_walk.c, which reads it.
 */
#ifndef ROUTES_INDEX_NODE_H
#define ROUTES_INDEX_NODE_H

#include "routes/index.h"

#define INDEX_NONE UINT32_MAX

/* From a node to a node, by the text of a segment. */
struct edge {
	uint32_t node;
	uint32_t child;
	enum segment_kind kind;
	struct slice prefix; /* borrowed from the arena of the table */
	struct slice suffix;
};

/* The lengths of prefix and suffix that edges with a wildcard from a node have. */
struct shape {
	enum segment_kind kind;
	size_t prefix_len;
	size_t suffix_len;
	size_t min_order; /* of the routes behind it */
	uint32_t next;    /* of the same node, or INDEX_NONE */
};

/* A route that ends at a node. */
struct end {
	uint32_t methods;
	size_t order;
	uint32_t next; /* of the same node, or INDEX_NONE; orders rise */
};

struct node {
	size_t min_order; /* of the routes at and below it */
	uint32_t first_shape, last_shape;
	uint32_t first_end, last_end;
};

/* An array that grows. */
struct list {
	void *item;
	uint32_t count;
	uint32_t room;
};

/* A place in the hash table. */
struct slot {
	uint32_t edge; /* its number, or INDEX_NONE */
	uint32_t
	    tag; /* upper half of its hash: most others are told apart by this alone */
};

struct index {
	bool fold;
	struct slice method[METHODS_MAX - 1];
	size_t method_count;
	struct list nodes, edges, shapes, ends; /* owned */
	struct slot *slots;                     /* owned; the hash table of the edges */
	size_t slot_count;                      /* a power of two */
};

/* The slot where an edge is, or where it would go (with its tag in *ret_tag). */
struct slot *index_slot(
    const struct index *index, const struct edge *wanted, uint32_t *ret_tag);

/* METHOD_OTHER where no route names the method. */
uint32_t index_method(const struct index *index, struct slice method);

/* The earliest route that matches, for these methods, all that the pattern does. */
size_t index_cover(
    const struct index *index, const struct path_pattern *pattern, uint32_t methods);

#endif

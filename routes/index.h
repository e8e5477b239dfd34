/* SPDX-License-Identifier: MIT */
/*
 * index: the routes of one service as a tree of path segments.
 *
 * All edges of the tree stand in one hash table under (node, shape, text), so that a step
 * costs the length of the segment and not the number of routes. Filled by the loader,
 * then only read.
 */
#ifndef ROUTES_INDEX_H
#define ROUTES_INDEX_H

#include "routes/path.h"

#include <stdint.h>

/* Methods are bits of a set; the last one stands for every method that no route names. */
#define METHODS_MAX    32
#define METHOD_OTHER   (UINT32_C(1) << (METHODS_MAX - 1))
#define METHODS_ANY    UINT32_MAX
#define INDEX_NO_ROUTE SIZE_MAX

struct index;

/* What index_find found. */
struct index_hit {
	size_t order;                         /* of the route, or INDEX_NO_ROUTE */
	struct slice value[ROUTE_PARAMS_MAX]; /* of its {names}, borrowed from the path */
	size_t value_count;
};

/* NULL when there is no memory. With fold the literal text of paths is compared in any
 * case. */
struct index *index_create(bool fold);

/* NULL is fine. */
void index_destroy(struct index *index);

/* The bit of a method (added when new), or 0 when there are too many. Text is borrowed.
 */
uint32_t index_method_add(struct index *index, struct slice method);

/*
 * Adds a route; orders must rise. The pattern's text is borrowed until index_destroy.
 * Returns 0, -ENOMEM, or -EEXIST when an earlier route (*ret_earlier) matches all that
 * this one would, so that it could never be reached.
 */
int index_add(struct index *index, const struct path_pattern *pattern, uint32_t methods,
    size_t order, size_t *ret_earlier);

/* Finds the lowest order for a method and a normalised path. Allocates nothing. Any
 * thread. */
void index_find(const struct index *index, struct slice method, struct slice path,
    struct index_hit *ret_hit);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * index: building the tree.
 */
#include "routes/index_node.h"

#include <errno.h>
#include <stdlib.h>

/* Makes room for one more and returns it zeroed, or NULL. */
static void *list_add(struct list *list, size_t size)
{
	char *item = list->item;

	if (list->count == list->room) {
		uint32_t room = list->room ? list->room * 2 : 16;

		if (room >= INDEX_NONE / 2) {
			return NULL;
		}
		item = realloc(list->item, room * size);
		if (!item) {
			return NULL;
		}
		list->item = item;
		list->room = room;
	}
	item += size * list->count++;
	memset(item, 0, size);
	return item;
}

static uint32_t add_node(struct index *index, size_t order)
{
	struct node *node = list_add(&index->nodes, sizeof(*node));

	if (!node) {
		return INDEX_NONE;
	}
	node->min_order = order;
	node->first_shape = node->last_shape = INDEX_NONE;
	node->first_end = node->last_end = INDEX_NONE;
	return index->nodes.count - 1;
}

/* Doubles the hash table when it is half full. */
static bool grow_slots(struct index *index)
{
	const struct edge *edges = index->edges.item;
	struct slot *old = index->slots;
	size_t old_count = index->slot_count;
	size_t count = old_count ? old_count * 2 : 16;

	if ((size_t)index->edges.count * 2 < old_count) {
		return true;
	}
	index->slots = malloc(count * sizeof(*index->slots));
	if (!index->slots) {
		index->slots = old;
		return false;
	}
	index->slot_count = count;
	memset(index->slots, 0xff, count * sizeof(*index->slots));
	for (uint32_t i = 0; i < index->edges.count; i++) {
		uint32_t tag;
		struct slot *slot = index_slot(index, &edges[i], &tag);

		*slot = (struct slot){ i, tag };
	}
	free(old);
	return true;
}

struct index *index_create(bool fold)
{
	struct index *index = calloc(1, sizeof(*index));

	if (!index) {
		return NULL;
	}
	index->fold = fold;
	if (add_node(index, INDEX_NO_ROUTE) == INDEX_NONE || !grow_slots(index)) {
		index_destroy(index);
		return NULL;
	}
	return index;
}

void index_destroy(struct index *index)
{
	if (!index) {
		return;
	}
	free(index->nodes.item);
	free(index->edges.item);
	free(index->shapes.item);
	free(index->ends.item);
	free(index->slots);
	free(index);
}

uint32_t index_method_add(struct index *index, struct slice method)
{
	uint32_t bit = index_method(index, method);

	if (bit != METHOD_OTHER) {
		return bit;
	}
	if (index->method_count == METHODS_MAX - 1) {
		return 0;
	}
	index->method[index->method_count] = method;
	return UINT32_C(1) << index->method_count++;
}

static bool add_shape(
    struct index *index, uint32_t at, const struct path_segment *segment, size_t order)
{
	struct node *node = &((struct node *)index->nodes.item)[at];
	struct shape *shape;

	for (uint32_t i = node->first_shape; i != INDEX_NONE; i = shape->next) {
		shape = &((struct shape *)index->shapes.item)[i];
		if (shape->kind == segment->kind &&
		    shape->prefix_len == segment->prefix.len &&
		    shape->suffix_len == segment->suffix.len) {
			return true;
		}
	}
	shape = list_add(&index->shapes, sizeof(*shape));
	if (!shape) {
		return false;
	}
	*shape = (struct shape){ segment->kind, segment->prefix.len, segment->suffix.len,
		order, INDEX_NONE };
	if (node->first_shape == INDEX_NONE) {
		node->first_shape = index->shapes.count - 1;
	} else {
		((struct shape *)index->shapes.item)[node->last_shape].next =
		    index->shapes.count - 1;
	}
	node->last_shape = index->shapes.count - 1;
	return true;
}

/* Goes along a segment, making the edge where there is none. INDEX_NONE: no memory. */
static uint32_t add_step(
    struct index *index, uint32_t at, const struct path_segment *segment, size_t order)
{
	struct edge wanted = {
		.node = at,
		.kind = segment->kind,
		.prefix = segment->prefix,
		.suffix = segment->suffix,
	};
	uint32_t tag;
	struct slot *slot = index_slot(index, &wanted, &tag);
	struct edge *edge;

	if (slot->edge != INDEX_NONE) {
		return ((const struct edge *)index->edges.item)[slot->edge].child;
	}
	wanted.child = add_node(index, order);
	if (wanted.child == INDEX_NONE ||
	    (segment->kind != SEGMENT_LITERAL && !add_shape(index, at, segment, order))) {
		return INDEX_NONE;
	}
	edge = list_add(&index->edges, sizeof(*edge));
	if (!edge) {
		return INDEX_NONE;
	}
	*edge = wanted;
	*slot = (struct slot){ index->edges.count - 1, tag };
	return grow_slots(index) ? wanted.child : INDEX_NONE;
}

static bool add_end(struct index *index, uint32_t at, uint32_t methods, size_t order)
{
	struct node *node = &((struct node *)index->nodes.item)[at];
	struct end *end = list_add(&index->ends, sizeof(*end));

	if (!end) {
		return false;
	}
	*end = (struct end){ methods, order, INDEX_NONE };
	if (node->first_end == INDEX_NONE) {
		node->first_end = index->ends.count - 1;
	} else {
		((struct end *)index->ends.item)[node->last_end].next =
		    index->ends.count - 1;
	}
	node->last_end = index->ends.count - 1;
	return true;
}

int index_add(struct index *index, const struct path_pattern *pattern, uint32_t methods,
    size_t order, size_t *ret_earlier)
{
	struct node *root = index->nodes.item;
	size_t earlier = index_cover(index, pattern, methods);
	uint32_t at = 0;

	if (earlier != INDEX_NO_ROUTE) {
		*ret_earlier = earlier;
		return -EEXIST;
	}
	if (root->min_order > order) {
		root->min_order = order;
	}
	for (size_t i = 0; i < pattern->count; i++) {
		at = add_step(index, at, &pattern->segment[i], order);
		if (at == INDEX_NONE) {
			return -ENOMEM;
		}
	}
	return add_end(index, at, methods, order) ? 0 : -ENOMEM;
}

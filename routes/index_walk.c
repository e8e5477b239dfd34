/* SPDX-License-Identifier: MIT */
/*
 * index_walk: finding routes in an index. Allocates nothing.
 */
#include "routes/index_node.h"

static inline unsigned char fold_byte(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static inline uint64_t hash_text(uint64_t hash, struct slice text, bool fold)
{
	for (size_t i = 0; i < text.len; i++) { /* FNV-1a */
		hash ^= fold ? fold_byte(text.ptr[i]) : (unsigned char)text.ptr[i];
		hash *= UINT64_C(0x100000001b3);
	}
	return hash;
}

static uint64_t hash_edge(const struct index *index, const struct edge *edge)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ edge->node;

	hash = hash * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)edge->kind;
	hash = hash * UINT64_C(0x9e3779b97f4a7c15) ^ edge->prefix.len;
	hash = hash_text(hash, edge->prefix, index->fold);
	hash = hash_text(hash, edge->suffix, index->fold);
	return hash ^ hash >> 32;
}

static bool text_eq(struct slice a, struct slice b, bool fold)
{
	if (!fold) {
		return slice_eq(a, b);
	}
	if (a.len != b.len) {
		return false;
	}
	for (size_t i = 0; i < a.len; i++) {
		if (fold_byte(a.ptr[i]) != fold_byte(b.ptr[i])) {
			return false;
		}
	}
	return true;
}

struct slot *index_slot(
    const struct index *index, const struct edge *wanted, uint32_t *ret_tag)
{
	const struct edge *edges = index->edges.item;
	uint64_t hash = hash_edge(index, wanted);
	uint32_t tag = (uint32_t)(hash >> 32);
	size_t i = hash & (index->slot_count - 1);

	while (index->slots[i].edge != INDEX_NONE) {
		const struct edge *edge = &edges[index->slots[i].edge];

		if (index->slots[i].tag == tag && edge->node == wanted->node &&
		    edge->kind == wanted->kind &&
		    text_eq(edge->prefix, wanted->prefix, index->fold) &&
		    text_eq(edge->suffix, wanted->suffix, index->fold)) {
			break;
		}
		i = (i + 1) & (index->slot_count - 1);
	}
	*ret_tag = tag;
	return &index->slots[i];
}

/* The node that an edge leads to, or INDEX_NONE. */
static uint32_t follow(const struct index *index, uint32_t node, enum segment_kind kind,
    struct slice prefix, struct slice suffix)
{
	const struct edge wanted = {
		.node = node, .kind = kind, .prefix = prefix, .suffix = suffix
	};
	uint32_t tag;
	uint32_t found = index_slot(index, &wanted, &tag)->edge;

	return found == INDEX_NONE
	           ? INDEX_NONE
	           : ((const struct edge *)index->edges.item)[found].child;
}

uint32_t index_method(const struct index *index, struct slice method)
{
	for (size_t i = 0; i < index->method_count; i++) {
		if (slice_eq(index->method[i], method)) {
			return UINT32_C(1) << i;
		}
	}
	return METHOD_OTHER;
}

/*
 * A walk down the tree along the segments of a path (all literal: which routes match it?)
 * or of another pattern (which routes match all that it matches?). An edge with a
 * wildcard is taken when its prefix and suffix are part of what the segment has in any
 * case.
 */
struct walk {
	const struct index *index;
	const struct path_segment *segment;
	size_t count;
	bool more;     /* the path goes on after the last segment */
	uint32_t want; /* all of these methods */
	struct slice value[ROUTE_PARAMS_MAX];
	size_t value_count;
	struct index_hit *hit; /* the lowest order so far */
};

static void try_ends(struct walk *walk, const struct node *node)
{
	const struct end *ends = walk->index->ends.item;
	struct index_hit *hit = walk->hit;

	for (uint32_t i = node->first_end; i != INDEX_NONE; i = ends[i].next) {
		if (ends[i].order >= hit->order) {
			return;
		}
		if ((ends[i].methods & walk->want) == walk->want) {
			hit->order = ends[i].order;
			hit->value_count = walk->value_count;
			for (size_t k = 0; k < walk->value_count; k++) {
				hit->value[k] = walk->value[k];
			}
			return;
		}
	}
}

/* Does what the segment has in any case begin and end as an edge of this shape needs? */
static bool shape_fits(const struct shape *shape, const struct path_segment *segment)
{
	if (shape->kind == SEGMENT_REST) {
		return shape->prefix_len <= segment->prefix.len;
	}
	if (segment->kind == SEGMENT_LITERAL) {
		return shape->prefix_len + shape->suffix_len < segment->prefix.len;
	}
	return segment->kind == SEGMENT_PARAM &&
	       shape->prefix_len <= segment->prefix.len &&
	       shape->suffix_len <= segment->suffix.len;
}

static void walk_node(struct walk *walk, uint32_t at, size_t depth);

static void walk_shape(
    struct walk *walk, uint32_t at, const struct shape *shape, size_t depth)
{
	const struct path_segment *segment = &walk->segment[depth];
	struct slice text = segment->prefix;
	struct slice tail = segment->kind == SEGMENT_PARAM ? segment->suffix : text;
	struct slice prefix = { text.ptr, shape->prefix_len };
	struct slice suffix = { tail.ptr + tail.len - shape->suffix_len,
		shape->suffix_len };
	uint32_t child = follow(walk->index, at, shape->kind, prefix, suffix);

	if (child == INDEX_NONE) {
		return;
	}
	if (shape->kind == SEGMENT_REST) {
		try_ends(walk, &((const struct node *)walk->index->nodes.item)[child]);
		return;
	}
	if (segment->kind == SEGMENT_LITERAL) {
		walk->value[walk->value_count] =
		    (struct slice){ text.ptr + shape->prefix_len,
			    text.len - shape->prefix_len - shape->suffix_len };
	}
	walk->value_count++;
	walk_node(walk, child, depth + 1);
	walk->value_count--;
}

/* The path ends at this node; a "*" behind the last slash matches nothing, too. */
static void walk_end(struct walk *walk, uint32_t at)
{
	const struct node *nodes = walk->index->nodes.item;
	const struct slice nothing = { "", 0 };
	uint32_t rest;

	try_ends(walk, &nodes[at]);
	rest = follow(walk->index, at, SEGMENT_REST, nothing, nothing);
	if (rest != INDEX_NONE) {
		try_ends(walk, &nodes[rest]);
	}
}

/* The depth is bounded by PATH_SEGMENTS_MAX, and every node is met at most once. */
static void walk_node(struct walk *walk, uint32_t at, size_t depth)
{
	const struct shape *shapes = walk->index->shapes.item;
	const struct node *node = &((const struct node *)walk->index->nodes.item)[at];

	if (node->min_order >= walk->hit->order) {
		return;
	}
	if (depth == walk->count) {
		if (!walk->more) {
			walk_end(walk, at);
		}
		return;
	}
	if (walk->segment[depth].kind == SEGMENT_LITERAL) {
		uint32_t child = follow(walk->index, at, SEGMENT_LITERAL,
		    walk->segment[depth].prefix, (struct slice){ "", 0 });

		if (child != INDEX_NONE) {
			walk_node(walk, child, depth + 1);
		}
	}
	for (uint32_t i = node->first_shape; i != INDEX_NONE; i = shapes[i].next) {
		if (shapes[i].min_order < walk->hit->order &&
		    shape_fits(&shapes[i], &walk->segment[depth])) {
			walk_shape(walk, at, &shapes[i], depth);
		}
	}
}

void index_find(const struct index *index, struct slice method, struct slice path,
    struct index_hit *ret_hit)
{
	struct path_segment segment[PATH_SEGMENTS_MAX];
	struct walk walk;

	walk.index = index;
	walk.segment = segment;
	walk.count = path_split(path, segment, &walk.more);
	walk.want = index_method(index, method);
	walk.value_count = 0;
	walk.hit = ret_hit;
	ret_hit->order = INDEX_NO_ROUTE;
	ret_hit->value_count = 0;
	walk_node(&walk, 0, 0);
}

size_t index_cover(
    const struct index *index, const struct path_pattern *pattern, uint32_t methods)
{
	struct index_hit hit = { .order = INDEX_NO_ROUTE };
	struct walk walk = {
		.index = index,
		.segment = pattern->segment,
		.count = pattern->count,
		.want = methods,
		.hit = &hit,
	};

	walk_node(&walk, 0, 0);
	return hit.order;
}

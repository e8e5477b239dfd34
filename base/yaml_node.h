/* SPDX-License-Identifier: MIT */
/*
 * yaml_node: what a loaded document is made of; shared by the yaml*.c files only.
 */
#ifndef BASE_YAML_NODE_H
#define BASE_YAML_NODE_H

#include "base/yaml.h"

#include <stdarg.h>

struct yaml_node {
	const struct yaml *yaml; /* the document, for its name and its source */
	struct yaml_node *next;  /* links all nodes of the document, newest first */
	enum yaml_kind kind;
	bool null;                /* scalar: plain null, ~ or nothing */
	int line;                 /* from 1 */
	int column;               /* from 1, in characters */
	char *text;               /* scalar: owned */
	struct yaml_node **key;   /* mapping: owned array of borrowed nodes */
	struct yaml_node **value; /* mapping and sequence: likewise */
	size_t count;
	size_t cap;
};

struct yaml {
	char *name;   /* owned: what messages call it, and whose folder ${file:} means */
	char *source; /* owned */
	size_t source_len;       /* bytes */
	struct yaml_node *root;  /* borrowed from the list of nodes */
	struct yaml_node *nodes; /* owned list, linked by next */
	size_t node_count;
	size_t expanded_bytes; /* what ${…} has brought in so far */
};

/* Makes a node of the document at that place. Returns NULL when out of memory. */
struct yaml_node *yaml_node_create(
    struct yaml *yaml, enum yaml_kind kind, int line, int column);

/*
 * Adds a pair (or with key NULL an item) to a mapping or sequence. Returns 0 or -ENOMEM.
 */
MUST_CHECK int yaml_node_add(
    struct yaml_node *parent, struct yaml_node *key, struct yaml_node *value);

/* Builds the tree of yaml->source into yaml->root. 0, -EINVAL or -ENOMEM. */
MUST_CHECK int yaml_build(struct yaml *yaml, struct err *err);

/* Replaces each ${…} in the scalar's text. 0, -EINVAL or -ENOMEM. */
MUST_CHECK int yaml_expand(struct yaml *yaml, struct yaml_node *node, struct err *err);

/* Writes the message with its place, the source line and a caret. Returns -EINVAL. */
int yaml_place_error(const struct yaml *yaml, int line, int column, struct err *err,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif

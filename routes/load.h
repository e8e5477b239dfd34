/* SPDX-License-Identifier: MIT */
/*
 * load: one service file, from YAML to structs. Shared by the load*.c files and routes.c.
 *
 * All functions return 0, -EINVAL with the place in err, or -ENOMEM with words in err.
 * What they give lives in the arena of the table.
 */
#ifndef ROUTES_LOAD_H
#define ROUTES_LOAD_H

#include "base/yaml.h"
#include "routes/table.h"

struct loader {
	struct route_table *table;
	struct arena *arena; /* the table's */
	struct service *service;
	struct service_index *index; /* the service's */
	struct err *err;
};

/* Fills in a service (a zeroed element of table->services) from its file's root. */
MUST_CHECK int load_service(
    struct loader *load, const char *file, const struct yaml_node *root);

/* load_value.c: pieces that several parts of a file are made of. */

/* A key may hold one value or a list of them; null and a missing key are none. */
size_t load_count(const struct yaml_node *node);
const struct yaml_node *load_item(const struct yaml_node *node, size_t i);

/* The node is a mapping with no keys but these (NULL-terminated). */
MUST_CHECK int load_mapping(
    struct loader *load, const struct yaml_node *node, const char *const *keys);

/* A scalar that is neither null nor empty, copied. */
MUST_CHECK int load_text(
    struct loader *load, const struct yaml_node *node, const char **ret_text);

MUST_CHECK int load_pointer(
    struct loader *load, const struct yaml_node *node, struct pointer *ret_pointer);
MUST_CHECK int load_pattern(struct loader *load, const struct yaml_node *node,
    const struct pattern **ret_pattern);

/* Lists: base is what stands before the new items, NULL for nothing. */
MUST_CHECK int load_names(struct loader *load, const struct yaml_node *node,
    const struct names *base, struct names *ret_names);
MUST_CHECK int load_pointers(struct loader *load, const struct yaml_node *node,
    const struct pointers *base, struct pointers *ret_pointers);
MUST_CHECK int load_patterns(struct loader *load, const struct yaml_node *node,
    const struct patterns *base, struct patterns *ret_patterns);

/* Says that memory is out; returns -ENOMEM. */
int load_no_memory(struct loader *load);

bool names_have(const struct names *names, const char *name);

/* load_judge.c */

/*
 * The judge of a service (base NULL) or of a route: its parts success, pending, partial,
 * error.code and error.message, and the base's where the mapping has none.
 */
MUST_CHECK int load_judge(struct loader *load, const struct yaml_node *mapping,
    const struct judge *base, const struct judge **ret_judge);

/* One test: {at: POINTER, equals: … | not: … | is: …}. */
MUST_CHECK int load_body_test(
    struct loader *load, const struct yaml_node *node, struct body_test *ret_test);

/* load_place.c */

/* The key secrets of a service (base NULL) or of a route, which adds to its service's. */
MUST_CHECK int load_secrets(struct loader *load, const struct yaml_node *node,
    const struct secret_places *base, const struct secret_places **ret_secrets);

/* The key entity, likewise; a route's own selectors are tried before its service's. */
MUST_CHECK int load_entities(struct loader *load, const struct yaml_node *node,
    const struct entity_selectors *base, const struct entity_selectors **ret_entities);

/* load_route.c */

/* The key routes: service->routes and the index. The service's own judge and so on are
 * set. */
MUST_CHECK int load_routes(struct loader *load, const struct yaml_node *node);

#endif

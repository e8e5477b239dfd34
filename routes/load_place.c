/* SPDX-License-Identifier: MIT */
/*
 * load_place: where secrets and entities of ours stand, of a service or of a route.
 */
#include "routes/load.h"

#include <errno.h>

int load_secrets(struct loader *load, const struct yaml_node *node,
    const struct secret_places *base, const struct secret_places **ret_secrets)
{
	static const char *const keys[] = { "headers", "query", "path", "request",
		"response", "patterns", NULL };
	static const struct secret_places none;
	const struct secret_places *before = base ? base : &none;
	struct secret_places *places;
	int r;

	if (!node) {
		*ret_secrets = before;
		return 0;
	}
	places = arena_array(load->arena, 1, sizeof(*places));
	if (!places) {
		return load_no_memory(load);
	}
	r = load_mapping(load, node, keys);
	if (r == 0) {
		r = load_names(
		    load, yaml_get(node, "headers"), &before->headers, &places->headers);
	}
	if (r == 0) {
		r = load_names(
		    load, yaml_get(node, "query"), &before->query, &places->query);
	}
	if (r == 0) {
		r = load_names(
		    load, yaml_get(node, "path"), &before->path, &places->path);
	}
	if (r == 0) {
		r = load_pointers(
		    load, yaml_get(node, "request"), &before->request, &places->request);
	}
	if (r == 0) {
		r = load_pointers(load, yaml_get(node, "response"), &before->response,
		    &places->response);
	}
	if (r == 0) {
		r = load_patterns(load, yaml_get(node, "patterns"), &before->patterns,
		    &places->patterns);
	}
	*ret_secrets = places;
	return r;
}

/* The condition of a payload selector: {at: POINTER, equals: TEXT}. */
static int load_where(
    struct loader *load, const struct yaml_node *node, struct entity_selector *selector)
{
	static const char *const keys[] = { "at", "equals", NULL };
	int r;

	if (!node) {
		return 0;
	}
	if (selector->source != ENTITY_REQUEST) {
		return yaml_error(
		    node, load->err, "\"where\" goes with \"request\" only");
	}
	r = load_mapping(load, node, keys);
	if (r < 0) {
		return r;
	}
	if (!yaml_get(node, "at") || !yaml_get(node, "equals")) {
		return yaml_error(node, load->err, "\"where\" has \"at\" and \"equals\"");
	}
	r = load_pointer(load, yaml_get(node, "at"), &selector->where);
	if (r == 0 && (selector->where.count == 0 || selector->where.first_text)) {
		return yaml_error(yaml_get(node, "at"), load->err,
		    "this must be the place of one value beside the one selected");
	}
	return r < 0 ? r
	             : load_text(load, yaml_get(node, "equals"), &selector->where_value);
}

static bool has_group(const char *regex, const char *name)
{
	const char *at = regex;
	size_t len = strlen(name);

	while ((at = strstr(at, "(?"))) {
		at += 2;
		if (*at == 'P') {
			at++;
		}
		if ((*at == '<' || *at == '\'') && strncmp(at + 1, name, len) == 0 &&
		    (at[len + 1] == '>' || at[len + 1] == '\'')) {
			return true;
		}
	}
	return false;
}

/* The keys type and match: one of them must give the type. */
static int load_type(
    struct loader *load, const struct yaml_node *node, struct entity_selector *selector)
{
	const struct yaml_node *match = yaml_get(node, "match");
	const struct yaml_node *type = yaml_get(node, "type");
	int r = 0;

	if (match) {
		r = load_pattern(load, match, &selector->match);
		if (r == 0 && !has_group(yaml_text(match), "id")) {
			return yaml_error(match, load->err,
			    "the regex needs a group (?<id>…) for the UUID");
		}
	}
	if (r < 0) {
		return r;
	}
	if (type) {
		return load_text(load, type, &selector->type);
	}
	if (!match || !has_group(yaml_text(match), "type")) {
		return yaml_error(node, load->err,
		    "the entity's type is missing: a key \"type\", or a group (?<type>…) in \"match\"");
	}
	return 0;
}

static int load_selector(
    struct loader *load, const struct yaml_node *node, struct entity_selector *selector)
{
	static const char *const keys[] = { "header", "query", "path", "request", "where",
		"match", "type", NULL };
	const struct yaml_node *place = NULL;
	size_t count = 0;
	int r = load_mapping(load, node, keys);

	if (r < 0) {
		return r;
	}
	for (size_t i = ENTITY_HEADER; i <= ENTITY_REQUEST; i++) {
		if (yaml_get(node, keys[i])) {
			place = yaml_get(node, keys[i]);
			selector->source = (enum entity_source)i;
			count++;
		}
	}
	if (count != 1) {
		return yaml_error(node, load->err,
		    "an entity is in one of \"header\", \"query\", \"path\", \"request\"");
	}
	if (selector->source == ENTITY_REQUEST) {
		r = load_pointer(load, place, &selector->at);
	} else {
		r = load_text(load, place, &selector->name);
	}
	if (r == 0) {
		r = load_where(load, yaml_get(node, "where"), selector);
	}
	return r < 0 ? r : load_type(load, node, selector);
}

int load_entities(struct loader *load, const struct yaml_node *node,
    const struct entity_selectors *base, const struct entity_selectors **ret_entities)
{
	static const struct entity_selectors none;
	const struct entity_selectors *after = base ? base : &none;
	struct entity_selectors *entities;
	struct entity_selector *item;
	size_t count = load_count(node);

	if (count == 0) {
		*ret_entities = after;
		return 0;
	}
	entities = arena_array(load->arena, 1, sizeof(*entities));
	item = arena_array(load->arena, count + after->count, sizeof(*item));
	if (!entities || !item) {
		return load_no_memory(load);
	}
	for (size_t i = 0; i < count; i++) {
		int r = load_selector(load, load_item(node, i), &item[i]);

		if (r < 0) {
			return r;
		}
	}
	if (after->count > 0) {
		memcpy(&item[count], after->item, after->count * sizeof(*item));
	}
	entities->item = item;
	entities->count = count + after->count;
	*ret_entities = entities;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * load_value: pieces that several parts of a service file are made of.
 */
#include "routes/load.h"
#include "routes/pointer.h"

#include <errno.h>

size_t load_count(const struct yaml_node *node)
{
	if (!node || yaml_is_null(node)) {
		return 0;
	}
	return yaml_kind(node) == YAML_SEQUENCE ? yaml_count(node) : 1;
}

const struct yaml_node *load_item(const struct yaml_node *node, size_t i)
{
	return yaml_kind(node) == YAML_SEQUENCE ? yaml_item(node, i) : node;
}

int load_no_memory(struct loader *load)
{
	return err_set(
	    load->err, ENOMEM, "out of memory while loading the service files");
}

bool names_have(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->item[i], name) == 0) {
			return true;
		}
	}
	return false;
}

int load_mapping(
    struct loader *load, const struct yaml_node *node, const char *const *keys)
{
	if (yaml_kind(node) != YAML_MAPPING) {
		return yaml_error(node, load->err,
		    "keys with values are wanted here, such as %s: …", keys[0]);
	}
	return yaml_only(node, keys, load->err);
}

int load_text(struct loader *load, const struct yaml_node *node, const char **ret_text)
{
	struct slice text;

	if (yaml_kind(node) != YAML_SCALAR) {
		return yaml_error(
		    node, load->err, "one text is wanted here, not a list or keys");
	}
	text = slice_of(yaml_text(node));
	if (yaml_is_null(node) || text.len == 0) {
		return yaml_error(
		    node, load->err, "a text is wanted here, and there is none");
	}
	*ret_text = arena_text(load->arena, text);
	return *ret_text ? 0 : load_no_memory(load);
}

int load_pointer(
    struct loader *load, const struct yaml_node *node, struct pointer *ret_pointer)
{
	const char *why = "a JSON Pointer is wanted here";
	int r = -EINVAL;

	if (node && yaml_kind(node) == YAML_SCALAR && !yaml_is_null(node)) {
		r = pointer_parse(
		    load->arena, slice_of(yaml_text(node)), ret_pointer, &why);
	}
	if (r == -ENOMEM) {
		return load_no_memory(load);
	}
	return r == 0 ? 0 : yaml_error(node, load->err, "bad pointer: %s", why);
}

int load_pattern(
    struct loader *load, const struct yaml_node *node, const struct pattern **ret_pattern)
{
	struct held_pattern *held = arena_array(load->arena, 1, sizeof(*held));
	struct err why = { "" };
	const char *text = NULL;
	int r = load_text(load, node, &text);

	if (r < 0 || !held) {
		return r < 0 ? r : load_no_memory(load);
	}
	r = pattern_compile(text, &held->pattern, &why);
	if (r < 0) {
		return r == -ENOMEM
		           ? load_no_memory(load)
		           : yaml_error(node, load->err, "bad regex: %.200s", why.text);
	}
	held->next = load->table->patterns;
	load->table->patterns = held;
	*ret_pattern = held->pattern;
	return 0;
}

/* An array of count elements more than base has, beginning with those. */
static void *longer(
    struct loader *load, const void *base, size_t base_count, size_t count, size_t size)
{
	char *item = arena_array(load->arena, base_count + count, size);

	if (item && base_count > 0) {
		memcpy(item, base, base_count * size);
	}
	return item;
}

int load_names(struct loader *load, const struct yaml_node *node,
    const struct names *base, struct names *ret_names)
{
	const struct names before = base ? *base : (struct names){ NULL, 0 };
	size_t count = load_count(node);
	const char **item = longer(load, before.item, before.count, count, sizeof(*item));

	if (!item) {
		return load_no_memory(load);
	}
	for (size_t i = 0; i < count; i++) {
		int r = load_text(load, load_item(node, i), &item[before.count + i]);

		if (r < 0) {
			return r;
		}
	}
	*ret_names = (struct names){ item, before.count + count };
	return 0;
}

int load_pointers(struct loader *load, const struct yaml_node *node,
    const struct pointers *base, struct pointers *ret_pointers)
{
	const struct pointers before = base ? *base : (struct pointers){ NULL, 0 };
	size_t count = load_count(node);
	struct pointer *item =
	    longer(load, before.item, before.count, count, sizeof(*item));

	if (!item) {
		return load_no_memory(load);
	}
	for (size_t i = 0; i < count; i++) {
		int r = load_pointer(load, load_item(node, i), &item[before.count + i]);

		if (r < 0) {
			return r;
		}
	}
	*ret_pointers = (struct pointers){ item, before.count + count };
	return 0;
}

int load_patterns(struct loader *load, const struct yaml_node *node,
    const struct patterns *base, struct patterns *ret_patterns)
{
	const struct patterns before = base ? *base : (struct patterns){ NULL, 0 };
	size_t count = load_count(node);
	const struct pattern **item =
	    longer(load, before.item, before.count, count, sizeof(*item));

	if (!item) {
		return load_no_memory(load);
	}
	for (size_t i = 0; i < count; i++) {
		int r = load_pattern(load, load_item(node, i), &item[before.count + i]);

		if (r < 0) {
			return r;
		}
	}
	*ret_patterns = (struct patterns){ item, before.count + count };
	return 0;
}

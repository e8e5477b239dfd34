/* SPDX-License-Identifier: MIT */
/*
 * load_route: the key routes of a service file.
 */
#include "routes/action.h"
#include "routes/load.h"

#include <errno.h>

#define ROUTES_MAX 100000

static const char *const route_keys[] = { "methods", "path", "action", "success",
	"pending", "partial", "error", "secrets", "entity", "retry", "long_poll", "empty",
	"record", "limits", NULL };

static const char *const limit_keys[] = { "calls", "rate", NULL };

/* The list that is being filled. */
struct route_list {
	struct route *route;
	struct names *names; /* the {names} of each */
	size_t count;
	struct index *paths;
};

static bool is_method(const char *text)
{
	for (const char *p = text; *p; p++) {
		if (!(*p >= 'A' && *p <= 'Z')) {
			return false;
		}
	}
	return *text && strlen(text) <= 32;
}

static int load_methods(struct loader *load, const struct yaml_node *node,
    struct index *paths, uint32_t *ret_methods)
{
	size_t count = load_count(node);
	uint32_t methods = 0;

	if (!node) {
		*ret_methods = METHODS_ANY;
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = load_item(node, i);
		const char *text = NULL;
		uint32_t bit;
		int r = load_text(load, item, &text);

		if (r < 0) {
			return r;
		}
		if (!is_method(text)) {
			return yaml_error(item, load->err,
			    "a method is wanted here, such as GET or POST");
		}
		bit = index_method_add(paths, slice_of(text));
		if (bit == 0) {
			return yaml_error(item, load->err,
			    "more than 31 different methods in one file");
		}
		methods |= bit;
	}
	if (methods == 0) {
		return yaml_error(node, load->err,
		    "no method: leave the key out for a route with any method");
	}
	*ret_methods = methods;
	return 0;
}

static int load_poll(
    struct loader *load, const struct yaml_node *node, struct route *route)
{
	const struct yaml_node *empty = yaml_get(node, "empty");
	const struct yaml_node *record = yaml_get(node, "record");
	struct body_test *test;
	int r = yaml_bool(yaml_get(node, "long_poll"), &route->long_poll, load->err);

	if (r < 0) {
		return r;
	}
	if ((empty || record) && !route->long_poll) {
		return yaml_error(empty ? empty : record, load->err,
		    "this goes with \"long_poll: true\" only");
	}
	if (record) {
		route->record_empty = strcmp(yaml_text(record), "all") == 0;
		if (!route->record_empty && strcmp(yaml_text(record), "not_empty") != 0) {
			return yaml_error(
			    record, load->err, "all or not_empty is wanted here");
		}
	}
	if (!empty) {
		return 0;
	}
	test = arena_array(load->arena, 1, sizeof(*test));
	if (!test) {
		return load_no_memory(load);
	}
	route->empty = test;
	return load_body_test(load, empty, test);
}

static int load_limits(
    struct loader *load, const struct yaml_node *node, struct route *route)
{
	int r = node ? load_mapping(load, node, limit_keys) : 0;

	if (r == 0) {
		r = yaml_integer(
		    yaml_get(node, "calls"), 1, 1000000, &route->calls_max, load->err);
	}
	if (r == 0) {
		r = yaml_rate(yaml_get(node, "rate"), &route->rate, load->err);
	}
	if (r < 0 || (route->calls_max == 0 && route->rate.interval_ns == 0)) {
		return r;
	}
	route->use = arena_array(load->arena, 1, sizeof(*route->use));
	return route->use ? 0 : load_no_memory(load);
}

/* All of a route but its path: what the paths of one entry share. */
static int load_common(
    struct loader *load, const struct yaml_node *node, struct route *route)
{
	const struct route *other = &load->service->other;
	int r;

	if (!yaml_get(node, "path") || !yaml_get(node, "action")) {
		return yaml_error(
		    node, load->err, "a route has a \"path\" and an \"action\"");
	}
	r = load_text(load, yaml_get(node, "action"), &route->action);
	route->retry = true;
	if (r == 0) {
		r = yaml_bool(yaml_get(node, "retry"), &route->retry, load->err);
	}
	if (r == 0) {
		r = load_poll(load, node, route);
	}
	if (r == 0) {
		r = load_limits(load, yaml_get(node, "limits"), route);
	}
	if (r == 0) {
		r = load_judge(load, node, other->judge, &route->judge);
	}
	if (r == 0) {
		r = load_secrets(
		    load, yaml_get(node, "secrets"), other->secrets, &route->secrets);
	}
	if (r == 0) {
		r = load_entities(
		    load, yaml_get(node, "entity"), other->entities, &route->entities);
	}
	return r;
}

/* A route's own secrets and selectors can only name segments that its path has. */
static int check_path_names(
    struct loader *load, const struct yaml_node *node, const struct names *names)
{
	const struct yaml_node *secret = yaml_get(yaml_get(node, "secrets"), "path");
	const struct yaml_node *entity = yaml_get(node, "entity");

	for (size_t i = 0; i < load_count(secret); i++) {
		const struct yaml_node *item = load_item(secret, i);

		if (!names_have(names, yaml_text(item))) {
			return yaml_error(
			    item, load->err, "the path has no {%s}", yaml_text(item));
		}
	}
	for (size_t i = 0; i < load_count(entity); i++) {
		const struct yaml_node *item = yaml_get(load_item(entity, i), "path");

		if (item && !names_have(names, yaml_text(item))) {
			return yaml_error(
			    item, load->err, "the path has no {%s}", yaml_text(item));
		}
	}
	return 0;
}

static int keep_names(
    struct loader *load, const struct path_pattern *pattern, struct names *ret_names)
{
	const char **item = arena_array(load->arena, pattern->name_count, sizeof(*item));

	if (!item) {
		return load_no_memory(load);
	}
	for (size_t i = 0; i < pattern->name_count; i++) {
		item[i] = pattern->name[i];
	}
	*ret_names = (struct names){ item, pattern->name_count };
	return 0;
}

static int load_path(struct loader *load, const struct yaml_node *node,
    const struct yaml_node *path, uint32_t methods, struct route_list *list)
{
	struct route *route = &list->route[list->count];
	struct names *names = &list->names[list->count];
	struct path_pattern pattern;
	const char *why = "";
	size_t earlier = 0;
	int r = load_text(load, path, &route->pattern);

	if (r < 0) {
		return r;
	}
	route->order = list->count;
	route->line = yaml_line(path);
	r = path_pattern_parse(load->arena, slice_of(route->pattern),
	    load->service->ignore_case, &pattern, &why);
	if (r == -EINVAL) {
		return yaml_error(path, load->err, "bad path: %s", why);
	}
	r = r < 0 ? load_no_memory(load) : keep_names(load, &pattern, names);
	if (r < 0) {
		return r;
	}
	if (action_check(slice_of(route->action), names, &why) < 0) {
		return yaml_error(
		    yaml_get(node, "action"), load->err, "bad action: %s", why);
	}
	r = check_path_names(load, node, names);
	if (r < 0) {
		return r;
	}
	r = index_add(list->paths, &pattern, methods, route->order, &earlier);
	if (r == -EEXIST) {
		return yaml_error(path, load->err,
		    "overlapping route: \"%s\" in line %d is never reached, because \"%s\" in line %d matches all of it",
		    route->pattern, route->line, list->route[earlier].pattern,
		    list->route[earlier].line);
	}
	list->count++;
	return r < 0 ? load_no_memory(load) : 0;
}

static int load_entry(
    struct loader *load, const struct yaml_node *node, struct route_list *list)
{
	struct route common = { .action = NULL };
	const struct yaml_node *paths;
	uint32_t methods = 0;
	int r = load_common(load, node, &common);

	if (r == 0) {
		r = load_methods(load, yaml_get(node, "methods"), list->paths, &methods);
	}
	if (r < 0) {
		return r;
	}
	paths = yaml_get(node, "path");
	if (load_count(paths) == 0) {
		return yaml_error(paths, load->err, "a path is wanted here");
	}
	for (size_t i = 0; i < load_count(paths); i++) {
		list->route[list->count] = common;
		r = load_path(load, node, load_item(paths, i), methods, list);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* Checks the shape of the list and counts the paths in it. */
static int count_paths(
    struct loader *load, const struct yaml_node *node, size_t *ret_count)
{
	size_t count = 0;

	if (node && !yaml_is_null(node) && yaml_kind(node) != YAML_SEQUENCE) {
		return yaml_error(
		    node, load->err, "a list is wanted here: one \"- \" per route");
	}
	for (size_t i = 0; i < load_count(node); i++) {
		int r = load_mapping(load, yaml_item(node, i), route_keys);

		if (r < 0) {
			return r;
		}
		count += load_count(yaml_get(yaml_item(node, i), "path"));
	}
	if (count > ROUTES_MAX) {
		return yaml_error(node, load->err, "more than %d routes", ROUTES_MAX);
	}
	*ret_count = count;
	return 0;
}

int load_routes(struct loader *load, const struct yaml_node *node)
{
	struct route_list list = { .paths = load->index->paths };
	size_t count = 0;
	int r = count_paths(load, node, &count);

	if (r < 0) {
		return r;
	}
	list.route = arena_array(load->arena, count, sizeof(*list.route));
	list.names = arena_array(load->arena, count, sizeof(*list.names));
	if (!list.route || !list.names) {
		return load_no_memory(load);
	}
	for (size_t i = 0; i < load_count(node); i++) {
		r = load_entry(load, yaml_item(node, i), &list);
		if (r < 0) {
			return r;
		}
	}
	load->service->routes = list.route;
	load->service->route_count = list.count;
	load->index->names = list.names;
	return 0;
}

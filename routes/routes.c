/* SPDX-License-Identifier: MIT */
#include "routes/routes.h"

#include "base/yaml.h"
#include "routes/action.h"
#include "routes/load.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>

static void table_destroy(struct route_table *table)
{
	for (struct held_pattern *held = table->patterns; held; held = held->next) {
		pattern_destroy(held->pattern);
	}
	/* one more than counted: a service that failed to load may have its index already
	 */
	for (size_t i = 0; table->services && i <= table->service_count; i++) {
		const struct service_index *index = table->services[i].index;

		if (index) {
			index_destroy(index->paths);
		}
	}
	arena_finish(&table->arena);
	free(table);
}

static struct route_table *table_create(size_t services_max)
{
	struct route_table *table = calloc(1, sizeof(*table));

	if (!table) {
		return NULL;
	}
	atomic_init(&table->refs, 1);
	table->services =
	    arena_array(&table->arena, services_max + 1, sizeof(*table->services));
	if (!table->services) {
		table_destroy(table);
		return NULL;
	}
	return table;
}

static int add_service(
    struct route_table *table, const char *file, const struct yaml *yaml, struct err *err)
{
	struct loader load = {
		.table = table,
		.arena = &table->arena,
		.service = &table->services[table->service_count],
		.err = err,
	};
	int r = load_service(&load, file, yaml_root(yaml));

	if (r == 0) {
		table->service_count++;
	}
	return r;
}

static int compare_hosts(const void *a, const void *b)
{
	const struct host *left = *(const struct host *const *)a;
	const struct host *right = *(const struct host *const *)b;
	size_t len = left->name.len < right->name.len ? left->name.len : right->name.len;
	int order = memcmp(left->name.ptr, right->name.ptr, len);

	if (order != 0) {
		return order;
	}
	if (left->name.len != right->name.len) {
		return left->name.len < right->name.len ? -1 : 1;
	}
	return left->wildcard - right->wildcard;
}

/* Sorts the hosts for lookups. */
static bool table_seal(struct route_table *table)
{
	size_t count = 0;

	table->hosts =
	    arena_array(&table->arena, table->host_count, sizeof(*table->hosts));
	if (!table->hosts) {
		return false;
	}
	for (const struct host *host = table->host_list; host; host = host->next) {
		table->hosts[count++] = host;
	}
	qsort(table->hosts, count, sizeof(*table->hosts), compare_hosts);
	return true;
}

static int load_files(const glob_t *found, struct route_table *table, struct err *err)
{
	for (size_t i = 0; i < found->gl_pathc; i++) {
		struct yaml *yaml = NULL;
		int r = yaml_load(found->gl_pathv[i], &yaml, err);

		if (r == 0) {
			r = add_service(table, found->gl_pathv[i], yaml, err);
		}
		yaml_destroy(yaml);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* Seals a table that loaded, or frees it. */
static int table_give(
    struct route_table *table, int r, struct route_table **ret_table, struct err *err)
{
	if (r == 0 && !table_seal(table)) {
		r = err_set(err, ENOMEM, "out of memory while loading the service files");
	}
	if (r < 0) {
		table_destroy(table);
		return r;
	}
	*ret_table = table;
	return 0;
}

int route_table_load(
    const char *glob_pattern, struct route_table **ret_table, struct err *err)
{
	glob_t found = { .gl_pathc = 0 };
	struct route_table *table;
	int r = glob(glob_pattern, 0, NULL, &found);

	if (r == GLOB_NOSPACE) {
		return err_set(
		    err, ENOMEM, "out of memory while loading the service files");
	}
	if (r != 0) {
		return err_set(err, ENOENT,
		    "no service file matches %s: set the key \"services\" to where they are",
		    glob_pattern);
	}
	table = table_create(found.gl_pathc);
	if (!table) {
		globfree(&found);
		return err_set(
		    err, ENOMEM, "out of memory while loading the service files");
	}
	r = load_files(&found, table, err);
	globfree(&found);
	return table_give(table, r, ret_table, err);
}

int route_table_parse(
    const char *name, struct slice text, struct route_table **ret_table, struct err *err)
{
	struct route_table *table = table_create(1);
	struct yaml *yaml = NULL;
	int r;

	if (!table) {
		return err_set(
		    err, ENOMEM, "out of memory while loading the service files");
	}
	r = yaml_parse(name, text, &yaml, err);
	if (r == 0) {
		r = add_service(table, name, yaml, err);
	}
	yaml_destroy(yaml);
	return table_give(table, r, ret_table, err);
}

struct route_table *route_table_ref(struct route_table *table)
{
	(void)atomic_fetch_add_explicit(
	    &table->refs, 1, memory_order_relaxed); /* old count */
	return table;
}

void route_table_unref(struct route_table *table)
{
	if (table &&
	    atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) == 1) {
		table_destroy(table);
	}
}

size_t route_table_count(const struct route_table *table)
{
	return table->service_count;
}

const struct service *route_table_service(const struct route_table *table, size_t i)
{
	return &table->services[i];
}

static const struct service *find_host(
    const struct route_table *table, struct slice name, bool wildcard)
{
	const struct host wanted = { .name = name, .wildcard = wildcard };
	const struct host *key = &wanted;
	const struct host *const *found = bsearch(
	    &key, table->hosts, table->host_count, sizeof(*table->hosts), compare_hosts);

	return found ? (*found)->service : NULL;
}

const struct service *route_table_host(const struct route_table *table, struct slice host)
{
	char lower[256];
	struct slice rest = { lower, host.len };
	const struct service *service;

	if (host.len == 0 || host.len > sizeof(lower)) {
		return NULL;
	}
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];

		lower[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	if (lower[rest.len - 1] == '.') {
		rest.len--;
	}
	service = find_host(table, rest, false);
	while (!service && rest.ptr) {
		(void)slice_cut(&rest, '.'); /* the label that a "*" may stand for */
		service = rest.ptr ? find_host(table, rest, true) : NULL;
	}
	return service;
}

int route_match(const struct service *service, struct slice method, struct slice target,
    struct route_match *ret_match)
{
	const struct service_index *index = service->index;
	char *path = malloc(target.len + 2);
	struct index_hit hit;
	size_t len;

	if (!path) {
		return -ENOMEM;
	}
	len = path_normalise(target, path);
	path[len] = '\0'; /* for readers; it may hold a NUL of its own */
	index_find(index->paths, method, (struct slice){ path, len }, &hit);
	ret_match->service = service;
	ret_match->route = &service->other;
	ret_match->param_count = 0;
	ret_match->path = path;
	if (hit.order != INDEX_NO_ROUTE) {
		const struct names *names = &index->names[hit.order];

		ret_match->route = &service->routes[hit.order];
		ret_match->param_count = hit.value_count;
		for (size_t i = 0; i < hit.value_count; i++) {
			ret_match->param[i].name = names->item[i];
			ret_match->param[i].value = hit.value[i];
		}
	}
	action_fill(ret_match->route->action, ret_match->param, ret_match->param_count,
	    ret_match->action);
	return 0;
}

void route_match_finish(struct route_match *match)
{
	free(match->path);
	match->path = NULL;
	match->param_count = 0;
}

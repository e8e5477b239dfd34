/* SPDX-License-Identifier: MIT */
#include "routes/load.h"

#include "routes/action.h"

#include <errno.h>

#define HOSTS_MAX        1000
#define SERVICE_NAME_MAX 64

static const char *const service_keys[] = { "service", "hosts", "pins", "paths",
	"success", "pending", "partial", "error", "secrets", "entity", "routes",
	"fallback", NULL };

static int load_name(struct loader *load, const struct yaml_node *root)
{
	const struct yaml_node *node = yaml_get(root, "service");
	const struct route_table *table = load->table;
	const char *name = NULL;
	int r;

	if (!node) {
		return yaml_error(
		    root, load->err, "the key \"service\" is missing: its name");
	}
	r = load_text(load, node, &name);
	if (r < 0) {
		return r;
	}
	if (strlen(name) > SERVICE_NAME_MAX ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-")] != '\0') {
		return yaml_error(node, load->err,
		    "a service name is made of a to z, 0 to 9, _ and -, at most %d of them",
		    SERVICE_NAME_MAX);
	}
	for (size_t i = 0; i < table->service_count; i++) {
		if (strcmp(table->services[i].name, name) == 0) {
			return yaml_error(node, load->err,
			    "the service \"%s\" is already defined in %s", name,
			    table->services[i].file);
		}
	}
	load->service->name = name;
	return 0;
}

/* Labels of letters, digits, - and _ (RFC 1123 2.1, and the _ seen in practice). */
static bool is_host_name(struct slice name)
{
	struct slice rest = name;

	if (name.len == 0 || name.len > 253) {
		return false;
	}
	while (rest.ptr) {
		struct slice label = slice_cut(&rest, '.');

		if (label.len == 0 || label.len > 63 || label.ptr[0] == '-') {
			return false;
		}
		for (size_t i = 0; i < label.len; i++) {
			char c = label.ptr[i];

			if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
			    c != '-' && c != '_') {
				return false;
			}
		}
	}
	return true;
}

static int add_host(
    struct loader *load, const struct yaml_node *node, struct slice name, bool wildcard)
{
	struct route_table *table = load->table;
	struct host *host;

	for (host = table->host_list; host; host = host->next) {
		if (host->wildcard == wildcard && slice_eq(host->name, name)) {
			return yaml_error(node, load->err,
			    "this host is already claimed by the service \"%s\" (%s:%d)",
			    host->service->name, host->service->file, host->line);
		}
	}
	host = arena_array(load->arena, 1, sizeof(*host));
	if (!host) {
		return load_no_memory(load);
	}
	host->name = name;
	host->wildcard = wildcard;
	host->service = load->service;
	host->line = yaml_line(node);
	host->next = table->host_list;
	table->host_list = host;
	table->host_count++;
	return 0;
}

static int load_host(
    struct loader *load, const struct yaml_node *node, const char **ret_host)
{
	struct slice name;
	const char *text = NULL;
	char *copy;
	bool wildcard;
	int r = load_text(load, node, &text);

	if (r < 0) {
		return r;
	}
	copy = arena_text(load->arena, slice_of(text));
	if (!copy) {
		return load_no_memory(load);
	}
	for (char *p = copy; *p; p++) {
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	}
	name = slice_of(copy);
	wildcard = slice_starts(name, SLICE("*."));
	if (wildcard) {
		name.ptr += 2;
		name.len -= 2;
	}
	if (!is_host_name(name)) {
		return yaml_error(node, load->err,
		    "a host name is wanted here, such as api.example.com or *.example.com, without scheme, port and path");
	}
	if (wildcard && !memchr(name.ptr, '.', name.len)) {
		return yaml_error(node, load->err,
		    "a \"*.\" stands before two labels or more, as in *.example.com");
	}
	*ret_host = copy;
	return add_host(load, node, name, wildcard);
}

static int load_hosts(struct loader *load, const struct yaml_node *root)
{
	const struct yaml_node *node = yaml_get(root, "hosts");
	size_t count = load_count(node);
	const char **hosts;

	if (count == 0 || count > HOSTS_MAX) {
		return yaml_error(node ? node : root, load->err,
		    "the key \"hosts\" must name at least one host and at most %d",
		    HOSTS_MAX);
	}
	hosts = arena_array(load->arena, count, sizeof(*hosts));
	if (!hosts) {
		return load_no_memory(load);
	}
	for (size_t i = 0; i < count; i++) {
		int r = load_host(load, load_item(node, i), &hosts[i]);

		if (r < 0) {
			return r;
		}
	}
	load->service->hosts = hosts;
	load->service->host_count = count;
	return 0;
}

static int load_pins(struct loader *load, const struct yaml_node *node)
{
	if (node && load_count(node) == 0) {
		/* an empty list would look like a protection that is not there */
		return yaml_error(node, load->err,
		    "the key \"pins\" must name at least one key; leave it out to pin none");
	}
	for (size_t i = 0; i < load_count(node); i++) {
		const struct yaml_node *item = load_item(node, i);
		const char *text = NULL;
		const char *why = "";
		int r = load_text(load, item, &text);

		if (r < 0) {
			return r;
		}
		if (pins_add(&load->service->pins, slice_of(text), &why) < 0) {
			return yaml_error(item, load->err, "bad pin: %s", why);
		}
	}
	return 0;
}

static int load_paths(struct loader *load, const struct yaml_node *node)
{
	static const char *const keys[] = { "ignore_case", NULL };
	int r;

	if (!node) {
		return 0;
	}
	r = load_mapping(load, node, keys);
	if (r < 0) {
		return r;
	}
	return yaml_bool(
	    yaml_get(node, "ignore_case"), &load->service->ignore_case, load->err);
}

/* The route of all calls that no route matches. */
static int load_other(struct loader *load, const struct yaml_node *root)
{
	const struct yaml_node *fallback = yaml_get(root, "fallback");
	const struct names none = { NULL, 0 };
	struct route *other = &load->service->other;
	const char *why = "";
	int r = 0;

	other->action = "other";
	other->line = yaml_line(root);
	other->order = INDEX_NO_ROUTE;
	other->retry = true;
	if (fallback) {
		r = load_text(load, fallback, &other->action);
	}
	if (r == 0 && action_check(slice_of(other->action), &none, &why) < 0) {
		return yaml_error(fallback, load->err, "bad action: %s", why);
	}
	if (r == 0) {
		r = load_judge(load, root, NULL, &other->judge);
	}
	if (r == 0) {
		r = load_secrets(load, yaml_get(root, "secrets"), NULL, &other->secrets);
	}
	if (r == 0) {
		r = load_entities(load, yaml_get(root, "entity"), NULL, &other->entities);
	}
	return r;
}

static int check_name_used(struct loader *load, const struct yaml_node *node)
{
	for (size_t i = 0; i < load->service->route_count; i++) {
		if (names_have(&load->index->names[i], yaml_text(node))) {
			return 0;
		}
	}
	return yaml_error(
	    node, load->err, "no route has {%s} in its path", yaml_text(node));
}

/* The service's secrets and selectors can only name segments that some route has. */
static int check_path_names(struct loader *load, const struct yaml_node *root)
{
	const struct yaml_node *secret = yaml_get(yaml_get(root, "secrets"), "path");
	const struct yaml_node *entity = yaml_get(root, "entity");
	int r = 0;

	for (size_t i = 0; r == 0 && i < load_count(secret); i++) {
		r = check_name_used(load, load_item(secret, i));
	}
	for (size_t i = 0; r == 0 && i < load_count(entity); i++) {
		const struct yaml_node *item = yaml_get(load_item(entity, i), "path");

		r = item ? check_name_used(load, item) : 0;
	}
	return r;
}

int load_service(struct loader *load, const char *file, const struct yaml_node *root)
{
	int r = load_mapping(load, root, service_keys);

	if (r < 0) {
		return r;
	}
	load->service->file = arena_text(load->arena, slice_of(file));
	if (!load->service->file) {
		return load_no_memory(load);
	}
	r = load_name(load, root);
	if (r == 0) {
		r = load_hosts(load, root);
	}
	if (r == 0) {
		r = load_pins(load, yaml_get(root, "pins"));
	}
	if (r == 0) {
		r = load_paths(load, yaml_get(root, "paths"));
	}
	if (r == 0) {
		r = load_other(load, root);
	}
	if (r < 0) {
		return r;
	}
	load->index = arena_array(load->arena, 1, sizeof(*load->index));
	if (!load->index) {
		return load_no_memory(load);
	}
	load->service->index = load->index;
	load->index->paths = index_create(load->service->ignore_case);
	if (!load->index->paths) {
		return load_no_memory(load);
	}
	r = load_routes(load, yaml_get(root, "routes"));
	return r < 0 ? r : check_path_names(load, root);
}

/* SPDX-License-Identifier: MIT */
/*
 * suggest_service: a service file to begin with.
 */
#include <ctype.h>
#include <stdio.h>

#include "cmd/suggest.h"
#include "routes/routes.h"

enum {
	WILDCARD_FROM = 6, /* so many hosts of one domain are taken together */
	NAME_MAX_BYTES = 40,
};

/* Would a service file take it? As routes/load.c does, and no address. */
static bool is_name(struct slice host)
{
	struct slice rest = host;
	bool letters = false;

	if (host.len == 0 || host.len > 253) {
		return false;
	}
	while (rest.ptr) {
		struct slice label = slice_cut(&rest, '.');

		if (label.len == 0 || label.len > 63 || label.ptr[0] == '-') {
			return false;
		}
		letters = false; /* of the last label: no name ends in a number */
		for (size_t i = 0; i < label.len; i++) {
			char c = label.ptr[i];

			if (!islower((unsigned char)c) && !isdigit((unsigned char)c) &&
			    c != '-' && c != '_') {
				return false;
			}
			letters = letters || islower((unsigned char)c);
		}
	}
	return letters;
}

/* The last count labels. */
static struct slice last_labels(struct slice host, size_t count)
{
	size_t at = host.len;

	while (at > 0) {
		if (host.ptr[at - 1] == '.' && --count == 0) {
			break;
		}
		at--;
	}
	return (struct slice){ host.ptr + at, host.len - at };
}

/* co.uk, com.tr, edu.kz: under the letters of a country. */
static bool is_suffix(struct slice two)
{
	static const char *const words[] = { "ac", "co", "com", "edu", "go", "gob", "gov",
		"mil", "ne", "net", "nom", "or", "org" };
	struct slice rest = two;
	struct slice word = slice_cut(&rest, '.');

	for (size_t i = 0; rest.len == 2 && i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_eq(word, slice_of(words[i]))) {
			return true;
		}
	}
	return false;
}

struct slice suggest_domain(struct slice host)
{
	struct slice two = last_labels(host, 2);

	if (!is_name(host)) {
		return (struct slice){ NULL, 0 };
	}
	return is_suffix(two) ? last_labels(host, 3) : two;
}

static bool name_taken(const struct route_table *table, const char *name)
{
	for (size_t i = 0; i < route_table_count(table); i++) {
		if (strcmp(route_table_service(table, i)->name, name) == 0) {
			return true;
		}
	}
	return false;
}

static void make_name(
    const struct route_table *taken, struct slice domain, char name[NAME_MAX_BYTES + 12])
{
	struct slice rest = domain;
	struct slice first = slice_cut(&rest, '.');
	int len = (int)(first.len < NAME_MAX_BYTES ? first.len : NAME_MAX_BYTES);

	(void)snprintf(name, NAME_MAX_BYTES + 12, "%.*s", len, first.ptr);
	for (int n = 2; name_taken(taken, name); n++) {
		(void)snprintf(name, NAME_MAX_BYTES + 12, "%.*s_%d", len, first.ptr, n);
	}
}

void suggest_service(const struct route_table *taken, const struct unrouted_host *hosts,
    size_t count, struct buf *out)
{
	struct slice domain = suggest_domain(slice_of(hosts[0].host));
	char name[NAME_MAX_BYTES + 12];
	bool wildcard = count >= WILDCARD_FROM && memchr(domain.ptr, '.', domain.len);
	long long calls = 0;
	bool bare = false;

	make_name(taken, domain, name);
	for (size_t i = 0; i < count; i++) {
		calls += hosts[i].count;
		bare = bare || slice_eq(slice_of(hosts[i].host), domain);
	}
	buf_printf(out,
	    "# %s.yaml, beside the other service files; then `waybill check`, and reload "
	    "(SIGHUP).\n"
	    "# %lld %s so far. Their paths are not known: once they are recorded (action\n"
	    "# \"other\"), `waybill coverage --suggest %s` has the routes to add.\n"
	    "service: \"%s\"\n",
	    name, calls, calls == 1 ? "connection" : "connections", name, name);
	buf_puts(out, "hosts:\n");
	if (wildcard) {
		buf_printf(out, "  - \"*.%.*s\"\n", SLICE_ARG(domain));
	}
	for (size_t i = 0; i < count && !wildcard; i++) {
		buf_printf(out, "  - \"%s\"\n", hosts[i].host);
	}
	if (wildcard && bare) {
		buf_printf(out, "  - \"%.*s\"\n", SLICE_ARG(domain));
	}
	buf_puts(out,
	    "\nsuccess:\n"
	    "  status: 200-399\n"
	    "\nerror:  # where the API says what went wrong: the first that is there\n"
	    "  code: [/error/code, /code]\n"
	    "  message: [/error/message, /message, /error]\n");
}

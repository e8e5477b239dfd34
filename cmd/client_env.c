/* SPDX-License-Identifier: MIT */
/*
 * client_env: see the header. Who reads which variable was measured: docs/clients.md.
 */
#include "cmd/client_env.h"

#include "tls/trust.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#define LOOPBACK "localhost,127.0.0.1,::1"

/* Percent-encodes all but the unreserved characters (RFC 3986 2.3): a secret may hold
 * what ends userinfo. */
static void put_encoded(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text)) {
			buf_putc(out, *text);
		} else {
			buf_printf(out, "%%%02X", (unsigned char)*text);
		}
	}
}

static void put_url(
    const struct client_place *place, const char *present, struct buf *out)
{
	bool v6 = strchr(place->proxy_host, ':') != NULL;

	(void)present;
	buf_puts(out, "http://");
	if (place->user) {
		put_encoded(out, place->user);
		buf_putc(out, ':');
		put_encoded(out, place->secret);
		buf_putc(out, '@');
	}
	buf_printf(out, "%s%s%s:%d", v6 ? "[" : "", place->proxy_host, v6 ? "]" : "",
	    place->proxy_port);
}

static bool is_listed(struct slice list, struct slice item)
{
	while (list.ptr) {
		if (slice_ieq(slice_trim(slice_cut(&list, ',')), item)) {
			return true;
		}
	}
	return false;
}

/* Adds what is not there yet. NO_PROXY is separated by commas; some write blanks too. */
static void put_listed(struct buf *out, struct slice more)
{
	while (more.ptr) {
		struct slice item = slice_trim(slice_cut(&more, ','));

		if (item.len > 0 && !is_listed(buf_slice(out), item)) {
			if (out->len > 0) {
				buf_putc(out, ',');
			}
			buf_put_slice(out, item);
		}
	}
}

/* Both spellings together: clients read one or the other. */
static void put_no_proxy(
    const struct client_place *place, const char *present, struct buf *out)
{
	(void)present;
	put_listed(out, slice_of(place->present("NO_PROXY")));
	put_listed(out, slice_of(place->present("no_proxy")));
	put_listed(out, SLICE(LOOPBACK));
}

static void put_one(
    const struct client_place *place, const char *present, struct buf *out)
{
	(void)place;
	(void)present;
	buf_puts(out, "1");
}

/* Node's own way covers less than the preload, and comes on top of it: not both. */
static void put_node_proxy(
    const struct client_place *place, const char *present, struct buf *out)
{
	if (!place->preload_cjs) {
		put_one(place, present, out);
	}
}

static void put_ports(
    const struct client_place *place, const char *present, struct buf *out)
{
	(void)present;
	buf_puts(out, place->ports ? place->ports : "");
}

static void put_root(
    const struct client_place *place, const char *present, struct buf *out)
{
	(void)present;
	buf_puts(out, place->root);
}

/* Node adds the file to its own roots. Who has named one, such as a company's, keeps what
 * of it is among the system's roots. */
static void put_node_extra(
    const struct client_place *place, const char *present, struct buf *out)
{
	bool other = present && *present && strcmp(present, place->root) != 0;

	buf_puts(out, other ? place->bundle : place->root);
}

static void put_bundle(
    const struct client_place *place, const char *present, struct buf *out)
{
	(void)present;
	buf_puts(out, place->bundle);
}

static void put_wgetrc(
    const struct client_place *place, const char *present, struct buf *out)
{
	(void)present;
	if (place->wgetrc) {
		buf_puts(out, place->wgetrc);
	}
}

static void put_hosts(
    const struct client_place *place, const char *present, struct buf *out)
{
	(void)present;
	buf_puts(out, place->hosts);
}

/* An empty part is the folder that PHP was built with: it stays. */
static void put_php(
    const struct client_place *place, const char *present, struct buf *out)
{
	struct slice rest = slice_of(present);
	struct slice ours = slice_of(place->php_dir);

	if (present) {
		buf_puts(out, present);
	}
	while (rest.ptr) {
		if (slice_eq(slice_cut(&rest, ':'), ours)) {
			return;
		}
	}
	buf_putc(out, ':');
	buf_put_slice(out, ours);
}

/* Ours after what the caller has: Java takes the last of each property. */
static void put_after(struct buf *out, const char *present, const struct buf *ours)
{
	if (present && ours->ptr && strstr(present, ours->ptr)) {
		buf_puts(out, present); /* a second `eval "$(waybill env)"` */
		return;
	}
	if (present && *present) {
		buf_printf(out, "%s ", present);
	}
	buf_put_slice(out, buf_slice(ours));
}

/* Java's patterns: "*" at either end stands for anything. ".x" and "*.x" are hosts below
 * x; "x" is left as it is. */
static void put_java_hosts(const struct client_place *place, struct buf *out)
{
	struct buf list = { 0 };
	struct slice rest;

	buf_puts(out, "localhost|127.*|[::1]");
	put_listed(&list, slice_of(place->present("NO_PROXY")));
	put_listed(&list, slice_of(place->present("no_proxy")));
	rest = buf_slice(&list);
	while (rest.ptr && list.len > 0) {
		struct slice item = slice_cut(&rest, ',');

		if (is_listed(SLICE(LOOPBACK), item)) {
			continue;
		}
		buf_puts(out, item.ptr[0] == '.' ? "|*" : "|");
		buf_put_slice(out, item);
	}
	out->failed = out->failed || list.failed;
	buf_finish(&list);
}

/* The JVM splits at blanks outside of quotes, and knows no escape inside of them. */
static void put_java_option(struct buf *out, const char *name, const char *value)
{
	const char *quote = "";

	if (strpbrk(value, " \t\"'")) {
		quote = strchr(value, '"') ? "'" : "\"";
	}
	buf_printf(out, "%s-D%s=%s%s%s", out->len ? " " : "", name, quote, value, quote);
}

static void put_java(
    const struct client_place *place, const char *present, struct buf *out)
{
	struct buf ours = { 0 };
	struct buf hosts = { 0 };
	char port[16];

	(void)snprintf(port, sizeof(port), "%d", place->proxy_port);
	put_java_hosts(place, &hosts);
	buf_putc(&hosts, '\0');
	put_java_option(&ours, "javax.net.ssl.trustStore", place->truststore);
	put_java_option(&ours, "javax.net.ssl.trustStoreType", "PKCS12");
	put_java_option(&ours, "javax.net.ssl.trustStorePassword", TRUST_STORE_PASSWORD);
	put_java_option(&ours, "https.proxyHost", place->proxy_host);
	put_java_option(&ours, "https.proxyPort", port);
	put_java_option(&ours, "http.proxyHost", place->proxy_host);
	put_java_option(&ours, "http.proxyPort", port);
	put_java_option(&ours, "http.nonProxyHosts", hosts.failed ? "" : hosts.ptr);
	buf_putc(&ours, '\0');
	ours.len -= ours.failed ? 0 : 1;
	put_after(out, present, &ours);
	out->failed = out->failed || ours.failed || hosts.failed;
	buf_finish(&ours);
	buf_finish(&hosts);
}

/* Node splits at blanks outside of double quotes; a backslash escapes inside of them. */
static void put_node_options(
    const struct client_place *place, const char *present, struct buf *out)
{
	struct buf ours = { 0 };
	bool quoted;

	if (!place->preload_cjs) {
		return;
	}
	quoted = strpbrk(place->preload_cjs, " \"\\") != NULL;
	buf_puts(&ours, quoted ? "\"--require=" : "--require=");
	for (const char *c = place->preload_cjs; *c; c++) {
		if (*c == '"' || *c == '\\') {
			buf_putc(&ours, '\\');
		}
		buf_putc(&ours, *c);
	}
	buf_puts(&ours, quoted ? "\"" : "");
	buf_putc(&ours, '\0');
	ours.len -= ours.failed ? 0 : 1;
	put_after(out, present, &ours);
	out->failed = out->failed || ours.failed;
	buf_finish(&ours);
}

/* Ours first: it is the one that the program is to find. */
static void put_ld_preload(
    const struct client_place *place, const char *present, struct buf *out)
{
	struct slice rest = slice_of(present);

	if (!place->connect_so) {
		return;
	}
	buf_puts(out, place->connect_so);
	while (rest.ptr && present) {
		struct slice one = slice_cut(&rest, ':');

		if (one.len > 0 && !slice_eq(one, slice_of(place->connect_so))) {
			buf_putc(out, ':');
			buf_put_slice(out, one);
		}
	}
}

static void put_connect(
    const struct client_place *place, const char *present, struct buf *out)
{
	bool v6 = strchr(place->proxy_host, ':') != NULL;

	(void)present;
	if (place->connect_so) {
		buf_printf(out, "%s%s%s:%d", v6 ? "[" : "", place->proxy_host,
		    v6 ? "]" : "", place->proxy_port);
	}
}

/* A program built with gcc's AddressSanitizer does not start when another library comes
 * before that. */
static void put_asan(
    const struct client_place *place, const char *present, struct buf *out)
{
	static const char allow[] = "verify_asan_link_order=0";

	if (!place->connect_so) {
		return;
	}
	if (present && *present && !strstr(present, allow)) {
		buf_printf(out, "%s:", present);
	}
	buf_puts(out, present && strstr(present, allow) ? present : allow);
}

/*
 * The table. present is what the caller has of this name, or NULL. A variable that gets
 * no value is left out.
 */
static const struct {
	const char *name;
	void (*put)(
	    const struct client_place *place, const char *present, struct buf *out);
} variables[] = {
	{ "HTTPS_PROXY", put_url },
	{ "https_proxy", put_url },
	{ "HTTP_PROXY", put_url },
	{ "http_proxy", put_url },
	{ "NO_PROXY", put_no_proxy },
	{ "no_proxy", put_no_proxy },
	{ "WAYBILL_PROXY", put_url },
	{ "WAYBILL_HOSTS", put_hosts },
	{ "WAYBILL_PORTS", put_ports },
	{ "NODE_USE_ENV_PROXY", put_node_proxy },
	{ "NODE_EXTRA_CA_CERTS", put_node_extra },
	{ "NODE_OPTIONS", put_node_options },
	{ "DENO_CERT", put_root },       /* adds to Deno's own */
	{ "SSL_CERT_FILE", put_bundle }, /* this one and the next replace */
	{ "REQUESTS_CA_BUNDLE", put_bundle },
	{ "CURL_CA_BUNDLE", put_bundle },
	{ "AWS_CA_BUNDLE", put_bundle },
	{ "GIT_SSL_CAINFO", put_bundle },
	{ "PERL_LWP_SSL_CA_FILE", put_bundle },
	{ "PERL_LWP_ENV_PROXY", put_one },
	{ "PHP_INI_SCAN_DIR", put_php },
	{ "WGETRC", put_wgetrc },
	{ "JAVA_TOOL_OPTIONS", put_java },
	{ "LD_PRELOAD", put_ld_preload },
	{ "WAYBILL_CONNECT", put_connect },
	{ "ASAN_OPTIONS", put_asan },
};

_Static_assert(
    sizeof(variables) / sizeof(variables[0]) <= CLIENT_ENV_MAX, "room for all");

/* A line break would end the value in most forms, and start a line of its own. */
static int check_value(const char *name, const struct buf *value, struct err *err)
{
	for (size_t i = 0; i < value->len; i++) {
		if ((unsigned char)value->ptr[i] < 0x20 || value->ptr[i] == 0x7f) {
			return err_set(err, EINVAL,
			    "the value of %s would hold a control character: give state_dir "
			    "and the files a path without one, and see what %s is set to now",
			    name, name);
		}
	}
	return 0;
}

int client_env_make(
    const struct client_place *place, struct client_env *ret_env, struct err *err)
{
	ret_env->count = 0;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *name = variables[i].name;
		struct client_variable *item = &ret_env->item[ret_env->count];
		struct buf value = { 0 };
		int r;

		variables[i].put(place, place->present(name), &value);
		if (value.len == 0 && !value.failed) {
			continue;
		}
		r = check_value(name, &value, err);
		if (r < 0) {
			buf_wipe(&value);
			return r;
		}
		item->name = name;
		item->value = buf_steal(&value);
		if (!item->value) {
			buf_wipe(&value);
			return err_set(err, ENOMEM, "out of memory for the environment");
		}
		ret_env->count++;
	}
	return 0;
}

void client_env_finish(struct client_env *env)
{
	for (size_t i = 0; i < env->count; i++) {
		free(env->item[i].value);
	}
	env->count = 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * fuzz_target: request targets and authorities. What is taken apart must be what stands
 * there: a host that two readers could read differently is where smuggling begins.
 *
 * The first byte chooses the method and the default port, the rest is the text.
 */
#include "proxy/target.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds) {
		abort();
	}
}

static bool is_inside(struct slice part, struct slice whole)
{
	return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

/* Only bytes that no resolver, log or certificate can take for anything else. */
static void check_host(struct slice host, bool is_ipv6)
{
	require(host.len > 0 && host.len <= 255);
	require(host.ptr[host.len - 1] != '.');
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];

		require((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		        (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' ||
		        c == '~' || (is_ipv6 && c == ':'));
	}
	(void)host_is_disguised_ipv4(host);
}

static void check_path(const struct target *target)
{
	struct slice path = target->path_and_query;

	require(path.len > 0);
	require(path.ptr[0] == '/' || slice_eq(path, SLICE("*")) ||
	        (target->add_slash && path.ptr[0] == '?'));
	for (size_t i = 0; i < path.len; i++) {
		unsigned char c = (unsigned char)path.ptr[i];

		require(c > 0x20 && c < 0x7f && c != '#' && c != '\\');
	}
}

static void check_authority(const struct target *target, int default_port)
{
	struct slice host;
	int port;

	check_host(target->host, target->host_is_ipv6);
	require(target->port >= 1 && target->port <= 65535);
	require(is_inside(target->host, target->authority));
	require(!memchr(target->authority.ptr, '@', target->authority.len));
	require(authority_parse(target->authority, default_port, &host, &port));
	require(host_equal(host, target->host) && port == target->port);
}

/* Written down again from its parts, it is the same target. */
static void check_again(struct slice method, const struct target *target)
{
	static char text[70000];
	const char *scheme = target->form == TARGET_ABSOLUTE_HTTP ? "http" : "https";
	const char *reason = NULL;
	struct target again;
	int len = snprintf(text, sizeof(text), "%s://%.*s%s%.*s", scheme,
	    (int)target->authority.len, target->authority.ptr,
	    target->add_slash ? "/" : "", (int)target->path_and_query.len,
	    target->path_and_query.ptr);

	if (len < 0 || (size_t)len >= sizeof(text) ||
	    target->path_and_query.ptr[0] == '*') {
		return;
	}
	require(target_parse(
	            method, (struct slice){ text, (size_t)len }, &again, &reason) == 0);
	require(again.form == target->form && again.port == target->port);
	require(host_equal(again.host, target->host));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const methods[] = { "GET", "CONNECT", "OPTIONS", "PATCH" };
	struct slice method, text, host;
	const char *reason = NULL;
	struct target target;
	int port;

	if (size == 0) {
		return 0;
	}
	method = slice_of(methods[data[0] & 3]);
	text = (struct slice){ (const char *)data + 1, size - 1 };
	if (authority_parse(text, data[0] & 4 ? 80 : 0, &host, &port)) {
		require(host.len > 0 && port >= 1 && port <= 65535);
		require(is_inside(host, text));
	}
	if (target_parse(method, text, &target, &reason) != 0) {
		require(reason != NULL);
		return 0;
	}
	switch (target.form) {
	case TARGET_AUTHORITY:
		require(slice_eq(method, SLICE("CONNECT")) && target.port_given);
		check_authority(&target, 0);
		break;
	case TARGET_ABSOLUTE_HTTP:
	case TARGET_ABSOLUTE_HTTPS:
		check_authority(&target, target.form == TARGET_ABSOLUTE_HTTP ? 80 : 443);
		check_path(&target);
		check_again(method, &target);
		break;
	case TARGET_ORIGIN:
	case TARGET_ASTERISK:
		require(target.host.len == 0);
		check_path(&target);
		break;
	}
	return 0;
}

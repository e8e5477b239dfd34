/* SPDX-License-Identifier: MIT */
/*
 * target: request targets and authorities. See target.h for what is refused beyond the
 * grammar.
 */
#include "proxy/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

enum {
	HOST_MAX = 255, /* RFC 1035 3.1 */
	LABEL_MAX = 63,
	PORT_DIGITS_MAX = 5,
	PORT_MAX = 65535,
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Letters, digits and what is seen in host names beyond them. */
static bool is_host_byte(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '_' || c == '~';
}

/* A name or an IPv4 address: labels with a dot between each two. */
static bool is_name(struct slice text)
{
	struct slice rest = text;

	if (text.len == 0 || text.len > HOST_MAX || text.ptr[text.len - 1] == '.') {
		return false;
	}
	while (rest.ptr) {
		struct slice label = slice_cut(&rest, '.');

		if (label.len == 0 || label.len > LABEL_MAX) {
			return false;
		}
		for (size_t i = 0; i < label.len; i++) {
			if (!is_host_byte(label.ptr[i])) {
				return false;
			}
		}
	}
	return true;
}

/* inet_pton(3) refuses zones, brackets and blanks by itself. */
static bool is_address(int family, struct slice text)
{
	char copy[INET6_ADDRSTRLEN];
	unsigned char address[sizeof(struct in6_addr)];

	if (text.len >= sizeof(copy) || memchr(text.ptr, 0, text.len)) {
		return false;
	}
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	return inet_pton(family, copy, address) == 1;
}

/* Returns -1 where the text is no port. */
static int read_port(struct slice text)
{
	int port = 0;

	if (text.len == 0 || text.len > PORT_DIGITS_MAX) {
		return -1;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (!is_digit(text.ptr[i])) {
			return -1;
		}
		port = port * 10 + (text.ptr[i] - '0');
	}
	return port >= 1 && port <= PORT_MAX ? port : -1;
}

/* Takes the host off *text, brackets included. Of target it fills what concerns the host.
 */
static bool cut_host(struct slice *text, struct target *target)
{
	const char *colon;

	if (text->len > 0 && text->ptr[0] == '[') {
		const char *bracket = memchr(text->ptr, ']', text->len);

		if (!bracket) {
			return false;
		}
		target->host =
		    (struct slice){ text->ptr + 1, (size_t)(bracket - text->ptr) - 1 };
		target->host_is_ipv6 = true;
		text->len -= target->host.len + 2;
		text->ptr = bracket + 1;
		return target->host.len > 0 && is_address(AF_INET6, target->host);
	}
	colon = text->len ? memchr(text->ptr, ':', text->len) : NULL;
	target->host = *text;
	if (colon) {
		target->host.len = (size_t)(colon - text->ptr);
	}
	text->ptr += target->host.len;
	text->len -= target->host.len;
	if (target->host.len > 1 && target->host.ptr[target->host.len - 1] == '.') {
		target->host.len--;
		target->trailing_dot = true;
	}
	return is_name(target->host);
}

/*
 * Reads the whole text as an authority. default_port 0: the port is mandatory.
 * Returns a static text that says what is wrong, or NULL.
 */
static const char *read_authority(
    struct slice text, int default_port, struct target *target)
{
	struct slice rest = text;

	if (!cut_host(&rest, target)) {
		return "the host is not a name or an address";
	}
	if (rest.len > 0 && rest.ptr[0] != ':') {
		return "something stands between the host and the port";
	}
	target->authority = text;
	target->port = default_port;
	if (rest.len > 1) {
		target->port = read_port((struct slice){ rest.ptr + 1, rest.len - 1 });
		target->port_given = true;
	}
	if (target->port == 0) {
		return "the port is missing: CONNECT takes host:port";
	}
	return target->port > 0 ? NULL : "the port is not a number from 1 to 65535";
}

static const char *read_absolute(struct slice text, bool options, struct target *target)
{
	struct slice authority = { text.ptr, 0 };
	const char *wrong;

	while (authority.len < text.len && text.ptr[authority.len] != '/' &&
	       text.ptr[authority.len] != '?') {
		authority.len++;
	}
	if (memchr(authority.ptr, '@', authority.len)) {
		return "a target with user information is refused: use an Authorization field";
	}
	wrong = read_authority(authority, target->port, target);
	if (wrong) {
		return wrong;
	}
	target->path_and_query =
	    (struct slice){ text.ptr + authority.len, text.len - authority.len };
	if (target->path_and_query.len == 0) {
		target->path_and_query = options ? SLICE("*") : SLICE("/");
	} else {
		target->add_slash = target->path_and_query.ptr[0] == '?';
	}
	return NULL;
}

static bool all_uri_bytes(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\') {
			return false;
		}
	}
	return true;
}

static const char *read_target(
    struct slice method, struct slice text, struct target *target)
{
	const struct slice http = SLICE("http://");
	const struct slice https = SLICE("https://");
	bool options = slice_eq(method, SLICE("OPTIONS"));

	if (text.len == 0 || !all_uri_bytes(text)) {
		return "the target is empty or has a byte that a URI cannot have";
	}
	if (slice_eq(method, SLICE("CONNECT"))) {
		target->form = TARGET_AUTHORITY;
		return read_authority(text, 0, target);
	}
	if (text.ptr[0] == '/') {
		target->form = TARGET_ORIGIN;
		target->path_and_query = text;
		return NULL;
	}
	if (options && slice_eq(text, SLICE("*"))) {
		target->form = TARGET_ASTERISK;
		target->path_and_query = text;
		return NULL;
	}
	if (slice_istarts(text, http)) {
		target->form = TARGET_ABSOLUTE_HTTP;
		target->port = 80;
		text = (struct slice){ text.ptr + http.len, text.len - http.len };
		return read_absolute(text, options, target);
	}
	if (slice_istarts(text, https)) {
		target->form = TARGET_ABSOLUTE_HTTPS;
		target->port = 443;
		text = (struct slice){ text.ptr + https.len, text.len - https.len };
		return read_absolute(text, options, target);
	}
	return "the target is neither a path nor an http or https URL";
}

int target_parse(struct slice method, struct slice text, struct target *ret_target,
    const char **ret_reason)
{
	struct target target = { .host = SLICE(""), .authority = SLICE("") };
	const char *wrong = read_target(method, text, &target);

	if (wrong) {
		*ret_reason = wrong;
		return -EINVAL;
	}
	*ret_target = target;
	return 0;
}

bool authority_parse(
    struct slice text, int default_port, struct slice *ret_host, int *ret_port)
{
	struct target target = { .host = SLICE("") };

	if (text.len == 0 || read_authority(text, default_port, &target)) {
		return false;
	}
	*ret_host = target.host;
	*ret_port = target.port;
	return true;
}

static struct slice without_dot(struct slice host)
{
	if (host.len > 0 && host.ptr[host.len - 1] == '.') {
		host.len--;
	}
	return host;
}

bool host_equal(struct slice a, struct slice b)
{
	return slice_ieq(without_dot(a), without_dot(b));
}

bool host_is_disguised_ipv4(struct slice host)
{
	struct slice rest = without_dot(host);
	struct slice last = { NULL, 0 };
	size_t hex;

	host = rest;
	while (rest.ptr) {
		last = slice_cut(&rest, '.');
	}
	hex = slice_istarts(last, SLICE("0x")) ? 2 : 0;
	for (size_t i = hex; i < last.len; i++) {
		char c = (char)(last.ptr[i] | 0x20);

		if (!is_digit(last.ptr[i]) && (!hex || c < 'a' || c > 'f')) {
			return false;
		}
	}
	return last.len > 0 && !is_address(AF_INET, host);
}

/* SPDX-License-Identifier: MIT */
/*
 * target: the request target and the authority in it (RFC 9112 3.2, RFC 3986 3.2).
 *
 * Stricter than the grammar where looseness has been used for attacks: no userinfo,
 * fragment, backslash or percent-encoding in a host, no zone in an IPv6 address.
 */
#ifndef PROXY_TARGET_H
#define PROXY_TARGET_H

#include "base/slice.h"

enum target_form {
	TARGET_ORIGIN,         /* /path?query */
	TARGET_ABSOLUTE_HTTP,  /* http://host/path */
	TARGET_ABSOLUTE_HTTPS, /* https://host/path */
	TARGET_AUTHORITY,      /* host:port, CONNECT only */
	TARGET_ASTERISK,       /* *, OPTIONS only */
};

/* Slices borrow from the parsed text, but for a path that is not in it (static text). */
struct target {
	enum target_form form;
	struct slice host; /* as written, without brackets and trailing dot; else empty */
	struct slice authority; /* host[:port] as written: what a Host field says */
	int port; /* the scheme's where none is given; 0 without an authority */
	bool port_given;
	bool host_is_ipv6; /* it stood in brackets */
	bool trailing_dot; /* of the host */
	/*
	 * What goes into an origin-form request line. "/" for an absolute URI without a
	 * path,
	 * "*" when its method is OPTIONS (RFC 9112 3.2.4). http://h?x has the path "/?x":
	 * the slice is "?x" and add_slash says that "/" goes before it.
	 */
	struct slice path_and_query;
	bool add_slash;
};

/*
 * Returns 0, or -EINVAL with *ret_reason set to a static text. method decides between
 * authority-form (CONNECT) and the others.
 */
int target_parse(struct slice method, struct slice text, struct target *ret_target,
    const char **ret_reason);

/*
 * Parses host[:port] as a Host field holds it. The host is given without brackets and
 * trailing dot. An empty port ("host:") is the default one; default_port 0 makes the port
 * mandatory.
 */
bool authority_parse(
    struct slice text, int default_port, struct slice *ret_host, int *ret_port);

/* The same host? ASCII case and a trailing dot do not matter. */
bool host_equal(struct slice a, struct slice b);

/*
 * Is it a number in a shape that getaddrinfo(3) reads as an IPv4 address though it is no
 * dotted quad: 127.1, 0177.0.0.1, 0x7f.1, 2130706433? No public name ends in a number.
 */
bool host_is_disguised_ipv4(struct slice host);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * access: who may use the proxy, and where it may go. Pure; any thread.
 */
#ifndef PROXY_ACCESS_H
#define PROXY_ACCESS_H

#include "base/slice.h"
#include "proxy/settings.h"

#include <sys/socket.h>

/* An address as IPv6, IPv4 as ::ffff:a.b.c.d. False for other families. */
bool access_mapped(const struct sockaddr *address, uint8_t ret_bytes[16]);

/* Is the client's address in access.clients? */
bool access_client(const struct proxy_settings *settings, const struct sockaddr *address);

/*
 * Judges a Proxy-Authorization value (ptr NULL: none came) against access.credentials, in
 * constant time per credential. True when none are configured. Percent-encoded user info
 * is taken in both forms, since some clients do not decode it. RFC 7617.
 */
bool access_credentials(
    const struct proxy_settings *settings, struct slice authorization);

/* May CONNECT go to this port? Hosts named in connect_to may, whatever the port. */
bool access_port(const struct proxy_settings *settings, struct slice host, int port);

/*
 * May a connection be opened to this resolved address? Loopback, private, link-local,
 * metadata, multicast, mapped and translated ones only with access.private_upstreams.
 * RFC 6890, RFC 6598, RFC 6052, RFC 3056, RFC 4380, RFC 5214.
 */
bool access_address(
    const struct proxy_settings *settings, const struct sockaddr *address);

/*
 * Is it waybill itself: an address of this machine, and the port of the proxy (own_port)
 * or of the dashboard? Such a connection is denied whatever the configuration says. Asks
 * the kernel, without blocking, where the port is one of these.
 */
bool access_own(const struct proxy_settings *settings, int own_port,
    const struct sockaddr *address, int port);

/* The connect_to entry for host and port, or NULL. The host in any case, with or without
 * dot. */
const struct connect_to *access_connect_to(
    const struct proxy_settings *settings, struct slice host, int port);

#endif

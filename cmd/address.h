/* SPDX-License-Identifier: MIT */
/*
 * address: hosts, ports and address blocks as people write them. Pure.
 */
#ifndef CMD_ADDRESS_H
#define CMD_ADDRESS_H

#include "base/slice.h"
#include "proxy/settings.h"

enum { ADDRESS_HOST_SIZE = 254 }; /* the longest DNS name, and a NUL */

/* A host and a port; either may be missing. */
struct address_pair {
	char host[ADDRESS_HOST_SIZE]; /* lower-case, no trailing dot, no brackets; "":
	                                 missing */
	int port;                     /* -1: missing */
};

/*
 * Reads "host:port", "host", ":port", "[::1]:8080" or "[::1]". A host is a DNS name or a
 * numeric address; a bare IPv6 address needs its brackets. The port is 0 to 65535.
 * Returns NULL or, in words, what is wrong.
 */
const char *address_parse(struct slice text, struct address_pair *ret_pair);

/* Is host a numeric address? Fills the 16 bytes, IPv4 as IPv4-mapped IPv6. */
bool address_is_numeric(const char *host, uint8_t ret_address[16]);

/* Is it 127.0.0.0/8 or ::1? */
bool address_is_loopback(const uint8_t address[16]);

/*
 * Reads "10.0.0.0/8", "fc00::/7" or a single address. Bits beyond the prefix must be
 * zero. Returns NULL or, in words, what is wrong.
 */
const char *address_parse_range(struct slice text, struct address_range *ret_range);

#endif

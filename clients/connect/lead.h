/* SPDX-License-Identifier: MIT */
/*
 * lead: which connections are led to the proxy, and the line that says where they were
 * meant to go. Pure: no allocation, no lock, no call that a signal handler may not make.
 */
#ifndef CLIENTS_CONNECT_LEAD_H
#define CLIENTS_CONNECT_LEAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/* IPv4 as IPv4-mapped IPv6. */
struct lead_address {
	unsigned char bytes[16];
	int port;
};

/* False: no address of the internet, or len is too short for one. */
bool lead_address_read(
    const struct sockaddr *address, socklen_t len, struct lead_address *ret_address);

bool lead_is_v4(const struct lead_address *address);

/*
 * Is it a global unicast address? No: loopback, private, shared, link-local, benchmarking
 * (some local proxies hand those out as names' stand-ins), multicast, reserved,
 * translated (NAT64, 6to4, Teredo). The documentation's blocks are taken for global:
 * nobody is there but a test. RFC 6890, RFC 4291 2.4.
 */
bool lead_is_global(const struct lead_address *address);

/* The longest line of the PROXY protocol, version 1, section 2.1. */
#define LEAD_LINE_MAX 107

/* Writes "PROXY TCP4 source asked port port\r\n"; a source of the other family than
 * asked is written in asked's as well as it goes. Returns its length. */
size_t lead_line(const struct lead_address *source, const struct lead_address *asked,
    char ret_line[LEAD_LINE_MAX]);

/*
 * Finds host and port in "HOST:PORT", "[V6]:PORT" or "http://[USER:SECRET@]HOST:PORT/".
 * Returns false when there is none, or when they do not fit.
 */
bool lead_split(const char *text, char *ret_host, size_t host_size, char ret_port[6]);

#endif

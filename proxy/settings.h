/* SPDX-License-Identifier: MIT */
/*
 * settings: what the proxy needs of the configuration. Plain data, immutable while it
 * runs.
 */
#ifndef PROXY_SETTINGS_H
#define PROXY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An address block; IPv4 as IPv4-mapped IPv6, bits counted in the 128. */
struct address_range {
	uint8_t address[16];
	int bits;
};

/* As curl's --connect-to: "" and 0 stand for any host and any port. */
struct connect_to {
	const char *host; /* lower-case, no trailing dot */
	int port;
	const char *target_host;
	int target_port;
};

struct credential {
	const char *user;
	const char *secret;
};

struct proxy_settings {
	const char *listen_host; /* a numeric address */
	int listen_port;         /* 0: the kernel chooses */
	int workers;             /* at least 1 */

	const struct address_range *clients;
	size_t client_count;
	const struct credential *credentials; /* any: Proxy-Authorization is required */
	size_t credential_count;
	const int *connect_ports;
	size_t connect_port_count;
	bool private_upstreams;

	const struct connect_to *connect_to;
	size_t connect_to_count;
	int64_t connect_timeout_ns;
	int64_t response_timeout_ns;
	bool via;

	int64_t hold_max_ns;
	int64_t pending_after_ns;
	size_t capture_limit; /* bytes kept of a body for the recorder */
};

#endif

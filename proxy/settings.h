/* SPDX-License-Identifier: MIT */
/*
 * settings: what the proxy needs of the configuration. Plain data, immutable while it
 * runs.
 */
#ifndef PROXY_SETTINGS_H
#define PROXY_SETTINGS_H

#include "base/rate.h"
#include "proxy/gate.h"

#include <stdatomic.h>
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

/* The section limits: of the configuration. Sizes in bytes. */
struct proxy_limits {
	struct gate_limits gate;      /* what a message head may be, in both directions */
	int64_t head_timeout_ns;      /* from the first byte of a head to its last */
	int64_t handshake_timeout_ns; /* a client's TLS handshake */
	int64_t idle_timeout_ns;      /* a client connection between requests */
	uint64_t progress_bytes; /* least that a body moves in each window; 0: anything */
	int64_t progress_window_ns;
	uint64_t buffer;            /* held of one direction of one connection */
	int64_t connections;        /* clients at a time; 0: what the descriptors allow */
	int64_t client_connections; /* of one address at a time; 0: any number */
	struct rate_limit client_rate; /* calls and tunnels of one address */
	uint64_t memory; /* held in all: past it connections buffer next to nothing */
};

/* What is done about a client that does not trust our certificate. */
enum tls_reject_policy { TLS_REJECT_RECORD, TLS_REJECT_TUNNEL };

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
	const atomic_int
	    *admin_port; /* where the dashboard listens; 0: not yet; NULL: none */

	const struct connect_to *connect_to;
	size_t connect_to_count;
	int64_t connect_timeout_ns;
	int64_t response_timeout_ns;
	bool via;

	int64_t hold_max_ns;
	int64_t pending_after_ns;
	size_t capture_limit; /* bytes kept of a body for the recorder */

	struct proxy_limits limits;
	enum tls_reject_policy on_tls_reject;
};

#endif

/* SPDX-License-Identifier: MIT */
/*
 * proxy: the workers as one thing: start, reload, stop.
 *
 * Thread: main's.
 */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "base/err.h"
#include "proxy/settings.h"

#include <stdbool.h>
#include <stdint.h>

struct ca;
struct proxy;
struct recorder;
struct route_table;
struct upstream_tls;

/* What the proxy works with; all borrowed until proxy_stop has returned, but table:
 * counted. */
struct proxy_parts {
	const struct proxy_settings *settings;
	struct ca *ca;
	struct upstream_tls *upstream_tls;
	struct recorder *recorder;
	struct route_table *table;
};

/* Listens and starts the workers. */
MUST_CHECK int proxy_start(
    const struct proxy_parts *parts, struct proxy **ret_proxy, struct err *err);

/* The port it listens on (when the configuration said 0). */
int proxy_port(const struct proxy *proxy);

/* Calls that begin from now on use this table (counted). No connection is dropped. */
void proxy_reload(struct proxy *proxy, struct route_table *table);

/*
 * Stops accepting at once, lets calls in flight end for grace_ns, ends the rest as
 * PROXY_STOPPED. Every call has been submitted to the recorder then.
 */
void proxy_stop(struct proxy *proxy, int64_t grace_ns);

/* From another thread: a proxy_stop in progress waits no longer. */
void proxy_hurry(struct proxy *proxy);

/* After proxy_stop. NULL is fine. */
void proxy_destroy(struct proxy *proxy);

#endif

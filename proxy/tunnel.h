/* SPDX-License-Identifier: MIT */
/*
 * tunnel: bytes pass both ways untouched, half-closes included: blind tunnels, and
 * WebSockets after their 101.
 *
 * Thread: one worker's. Ends when both sides have, or when one breaks.
 */
#ifndef PROXY_TUNNEL_H
#define PROXY_TUNNEL_H

#include "proxy/stream.h"

struct tunnel;

/* Called once, when it is over; the tunnel frees itself afterwards. */
typedef void tunnel_done(void *owner);

/* Takes both streams, also on failure (NULL). Bytes waiting in them are passed on. */
struct tunnel *tunnel_create(struct reaper *reaper, struct stream *left,
    struct stream *right, tunnel_done *done, void *owner);

/* Closes both sides, without the callback. NULL is fine. */
void tunnel_destroy(struct tunnel *tunnel);

/* When bytes last passed, monotonic nanoseconds. */
int64_t tunnel_active_ns(const struct tunnel *tunnel);

#endif

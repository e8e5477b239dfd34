/* SPDX-License-Identifier: MIT */
/*
 * socket: the few socket and timer calls that several parts need.
 */
#ifndef PROXY_SOCKET_H
#define PROXY_SOCKET_H

#include "base/err.h"

#include <event2/event.h>
#include <stdint.h>
#include <sys/socket.h>

/* Begins to connect, non-blocking, with keep-alive and no delay set. Descriptor or
 * negative errno. */
MUST_CHECK int socket_connect(const struct sockaddr *address);

/*
 * No delay, and keep-alive such that a peer that died silently is noticed within 90 s
 * (30 s idle, then 5 probes 10 s apart).
 */
void socket_tune(int fd);

/* "10.0.0.1:443" or "[::1]:443". Returns ret_text. */
const char *socket_address_text(
    const struct sockaddr *address, char *ret_text, size_t size);

struct timeval socket_timeval(int64_t ns);

/* (Re)starts a timer event. */
void socket_timer(struct event *timer, int64_t ns);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * listener: listening TCP sockets, and the port of any socket.
 */
#ifndef BASE_LISTENER_H
#define BASE_LISTENER_H

#include "base/err.h"

#include <stdbool.h>

/*
 * A non-blocking listener on a numeric address; port 0: the kernel chooses. shared: its
 * port is shared with other threads' listeners (SO_REUSEPORT); else the call fails where
 * anyone holds the port. Returns the descriptor, or a negative errno with words in err,
 * which name `key`, the one in the configuration.
 */
MUST_CHECK int listener_open(
    const char *key, const char *host, int port, bool shared, struct err *err);

/* The port a socket is bound to, or a negative errno. */
int listener_port(int fd);

#endif

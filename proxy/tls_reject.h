/* SPDX-License-Identifier: MIT */
/*
 * tls_reject: clients that do not trust our certificate, by client address and host.
 *
 * safety  one table for all workers, of fixed size; its lock is held for a short scan.
 */
#ifndef PROXY_TLS_REJECT_H
#define PROXY_TLS_REJECT_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct tls_rejects;

/* NULL: no memory. */
struct tls_rejects *tls_rejects_create(void);
void tls_rejects_destroy(struct tls_rejects *rejects);

/*
 * client (an address without port) did not trust the certificate for host, at now_ns on
 * the monotonic clock. tunnel: from now on it is tunnelled there. Returns whether this is
 * to be recorded: at most once a minute for each pair, and never while the table is full
 * of others.
 */
bool tls_rejects_note(struct tls_rejects *rejects, const char *client, const char *host,
    int64_t now_ns, bool tunnel);

/* Has it been noted with tunnel in the last ten minutes? */
bool tls_rejects_tunnels(
    struct tls_rejects *rejects, const char *client, const char *host, int64_t now_ns);

/* The client's connections to conn->host are to be tunnelled: access.on_tls_reject. */
bool tls_reject_tunnels(const struct conn *conn);

/* The handshake with the client has failed. Empties this thread's OpenSSL error queue. */
void tls_reject_failed(struct conn *conn);

/* The client has closed, or cut, a connection on which it never asked for anything. */
void tls_reject_closed(struct conn *conn);

#endif

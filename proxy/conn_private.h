/* SPDX-License-Identifier: MIT */
/*
 * conn_private: what the three files of a client connection call of each other.
 */
#ifndef PROXY_CONN_PRIVATE_H
#define PROXY_CONN_PRIVATE_H

#include "proxy/conn.h"

/* Does what the bytes at hand allow in the present state. The connection may have ended
 * after. */
void conn_advance(struct conn *conn);

/* Between requests: the next state is CONN_REQUEST. */
void conn_await_request(struct conn *conn);

/* Sets conn->host, in lower case. */
void conn_set_host(struct conn *conn, struct slice host);

/* request.c: a request head is whole in conn->reader.head: answer, tunnel or exchange. */
void request_begin(struct conn *conn);

/* intercept.c: reads the ClientHello; true when the state has changed. */
bool intercept_hello(struct conn *conn);

/* intercept.c: connects a blind tunnel to host and port. connect: the client sent CONNECT
 * and waits for an answer; else it speaks TLS already. */
void intercept_tunnel(struct conn *conn, struct slice host, int port, bool connect);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * exchange: one request, its response, and the call that records them.
 *
 * Thread: its worker's.
 * Ends:   once, in exchange_end(), the only place that submits a call.
 */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "record/outcome.h"
#include "routes/service.h"

#include <stdbool.h>

struct conn;
struct exchange;

/* Where the request in conn->reader.head goes. Borrowed for the call. */
struct exchange_to {
	struct slice host;
	int port;
	bool tls;
	struct slice target;           /* origin-form */
	struct slice host_field;       /* what Host becomes; ptr NULL: as it came */
	const struct service *service; /* NULL: relayed, not recorded */
};

/* Begins to serve the request whose head conn->reader has just read. NULL: no memory. */
struct exchange *exchange_start(struct conn *conn, const struct exchange_to *to);

/* The client sent more, took more, or is gone. */
void exchange_client_readable(struct exchange *exchange);
void exchange_client_writable(struct exchange *exchange);
void exchange_client_gone(struct exchange *exchange);

/* Ends it now for a reason of ours (PROXY_STOPPED); the connection ends with it. */
void exchange_stop(struct exchange *exchange, enum outcome outcome);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * head: writes a forwarded message: order and spelling of its fields kept, hop-by-hop
 * ones and waybill's own left out, the framing of head and body written anew. RFC 9110
 * 7.6.1, RFC 9112 6 and 7.1.
 */
#ifndef PROXY_HEAD_H
#define PROXY_HEAD_H

#include "proxy/gate.h"

#include <event2/buffer.h>

/* How the message goes out. */
struct head_out {
	enum framing framing; /* FRAMING_UNTIL_CLOSE: no framing field at all */
	uint64_t length;
	bool keep_length; /* FRAMING_NONE: a Content-Length still says something (HEAD,
	                     304) */
	bool websocket;   /* Connection: Upgrade and Upgrade go through */
	bool via;
	bool lower_max_forwards; /* OPTIONS: RFC 9110 7.6.2 */
	struct slice
	    host; /* a Host to put in place of the one that came; ptr NULL: as it came */
	const char *connection; /* a Connection value of ours, or NULL */
};

/* Appends "METHOD target HTTP/1.1", the fields and the empty line. */
void head_put_request(struct evbuffer *out, const struct head *head, struct slice target,
    const struct head_out *how);

/* Appends "HTTP/1.1 status reason", the fields and the empty line. */
void head_put_response(
    struct evbuffer *out, const struct head *head, const struct head_out *how);

/* Appends a piece of body; an empty one must not come here (it would end a chunked body).
 */
void body_put(struct evbuffer *out, enum framing framing, struct slice piece);

/* Appends what ends a body: nothing, or the last chunk and the trailer lines. */
void body_put_end(struct evbuffer *out, enum framing framing, struct slice trailers);

/* Does the request ask for a WebSocket and nothing else? RFC 6455 4.1. */
bool head_asks_websocket(const struct head *head);

#endif

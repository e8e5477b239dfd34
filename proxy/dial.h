/* SPDX-License-Identifier: MIT */
/*
 * dial: a connection to an API: resolve, judge each address, connect, TLS.
 *
 * Thread: one worker's. One dial ends once, by its callback or by dial_cancel.
 */
#ifndef PROXY_DIAL_H
#define PROXY_DIAL_H

#include "base/pins.h"
#include "base/slice.h"
#include "proxy/stream.h"
#include "record/outcome.h"

struct dial;
struct worker;

struct dial_result {
	enum outcome outcome; /* OUTCOME_ANSWERED: connected */
	char detail[512];     /* words for a person, when it failed */
	bool unreachable;     /* the last address tried has no route from here */
	int64_t dialled_ns;   /* moments, monotonic; 0: did not get there */
	int64_t resolved_ns;
	int64_t connected_ns;
	int64_t secured_ns;
};

/* stream: taken by the callee (hand it over), or NULL when result->outcome says why not.
 */
typedef void dial_done(
    void *owner, struct stream *stream, const struct dial_result *result);

struct dial_request {
	struct slice host; /* a name or an address literal, borrowed for the call */
	int port;
	bool tls; /* verified for host, whatever connect_to says */
	const struct pins
	    *pins; /* of the host's service; borrowed for the call, or NULL */
	SSL_SESSION
	*session; /* borrowed for the call, or NULL; made with the same pins */
};

/* The callback comes later, never from inside this call. NULL: no memory. */
struct dial *dial_start(struct worker *worker, const struct dial_request *request,
    dial_done *done, void *owner);

/* Ends it without a callback. NULL is fine. */
void dial_cancel(struct dial *dial);

#endif

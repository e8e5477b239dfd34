/* SPDX-License-Identifier: MIT */
/*
 * exchange_private: one exchange, shared by the files that serve it.
 *
 * exchange_start.c     begins it
 * exchange.c           ends it
 * exchange_watch.c     its time and memory
 * exchange_request.c   client → API
 * exchange_response.c  API → client
 */
#ifndef PROXY_EXCHANGE_PRIVATE_H
#define PROXY_EXCHANGE_PRIVATE_H

#include "proxy/conn.h"
#include "proxy/dial.h"
#include "proxy/exchange.h"
#include "proxy/pool.h"
#include "proxy/worker.h"
#include "record/call.h"

enum exchange_state {
	EXCHANGE_DIALLING, /* no connection to the API yet */
	EXCHANGE_RELAYING,
	EXCHANGE_FAILING, /* no answer will come; the rest of the request is still read */
	EXCHANGE_HELD,    /* the answer is whole; its last bytes wait for the row */
	EXCHANGE_ENDED,
};

/* Told by the recorder that a row is committed; outlives its exchange when that ends
 * first. */
struct ticket {
	struct letter letter;
	struct worker *worker;
	struct exchange *exchange; /* NULL: nobody waits any more */
};

/* A stretch of time in which the client has to move limits.body_progress. */
struct exchange_window {
	int64_t begun_ns;
	uint64_t sent;  /* of the request, before it */
	uint64_t taken; /* of the answer, as bytes on the wire, before it */
	bool sending;   /* the client alone is waited for, all the time */
	bool taking;    /* something waited for the client when it began */
};

struct exchange {
	struct grave grave;
	struct conn *conn; /* NULL once the client is gone */
	struct worker *worker;
	enum exchange_state state;

	char host[256];
	int port;
	bool tls;
	struct pins pins; /* of the service, as they were when it began */

	struct call *call;     /* NULL: not recorded, or submitted already */
	struct route_use *use; /* of its route, with one call counted; or NULL */

	/* request */
	struct evbuffer *request_head; /* as sent; kept for a second attempt */
	enum framing request_framing;
	bool request_done;
	bool bodiless;          /* HEAD */
	bool idempotent;        /* RFC 9110 9.2.2 */
	bool websocket;         /* asked for */
	uint64_t request_bytes; /* of its body, framing included, read so far */

	/* connection to the API */
	struct dial *dial;
	struct upstream *upstream;
	bool reused; /* it had served another call before */
	bool retried;

	/* response */
	struct reader response;
	int interim;        /* 1xx heads so far */
	bool response_seen; /* a byte came */
	bool head_sent;     /* the final head is on its way to the client */
	enum framing client_framing;
	bool reusable;         /* the client connection serves on after this */
	struct evbuffer *held; /* for the client, not yet let go */

	struct event *timer;         /* response timeout; hold_max while held */
	struct event *pending_timer; /* record.pending_after */
	int64_t active_ns;           /* last progress on either side */
	struct exchange_window window;
	size_t charged;       /* to the budget, for both captures */
	int64_t ended_ns;     /* last response byte, or the failure; 0 before */
	enum outcome outcome; /* while FAILING: why */
	char detail[512];     /* and in words */
	int64_t wait_ns;      /* until it may be tried again; 0: not known */
	size_t discarded;     /* request bytes read while FAILING */
	struct ticket *ticket;
};

/* exchange.c */

/*
 * The one way an exchange ends: whatever it still holds is let go, and a call not yet
 * submitted becomes a row with this outcome.
 */
void exchange_end(struct exchange *exchange, enum outcome outcome, const char *detail);

/* HELD or FAILING, and the time for that is over: answers. */
void exchange_wait_over(struct exchange *exchange);

/* The API's answer is whole and in `held`: record it, then let it go. */
void exchange_complete(struct exchange *exchange);

/* No whole answer will come. Says so to the client where that is still possible. */
void exchange_fail(struct exchange *exchange, enum outcome outcome, const char *detail);

/* exchange_start.c: gets a connection, from the pool or by dialling, and sends the
 * request. */
void exchange_connect(struct exchange *exchange);

/* exchange_watch.c */

/* Makes the timers, which exchange_end frees. Returns 0 or -ENOMEM. */
int exchange_watch_init(struct exchange *exchange);
void exchange_watch_start(struct exchange *exchange);

/* Progress was made: the time-out starts again. */
void exchange_touch(struct exchange *exchange);

/* A new window for limits.body_progress. */
void exchange_window_begin(struct exchange *exchange);

/* A body passes by, to or from the API: for the row, as far as memory allows. */
void exchange_keep(struct exchange *exchange, struct capture *capture, struct slice body);

/* The call is the recorder's now. */
void exchange_uncharge(struct exchange *exchange);

/* exchange_request.c */
void exchange_send_head(struct exchange *exchange);
void exchange_send_body(struct exchange *exchange);

/* While FAILING: reads what is there of the request. True when that was all of it, or
 * enough. */
bool exchange_drain_request(struct exchange *exchange);

/* exchange_response.c */
void exchange_on_upstream(struct stream *stream, enum stream_event event, void *owner);
void exchange_read_response(struct exchange *exchange);

#endif

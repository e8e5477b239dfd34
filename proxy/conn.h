/* SPDX-License-Identifier: MIT */
/*
 * conn: one client connection: what it speaks, whom it wants, one exchange or tunnel at a
 * time.
 *
 * Thread: its worker's. Ends once, in conn_end.
 */
#ifndef PROXY_CONN_H
#define PROXY_CONN_H

#include "base/buf.h"
#include "proxy/reader.h"
#include "proxy/stream.h"
#include "proxy/target.h"
#include "record/coverage.h"

#include <sys/queue.h>

struct dial;
struct exchange;
struct quota_client;
struct tunnel;
struct worker;

enum conn_state {
	CONN_SNIFF,     /* waiting for the first bytes: TLS, HTTP, or a preface? */
	CONN_HELLO,     /* a ClientHello is coming: intercept or tunnel? */
	CONN_HANDSHAKE, /* TLS with our leaf */
	CONN_REQUEST,   /* between requests, or inside a head */
	CONN_EXCHANGE,  /* a request is being served */
	CONN_DIAL,      /* a blind tunnel is being connected */
	CONN_TUNNEL,    /* bytes pass both ways */
	CONN_LINGER,    /* our last answer is going out; what comes is thrown away */
	CONN_ENDED,
};

struct conn {
	TAILQ_ENTRY(conn) link; /* in worker->conns */
	struct grave grave;
	struct worker *worker;

	enum conn_state state;
	struct stream *stream; /* owned until a tunnel takes it */
	char peer[64];         /* "127.0.0.1:5044" */
	bool refused;          /* not in access.clients: every request is answered 403 */
	struct quota_client *client; /* what its address uses; NULL: no limits */

	/* where an intercepted connection or a tunnel goes: set by CONNECT or by SNI;
	 * host "" before that */
	char host[256]; /* lower-case, no trailing dot */
	int port;
	char asked_host[46]; /* the address that a preface named; "": none came */
	int asked_port;
	bool answer_connect;  /* the CONNECT is answered when the tunnel is connected */
	bool tls;             /* towards the client, hence towards the API */
	int64_t handshake_ns; /* when the handshake with our leaf began */
	uint64_t handshake_written; /* stream->written then */
	bool asked;                 /* a byte of a request has come on it */

	struct reader reader;
	int64_t begun_ns; /* first byte of the request being read */
	struct exchange *exchange;
	struct dial *dial;
	struct tunnel *tunnel;
	bool close_after; /* the answer in progress is the last */

	struct event *timer;
	size_t discarded; /* bytes thrown away while lingering */
};

/* Takes the accepted descriptor, and client, which goes back when it ends. refused as
 * above. */
void conn_accept(struct worker *worker, int fd, const struct sockaddr *address,
    bool refused, struct quota_client *client);

/* A call or a blind tunnel begins. Returns 0, or the ns until its client may have one. */
int64_t conn_take_call(const struct conn *conn);

/* The one way a connection ends. reset: with a RST, so that the client sees a cut. */
void conn_end(struct conn *conn, bool reset);

/* For its exchange: the answer has been handed over whole; on to the next request. */
void conn_exchange_done(struct conn *conn, bool reusable);

/* Sends an answer of ours that ends the connection. On CONN_REQUEST or later, not in a
 * tunnel. */
void conn_refuse(struct conn *conn, int status, const char *code, const char *message,
    const char *extra, bool bodiless);

/* Flushes what was put in the stream, then closes without cutting it off (lingering
 * close). */
void conn_linger(struct conn *conn);

/* The client's address: peer without its port, and an IPv6 one without its brackets. */
void conn_client(const struct conn *conn, char ret_client[64]);

/* Counts what passes unrecorded on it, or not (record/coverage.h). */
void conn_note(const struct conn *conn, enum coverage_kind kind, struct slice host);

/* It may be closed now without anybody losing an answer. */
bool conn_idle(const struct conn *conn);

#endif

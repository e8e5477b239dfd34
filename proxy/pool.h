/* SPDX-License-Identifier: MIT */
/*
 * pool: connections to APIs that outlive the client connections they served.
 *
 * Thread: one worker's. Idle connections are watched: one that the API closes, or on
 * which it says something unasked, is dropped at once (RFC 9112 9.2).
 */
#ifndef PROXY_POOL_H
#define PROXY_POOL_H

#include "base/pins.h"
#include "base/slice.h"
#include "proxy/stream.h"

#include <stdbool.h>
#include <sys/queue.h>

/* One (host, port, TLS, pins), so that nothing made under other pins is ever used: its
 * idle connections and the last TLS session. */
struct origin {
	LIST_ENTRY(origin) link; /* in its bucket */
	struct pool *pool;
	char host[256]; /* lower-case */
	int port;
	bool tls;
	struct pins pins;
	SSL_SESSION *session; /* owned; NULL when there is none to resume */
	int64_t session_ns;   /* when it was noted, monotonic */
	TAILQ_HEAD(idle_list, upstream) idle; /* most recently used first */
	size_t idle_count;
	size_t users; /* idle connections and lent ones */
};

/* One connection to an origin, idle in the pool or lent to an exchange. */
struct upstream {
	TAILQ_ENTRY(upstream) link; /* in origin->idle while idle */
	struct origin *origin;
	struct stream *stream; /* owned */
	uint64_t uses;         /* calls begun on it */
	int64_t expires_ns;    /* monotonic, while idle */
};

#define POOL_BUCKETS 256

struct pool {
	LIST_HEAD(origin_list, origin) bucket[POOL_BUCKETS];
	size_t idle_count;
	size_t idle_max; /* in all */
	struct event *sweeper;
};

/* idle_max: at most so many connections are kept, for all origins together. */
int pool_init(struct pool *pool, struct event_base *base, size_t idle_max);
void pool_finish(struct pool *pool);

/* Closes every idle connection. */
void pool_drop_idle(struct pool *pool);

/* The origin's record, made when absent. NULL: no memory. Stays while it has users. */
struct origin *pool_origin(
    struct pool *pool, struct slice host, int port, bool tls, const struct pins *pins);

/* An idle connection, now lent (handler unset), or NULL. */
struct upstream *pool_take(struct origin *origin);

/* Wraps a new connection, lent. Takes the stream, also on failure (NULL). */
struct upstream *pool_adopt(struct origin *origin, struct stream *stream);

/*
 * Gives a lent connection back for others. idle_seconds: what the API said in
 * Keep-Alive: timeout=…, or 0.
 */
void pool_give(struct upstream *upstream, int64_t idle_seconds);

/* Closes a lent connection. */
void pool_discard(struct upstream *upstream);

/* Keeps the TLS session of a connection for the next handshake. */
void pool_note_session(struct upstream *upstream);

#endif

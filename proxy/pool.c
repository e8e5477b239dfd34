/* SPDX-License-Identifier: MIT */
#include "proxy/pool.h"

#include "base/clock.h"
#include "proxy/socket.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define IDLE_PER_ORIGIN 64
#define IDLE_SECONDS    55 /* under the 60 s at which common servers close */
#define SECOND          INT64_C(1000000000)

static unsigned hash_of(struct slice host, int port, bool tls)
{
	unsigned hash = 5381u + (unsigned)port * 2 + tls;

	for (size_t i = 0; i < host.len; i++) {
		hash = hash * 33 + (unsigned)tolower((unsigned char)host.ptr[i]);
	}
	return hash % POOL_BUCKETS;
}

static void forget_if_unused(struct origin *origin)
{
	if (origin->users == 0 && !origin->session) {
		LIST_REMOVE(origin, link);
		free(origin);
	}
}

static void destroy(struct upstream *upstream)
{
	struct origin *origin = upstream->origin;

	stream_destroy(upstream->stream, false);
	free(upstream);
	origin->users--;
	forget_if_unused(origin);
}

static void drop_idle(struct upstream *upstream)
{
	TAILQ_REMOVE(&upstream->origin->idle, upstream, link);
	upstream->origin->idle_count--;
	upstream->origin->pool->idle_count--;
	destroy(upstream);
}

/* An idle connection has nothing to say: whatever happens, it is of no more use. */
static void on_idle(struct stream *stream, enum stream_event event, void *owner)
{
	(void)stream;
	if (event != STREAM_WRITTEN) {
		drop_idle(owner);
	}
}

/* Drops the session of an origin that nobody uses once it could not be resumed any more.
 */
static void drop_stale_session(struct origin *origin)
{
	if (origin->session && origin->users == 1 && /* the sweeper itself */
	    origin->session_ns + SSL_SESSION_get_timeout(origin->session) * SECOND <
	        mono_ns()) {
		SSL_SESSION_free(origin->session);
		origin->session = NULL;
	}
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	int64_t now = mono_ns();

	(void)fd;
	(void)what;
	for (size_t i = 0; i < POOL_BUCKETS; i++) {
		struct origin *origin = LIST_FIRST(&pool->bucket[i]);

		while (origin) {
			struct origin *next = LIST_NEXT(origin, link);
			struct upstream *last = TAILQ_LAST(&origin->idle, idle_list);

			origin->users++; /* so that it stays while we look at it */
			while (last && last->expires_ns <= now) {
				drop_idle(last);
				last = TAILQ_LAST(&origin->idle, idle_list);
			}
			drop_stale_session(origin);
			origin->users--;
			forget_if_unused(origin);
			origin = next;
		}
	}
}

int pool_init(struct pool *pool, struct event_base *base, size_t idle_max)
{
	struct timeval second = { .tv_sec = 1 };

	for (size_t i = 0; i < POOL_BUCKETS; i++) {
		LIST_INIT(&pool->bucket[i]);
	}
	pool->idle_count = 0;
	pool->idle_max = idle_max;
	pool->sweeper = event_new(base, -1, EV_PERSIST, on_sweep, pool);
	if (!pool->sweeper || event_add(pool->sweeper, &second) != 0) {
		return -ENOMEM;
	}
	return 0;
}

void pool_drop_idle(struct pool *pool)
{
	for (size_t i = 0; i < POOL_BUCKETS; i++) {
		struct origin *origin = LIST_FIRST(&pool->bucket[i]);

		while (origin) {
			struct origin *next = LIST_NEXT(origin, link);

			origin->users++;
			while (!TAILQ_EMPTY(&origin->idle)) {
				drop_idle(TAILQ_FIRST(&origin->idle));
			}
			origin->users--;
			SSL_SESSION_free(origin->session);
			origin->session = NULL;
			forget_if_unused(origin);
			origin = next;
		}
	}
}

void pool_finish(struct pool *pool)
{
	pool_drop_idle(pool);
	if (pool->sweeper) {
		event_free(pool->sweeper);
		pool->sweeper = NULL;
	}
}

struct origin *pool_origin(
    struct pool *pool, struct slice host, int port, bool tls, const struct pins *pins)
{
	unsigned bucket = hash_of(host, port, tls);
	struct origin *origin;

	LIST_FOREACH(origin, &pool->bucket[bucket], link) {
		if (origin->port == port && origin->tls == tls &&
		    slice_ieq(slice_of(origin->host), host) &&
		    pins_equal(&origin->pins, pins)) {
			return origin;
		}
	}
	origin = calloc(1, sizeof(*origin));
	if (!origin) {
		return NULL;
	}
	origin->pool = pool;
	(void)snprintf(origin->host, sizeof(origin->host), "%.*s", SLICE_ARG(host));
	for (char *c = origin->host; *c; c++) {
		*c = (char)tolower((unsigned char)*c);
	}
	origin->port = port;
	origin->tls = tls;
	origin->pins = *pins;
	TAILQ_INIT(&origin->idle);
	LIST_INSERT_HEAD(&pool->bucket[bucket], origin, link);
	return origin;
}

struct upstream *pool_take(struct origin *origin)
{
	struct upstream *upstream = TAILQ_FIRST(&origin->idle);

	if (!upstream) {
		return NULL;
	}
	TAILQ_REMOVE(&origin->idle, upstream, link);
	origin->idle_count--;
	origin->pool->idle_count--;
	upstream->uses++;
	return upstream;
}

struct upstream *pool_adopt(struct origin *origin, struct stream *stream)
{
	struct upstream *upstream = calloc(1, sizeof(*upstream));

	if (!upstream) {
		stream_destroy(stream, false);
		return NULL;
	}
	upstream->origin = origin;
	upstream->stream = stream;
	upstream->uses = 1;
	origin->users++;
	return upstream;
}

void pool_give(struct upstream *upstream, int64_t idle_seconds)
{
	struct origin *origin = upstream->origin;
	struct pool *pool = origin->pool;

	/* one second less than the API promised, so that we close first */
	idle_seconds = idle_seconds > 0 && idle_seconds <= IDLE_SECONDS ? idle_seconds - 1
	                                                                : IDLE_SECONDS;
	if (origin->idle_count >= IDLE_PER_ORIGIN || pool->idle_count >= pool->idle_max ||
	    idle_seconds < 1) {
		destroy(upstream);
		return;
	}
	upstream->expires_ns = mono_ns() + idle_seconds * SECOND;
	TAILQ_INSERT_HEAD(&origin->idle, upstream, link);
	origin->idle_count++;
	pool->idle_count++;
	stream_hand_over(upstream->stream, on_idle, upstream);
	stream_read_enable(upstream->stream, true);
}

void pool_discard(struct upstream *upstream)
{
	destroy(upstream);
}

void pool_note_session(struct upstream *upstream)
{
	struct origin *origin = upstream->origin;
	SSL_SESSION *session =
	    upstream->stream->ssl ? SSL_get1_session(upstream->stream->ssl) : NULL;

	if (session && SSL_SESSION_is_resumable(session)) {
		SSL_SESSION_free(origin->session);
		origin->session = session;
		origin->session_ns = mono_ns();
	} else {
		SSL_SESSION_free(session);
	}
}

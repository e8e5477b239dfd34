/* SPDX-License-Identifier: MIT */
/*
 * worker: one thread with its own event base, listener, resolver and upstream pool.
 * Workers share nothing that changes but the CA's leaf cache.
 *
 * safety  everything in here is touched by the worker's own thread only, except the
 * mailbox.
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include "proxy/pool.h"
#include "proxy/proxy.h"
#include "proxy/reaper.h"
#include "proxy/settings.h"

#include <event2/dns.h>
#include <pthread.h>
#include <stdatomic.h>

struct conn;
struct worker;

/* Something for a worker to do; embedded in what it concerns. */
struct letter {
	struct letter *next;
	void (*open)(
	    struct worker *worker, struct letter *letter); /* on the worker's thread */
};

struct worker {
	struct proxy *proxy;
	const struct proxy_settings *settings;
	struct ca *ca;
	struct upstream_tls *upstream_tls;
	struct recorder *recorder;

	pthread_t thread;
	bool started;
	struct event_base *base;
	struct evdns_base *dns;
	struct reaper reaper;
	struct pool pool;
	struct stream_budget budget; /* of all streams, and of captures in flight */
	struct route_table *table;   /* counted */

	int listen_fd;
	struct event *accepting;
	struct event *pause; /* accept again after EMFILE */

	TAILQ_HEAD(conn_list, conn) conns;
	size_t conn_count;
	atomic_size_t *clients; /* of all workers; borrowed */
	size_t clients_max;
	struct tls_rejects *rejects; /* borrowed */
	struct quota *quota;         /* borrowed */
	size_t tickets; /* rows that exchanges of this worker wait, or waited, for */
	bool draining;
	struct event *drain_timer;
	int64_t drain_deadline_ns;

	pthread_mutex_t mail_lock; /* guards mail_first, mail_last */
	struct letter *mail_first;
	struct letter **mail_last;
	int mail_fd;
	struct event *mail_event;
};

/* Takes listen_fd, also on failure. table is counted. */
MUST_CHECK int worker_init(struct worker *worker, struct proxy *proxy, int listen_fd,
    struct route_table *table, struct err *err);
MUST_CHECK int worker_start(struct worker *worker, struct err *err);

/* Waits for the thread to end. */
void worker_join(struct worker *worker);

/* After worker_join: frees everything. */
void worker_finish(struct worker *worker);

/* Any thread. The letter is opened on the worker's thread, in the order posted. */
void worker_post(struct worker *worker, struct letter *letter);

/* Stop accepting, let calls end until the deadline. On the worker's thread. */
void worker_drain(struct worker *worker, int64_t deadline_ns);

#endif

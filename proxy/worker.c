/* SPDX-License-Identifier: MIT */
#include "proxy/worker.h"

#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "proxy/access.h"
#include "proxy/conn.h"
#include "proxy/exchange.h"
#include "proxy/quota.h"
#include "proxy/reply.h"
#include "proxy/socket.h"
#include "routes/routes.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_TURNS   64 /* per wake-up, so that accepting starves nobody */
#define PAUSE_NS       INT64_C(100000000) /* after EMFILE: A6 */
#define DRAIN_CHECK_NS INT64_C(100000000)
#define IDLE_MAX       512

/*
 * Full house: said in a status line, since some clients reconnect at once without one.
 * What the client has sent is taken first, else the kernel answers the close with a reset
 * that overtakes the words.
 */
static void turn_away(int fd, enum counter counter, const char *why)
{
	struct evbuffer *answer = evbuffer_new();
	char discarded[4096];

	counter_add(counter, 1);
	if (answer) {
		reply_put_error(answer, 503, "TOO_MANY_CONNECTIONS", why,
		    "Connection: close\r\n", false);
		(void)evbuffer_write(answer, fd);
		evbuffer_free(answer);
	}
	(void)shutdown(fd, SHUT_WR);
	for (int turn = 0; turn < 4 && recv(fd, discarded, sizeof(discarded), 0) > 0;
	     turn++) {
	}
	(void)close(fd);
}

static void accept_one(struct worker *worker, int fd, const struct sockaddr *address)
{
	bool refused = !access_client(worker->settings, address);
	struct quota_client *client = NULL;

	counter_add(COUNTER_CLIENTS_ACCEPTED, 1);
	if (refused) {
		counter_add(COUNTER_CLIENTS_REFUSED, 1);
	}
	if (atomic_load_explicit(worker->clients, memory_order_relaxed) >=
	    worker->clients_max) {
		turn_away(fd, COUNTER_CLIENTS_TURNED_AWAY,
		    "waybill serves as many connections as it may: limits.connections, or "
		    "half of its file descriptors (ulimit -n)");
	} else if (!quota_enter(worker->quota, address, mono_ns(), &client)) {
		turn_away(fd, COUNTER_CLIENTS_LIMITED,
		    "your address has as many connections to waybill as one may have: "
		    "limits.client_connections");
	} else {
		conn_accept(worker, fd, address, refused, client);
	}
}

static void on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct worker *worker = arg;

	(void)what;
	for (int turn = 0; turn < ACCEPT_TURNS; turn++) {
		struct sockaddr_storage address;
		socklen_t len = sizeof(address);
		int fd = accept4(listener, (struct sockaddr *)&address, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			accept_one(worker, fd, (struct sockaddr *)&address);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		           errno == ENOMEM) {
			(void)event_del(worker->accepting);
			socket_timer(worker->pause, PAUSE_NS);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;

	(void)fd;
	(void)what;
	if (!worker->draining) {
		(void)event_add(worker->accepting, NULL);
	}
}

static struct letter *take_mail(struct worker *worker)
{
	struct letter *first;

	(void)pthread_mutex_lock(&worker->mail_lock);
	first = worker->mail_first;
	worker->mail_first = NULL;
	worker->mail_last = &worker->mail_first;
	(void)pthread_mutex_unlock(&worker->mail_lock);
	return first;
}

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	struct letter *letter;
	eventfd_t count;

	(void)what;
	(void)eventfd_read(fd, &count);
	letter = take_mail(worker);
	while (letter) {
		struct letter *next = letter->next;

		letter->open(worker, letter);
		letter = next;
	}
}

void worker_post(struct worker *worker, struct letter *letter)
{
	bool first;

	letter->next = NULL;
	(void)pthread_mutex_lock(&worker->mail_lock);
	first = worker->mail_first == NULL;
	*worker->mail_last = letter;
	worker->mail_last = &letter->next;
	(void)pthread_mutex_unlock(&worker->mail_lock);
	if (first) {
		(void)eventfd_write(worker->mail_fd, 1);
	}
}

/* Closes what nobody waits on; at the deadline, everything. Ends the loop when all is
 * gone. */
static void on_drain(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	bool late = mono_ns() >= worker->drain_deadline_ns;
	struct conn *conn = TAILQ_FIRST(&worker->conns);

	(void)fd;
	(void)what;
	while (conn) {
		struct conn *next = TAILQ_NEXT(conn, link);

		if (late && conn->state == CONN_EXCHANGE) {
			exchange_stop(conn->exchange, OUTCOME_PROXY_STOPPED);
		} else if (conn_idle(conn) || (late && conn->state != CONN_LINGER) ||
		           mono_ns() >= worker->drain_deadline_ns + INT64_C(1000000000)) {
			conn_end(conn, false);
		}
		conn = next;
	}
	if (worker->conn_count == 0 && worker->tickets == 0) {
		(void)event_base_loopbreak(worker->base);
		return;
	}
	socket_timer(worker->drain_timer, DRAIN_CHECK_NS);
}

void worker_drain(struct worker *worker, int64_t deadline_ns)
{
	worker->drain_deadline_ns = deadline_ns;
	if (!worker->draining) {
		worker->draining = true;
		(void)event_del(worker->accepting);
		(void)event_del(worker->pause);
		(void)close(worker->listen_fd);
		worker->listen_fd = -1;
		pool_drop_idle(&worker->pool);
	}
	event_active(worker->drain_timer, EV_TIMEOUT, 0);
}

/* Connections to APIs kept open without need: never more than there could be clients. */
static size_t idle_limit(const struct worker *worker)
{
	size_t share = worker->clients_max / (size_t)worker->settings->workers;

	return share < IDLE_MAX ? share : IDLE_MAX;
}

static int make_events(struct worker *worker, struct err *err)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config) { /* only the worker's own thread touches its base */
		(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		base = event_base_new_with_config(config);
		event_config_free(config);
	}
	worker->base = base;
	if (!base) {
		return err_set(err, ENOMEM, "cannot make an event loop: out of memory");
	}
	worker->dns = evdns_base_new(
	    base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	worker->accepting =
	    event_new(base, worker->listen_fd, EV_READ | EV_PERSIST, on_accept, worker);
	worker->pause = event_new(base, -1, 0, on_pause_over, worker);
	worker->drain_timer = event_new(base, -1, 0, on_drain, worker);
	worker->mail_event =
	    event_new(base, worker->mail_fd, EV_READ | EV_PERSIST, on_mail, worker);
	if (!worker->dns || !worker->accepting || !worker->pause ||
	    !worker->drain_timer || !worker->mail_event ||
	    reaper_init(&worker->reaper, base) != 0 ||
	    pool_init(&worker->pool, base, idle_limit(worker)) != 0 ||
	    event_add(worker->accepting, NULL) != 0 ||
	    event_add(worker->mail_event, NULL) != 0) {
		return err_set(err, ENOMEM,
		    "cannot set up a worker: out of memory, or %s is "
		    "unreadable",
		    "/etc/resolv.conf");
	}
	return 0;
}

/* Its share of limits.memory, and half of limits.buffer for each of two streams. */
static void init_budget(struct worker *worker)
{
	const struct proxy_limits *limits = &worker->settings->limits;

	worker->budget = (struct stream_budget){
		.high = (size_t)limits->buffer / 2,
		.low = (size_t)limits->buffer / 8,
		.limit = (size_t)limits->memory / (size_t)worker->settings->workers,
	};
}

int worker_init(struct worker *worker, struct proxy *proxy, int listen_fd,
    struct route_table *table, struct err *err)
{
	worker->proxy = proxy;
	worker->listen_fd = listen_fd;
	worker->table = route_table_ref(table);
	init_budget(worker);
	TAILQ_INIT(&worker->conns);
	(void)pthread_mutex_init(&worker->mail_lock, NULL);
	worker->mail_last = &worker->mail_first;
	worker->mail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (worker->mail_fd < 0) {
		return err_set(err, errno, "cannot make an eventfd: %s", strerror(errno));
	}
	return make_events(worker, err);
}

static void *run(void *arg)
{
	struct worker *worker = arg;

	(void)event_base_loop(worker->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

int worker_start(struct worker *worker, struct err *err)
{
	int error = pthread_create(&worker->thread, NULL, run, worker);

	if (error != 0) {
		return err_set(
		    err, error, "cannot start a worker thread: %s", strerror(error));
	}
	worker->started = true;
	return 0;
}

static void free_event(struct event *event)
{
	if (event) {
		event_free(event);
	}
}

void worker_join(struct worker *worker)
{
	if (worker->started) {
		(void)pthread_join(worker->thread, NULL);
	}
}

void worker_finish(struct worker *worker)
{
	if (worker->mail_fd >= 0) {
		on_mail(worker->mail_fd, EV_READ, worker); /* what came too late */
	}
	if (worker->pool.sweeper) {
		pool_finish(&worker->pool);
	}
	if (worker->dns) {
		evdns_base_free(worker->dns, 1);
	}
	if (worker->base) {
		/* what was cancelled calls back once more */
		(void)event_base_loop(worker->base, EVLOOP_NONBLOCK);
		if (worker->reaper.event) {
			reaper_finish(&worker->reaper);
		}
	}
	free_event(worker->accepting);
	free_event(worker->pause);
	free_event(worker->drain_timer);
	free_event(worker->mail_event);
	if (worker->base) {
		event_base_free(worker->base);
	}
	if (worker->listen_fd >= 0) {
		(void)close(worker->listen_fd);
	}
	if (worker->mail_fd >= 0) {
		(void)close(worker->mail_fd);
	}
	route_table_unref(worker->table);
	(void)pthread_mutex_destroy(&worker->mail_lock);
}

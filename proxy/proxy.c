/* SPDX-License-Identifier: MIT */
#include "proxy/proxy.h"

#include "base/clock.h"
#include "base/listener.h"
#include "proxy/quota.h"
#include "proxy/socket.h"
#include "proxy/tls_reject.h"
#include "proxy/worker.h"
#include "routes/routes.h"

#include <errno.h>
#include <event2/thread.h>
#include <http_parser.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct proxy {
	struct worker *workers;
	int count; /* initialised ones */
	int port;
	pthread_mutex_t lock;  /* guards workers' `started` against proxy_hurry */
	atomic_size_t clients; /* connections of all workers */
	size_t clients_max;
	struct tls_rejects *rejects; /* owned */
	struct quota *quota;         /* owned */
};

/* A letter that changes the table of one worker. */
struct reload {
	struct letter letter;
	struct route_table *table; /* counted */
};

struct drain {
	struct letter letter;
	int64_t deadline_ns;
};

/* Half of the descriptors for clients, half for APIs, a few for everything else. */
static size_t count_clients(const struct proxy_settings *settings)
{
	size_t wanted = (size_t)settings->limits.connections;
	size_t possible = 10000;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
		possible = limit.rlim_cur > 128 ? (size_t)(limit.rlim_cur - 64) / 2
		                                : (size_t)limit.rlim_cur / 8 + 1;
	}
	return wanted > 0 && wanted < possible ? wanted : possible;
}

static int add_worker(
    struct proxy *proxy, const struct proxy_parts *parts, struct err *err)
{
	struct worker *worker = &proxy->workers[proxy->count];
	int fd =
	    listener_open("listen", parts->settings->listen_host, proxy->port, true, err);

	if (fd < 0) {
		return fd;
	}
	if (proxy->port == 0) {
		proxy->port = listener_port(fd);
	}
	worker->settings = parts->settings;
	worker->ca = parts->ca;
	worker->upstream_tls = parts->upstream_tls;
	worker->recorder = parts->recorder;
	worker->clients = &proxy->clients;
	worker->clients_max = proxy->clients_max;
	worker->rejects = proxy->rejects;
	worker->quota = proxy->quota;
	proxy->count++;
	return worker_init(worker, proxy, fd, parts->table, err);
}

static int start_all(
    struct proxy *proxy, const struct proxy_parts *parts, struct err *err)
{
	int rc = 0;

	for (int i = 0; i < parts->settings->workers && rc == 0; i++) {
		rc = add_worker(proxy, parts, err);
	}
	for (int i = 0; i < proxy->count && rc == 0; i++) {
		rc = worker_start(&proxy->workers[i], err);
	}
	return rc;
}

int proxy_start(
    const struct proxy_parts *parts, struct proxy **ret_proxy, struct err *err)
{
	struct proxy *proxy = calloc(1, sizeof(*proxy));
	int rc = evthread_use_pthreads(); /* the resolver's random numbers are shared */

	if (!proxy || rc != 0) {
		free(proxy);
		return err_set(err, ENOMEM, "out of memory");
	}
	(void)pthread_mutex_init(&proxy->lock, NULL);
	proxy->port = parts->settings->listen_port;
	proxy->clients_max = count_clients(parts->settings);
	proxy->rejects = tls_rejects_create();
	proxy->quota = quota_create(&parts->settings->limits);
	proxy->workers =
	    calloc((size_t)parts->settings->workers, sizeof(*proxy->workers));
	/* the gate is the judge of that; http-parser has a bound of its own, for all */
	http_parser_set_max_header_size(UINT32_MAX);
	if (!proxy->workers || !proxy->rejects || !proxy->quota) {
		proxy_destroy(proxy);
		return err_set(err, ENOMEM, "out of memory");
	}
	if (proxy->port != 0) {
		/* another waybill may share the port without a word: ask for it alone
		 * first */
		rc = listener_open(
		    "listen", parts->settings->listen_host, proxy->port, false, err);
		if (rc < 0) {
			proxy_destroy(proxy);
			return rc;
		}
		(void)close(rc);
	}
	rc = start_all(proxy, parts, err);
	if (rc != 0) {
		proxy_stop(proxy, 0);
		proxy_destroy(proxy);
		return rc;
	}
	*ret_proxy = proxy;
	return 0;
}

int proxy_port(const struct proxy *proxy)
{
	return proxy->port;
}

static void open_reload(struct worker *worker, struct letter *letter)
{
	struct reload *reload = (struct reload *)letter;

	route_table_unref(worker->table);
	worker->table = reload->table;
	free(reload);
}

void proxy_reload(struct proxy *proxy, struct route_table *table)
{
	for (int i = 0; i < proxy->count; i++) {
		struct reload *reload = calloc(1, sizeof(*reload));

		if (!reload) {
			continue; /* that worker keeps the old table until the next reload
			           */
		}
		reload->letter.open = open_reload;
		reload->table = route_table_ref(table);
		worker_post(&proxy->workers[i], &reload->letter);
	}
}

static void open_drain(struct worker *worker, struct letter *letter)
{
	struct drain *drain = (struct drain *)letter;

	worker_drain(worker, drain->deadline_ns);
	free(drain);
}

static void post_drain(struct proxy *proxy, int64_t deadline_ns)
{
	(void)pthread_mutex_lock(&proxy->lock);
	for (int i = 0; i < proxy->count; i++) {
		struct drain *drain;

		if (!proxy->workers[i].started) {
			continue;
		}
		drain = calloc(1, sizeof(*drain));
		if (!drain) {
			abort(); /* no way to stop in order; what is stored is safe */
		}
		drain->letter.open = open_drain;
		drain->deadline_ns = deadline_ns;
		worker_post(&proxy->workers[i], &drain->letter);
	}
	(void)pthread_mutex_unlock(&proxy->lock);
}

void proxy_hurry(struct proxy *proxy)
{
	post_drain(proxy, 0);
}

void proxy_stop(struct proxy *proxy, int64_t grace_ns)
{
	post_drain(proxy, mono_ns() + grace_ns);
	for (int i = 0; i < proxy->count; i++) {
		worker_join(&proxy->workers[i]);
		(void)pthread_mutex_lock(&proxy->lock);
		proxy->workers[i].started = false;
		(void)pthread_mutex_unlock(&proxy->lock);
		worker_finish(&proxy->workers[i]);
	}
}

void proxy_destroy(struct proxy *proxy)
{
	if (proxy) {
		(void)pthread_mutex_destroy(&proxy->lock);
		tls_rejects_destroy(proxy->rejects);
		quota_destroy(proxy->quota);
		free(proxy->workers);
		free(proxy);
	}
}

/* SPDX-License-Identifier: MIT */
#include "proxy/dial.h"

#include "base/clock.h"
#include "base/counter.h"
#include "proxy/access.h"
#include "proxy/proxy.h"
#include "proxy/socket.h"
#include "proxy/worker.h"
#include "tls/upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/dns.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ADDRESSES_MAX 8

/* Outlives its dial when that is cancelled: libevent calls back even then. */
struct query {
	struct dial *dial; /* NULL: nobody waits any more */
	struct evdns_getaddrinfo_request *request;
};

struct dial {
	struct grave grave;
	struct worker *worker;
	dial_done *done;
	void *owner;

	char host[256]; /* what the certificate must name */
	bool tls;
	struct pins pins;
	SSL_SESSION *session; /* owned */
	bool exempt;          /* named in connect_to: any address will do */
	char target[256];     /* what is resolved */
	int port;

	struct query *query; /* under way, or NULL */
	struct sockaddr_storage address[ADDRESSES_MAX];
	size_t address_count;
	size_t address_next;
	bool denied; /* an address was refused by access */

	int fd;
	struct event *connecting;
	struct event *timer;
	struct stream *stream;
	int64_t deadline_ns;
	struct dial_result result;
	bool dead;
};

static void try_next(struct dial *dial);

static void bury(struct grave *grave)
{
	struct dial *dial = (struct dial *)grave;

	SSL_SESSION_free(dial->session);
	free(dial);
}

/* Lets go of everything that could still call back. */
static void release(struct dial *dial)
{
	dial->dead = true;
	if (dial->query) {
		struct query *query = dial->query;

		dial->query = NULL;
		query->dial = NULL;
		evdns_getaddrinfo_cancel(
		    query->request); /* frees query, in its callback */
	}
	if (dial->connecting) {
		event_free(dial->connecting);
		dial->connecting = NULL;
	}
	if (dial->timer) {
		event_free(dial->timer);
		dial->timer = NULL;
	}
	if (dial->fd >= 0) {
		(void)close(dial->fd);
		dial->fd = -1;
	}
	reaper_add(&dial->worker->reaper, &dial->grave, bury);
}

static void finish(struct dial *dial, enum outcome outcome)
{
	struct stream *stream = dial->stream;

	if (dial->dead) {
		return;
	}
	dial->stream = NULL;
	dial->result.outcome = outcome;
	release(dial);
	if (outcome != OUTCOME_ANSWERED) {
		stream_destroy(stream, false);
		stream = NULL;
	}
	dial->done(dial->owner, stream, &dial->result);
}

void dial_cancel(struct dial *dial)
{
	if (!dial || dial->dead) {
		return;
	}
	stream_destroy(dial->stream, false);
	dial->stream = NULL;
	release(dial);
}

static void on_stream(struct stream *stream, enum stream_event event, void *owner)
{
	struct dial *dial = owner;
	enum outcome outcome = OUTCOME_TLS_FAILED;

	if (event == STREAM_SECURED) {
		dial->result.secured_ns = mono_ns();
		finish(dial, OUTCOME_ANSWERED);
		return;
	}
	if (event != STREAM_FAILED && event != STREAM_EOF) {
		return;
	}
	switch (upstream_tls_failure(
	    stream->ssl, dial->result.detail, sizeof(dial->result.detail))) {
	case TLS_FAILURE_EXPIRED:
		outcome = OUTCOME_TLS_CERT_EXPIRED;
		break;
	case TLS_FAILURE_HOSTNAME:
		outcome = OUTCOME_TLS_CERT_HOSTNAME;
		break;
	case TLS_FAILURE_UNTRUSTED:
		outcome = OUTCOME_TLS_CERT_UNTRUSTED;
		break;
	case TLS_FAILURE_OTHER:
		break;
	}
	if (outcome == OUTCOME_TLS_FAILED && stream->error == ECONNRESET) {
		(void)snprintf(dial->result.detail, sizeof(dial->result.detail),
		    "the connection was closed during the handshake");
	}
	finish(dial, outcome);
}

/* TCP is there: on to TLS, or done. */
static void on_connected(struct dial *dial)
{
	struct err err;
	SSL *ssl = NULL;

	dial->result.connected_ns = mono_ns();
	dial->stream = stream_create(dial->worker->base, &dial->worker->reaper,
	    &dial->worker->budget, dial->fd, on_stream, dial);
	dial->fd = -1;
	if (!dial->stream) {
		finish(dial, OUTCOME_CONNECT_REFUSED);
		return;
	}
	if (!dial->tls) {
		finish(dial, OUTCOME_ANSWERED);
		return;
	}
	if (upstream_tls_new(dial->worker->upstream_tls, slice_of(dial->host),
	        &dial->pins, dial->session, &ssl, &err) != 0) {
		(void)snprintf(
		    dial->result.detail, sizeof(dial->result.detail), "%.511s", err.text);
		finish(dial, OUTCOME_TLS_FAILED);
		return;
	}
	if (stream_start_tls(dial->stream, ssl, false) != 0) {
		finish(dial, OUTCOME_TLS_FAILED);
		return;
	}
	socket_timer(dial->timer, dial->worker->settings->connect_timeout_ns);
}

static void note_errno(struct dial *dial, int error)
{
	char text[64] = "";

	(void)socket_address_text(
	    (const struct sockaddr *)&dial->address[dial->address_next - 1], text,
	    sizeof(text));
	(void)snprintf(dial->result.detail, sizeof(dial->result.detail), "%s: %s", text,
	    strerror(error));
	dial->result.unreachable =
	    error == ENETUNREACH || error == EHOSTUNREACH || error == EADDRNOTAVAIL;
}

static void on_connect_event(evutil_socket_t fd, short what, void *arg)
{
	struct dial *dial = arg;
	socklen_t len = sizeof(int);
	int error = 0;

	event_free(dial->connecting);
	dial->connecting = NULL;
	if (what & EV_TIMEOUT) {
		error = ETIMEDOUT;
	} else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
		error = errno;
	}
	if (error == 0) {
		on_connected(dial);
		return;
	}
	note_errno(dial, error);
	dial->result.outcome =
	    error == ETIMEDOUT ? OUTCOME_CONNECT_TIMEOUT : OUTCOME_CONNECT_REFUSED;
	(void)close(dial->fd);
	dial->fd = -1;
	try_next(dial);
}

/* Each address gets its share of the time that is left, so that a dead one costs not all.
 */
static int connect_one(struct dial *dial, const struct sockaddr_storage *address)
{
	int64_t left = dial->deadline_ns - mono_ns();
	struct timeval share;

	left /= (int64_t)(dial->address_count - dial->address_next + 1);
	if (left < 1000000) {
		return -ETIMEDOUT;
	}
	dial->fd = socket_connect((const struct sockaddr *)address);
	if (dial->fd == -EMFILE || dial->fd == -ENFILE) {
		/* rather a new connection than one that may be of use some time */
		pool_drop_idle(&dial->worker->pool);
		dial->fd = socket_connect((const struct sockaddr *)address);
	}
	if (dial->fd < 0) {
		int error = dial->fd;

		dial->fd = -1;
		return error;
	}
	share = socket_timeval(left);
	dial->connecting =
	    event_new(dial->worker->base, dial->fd, EV_WRITE, on_connect_event, dial);
	if (!dial->connecting || event_add(dial->connecting, &share) != 0) {
		return -ENOMEM;
	}
	return 0;
}

static void try_next(struct dial *dial)
{
	while (dial->address_next < dial->address_count) {
		struct sockaddr_storage *address = &dial->address[dial->address_next++];
		int error = connect_one(dial, address);

		if (error == 0) {
			return;
		}
		note_errno(dial, -error);
		dial->result.outcome = error == -ETIMEDOUT ? OUTCOME_CONNECT_TIMEOUT
		                                           : OUTCOME_CONNECT_REFUSED;
	}
	if (dial->result.outcome == OUTCOME_ANSWERED) {
		dial->result.outcome =
		    dial->denied ? OUTCOME_UPSTREAM_DENIED : OUTCOME_DNS_FAILED;
	}
	finish(dial, dial->result.outcome);
}

static void set_port(struct sockaddr_storage *address, int port)
{
	if (address->ss_family == AF_INET) {
		((struct sockaddr_in *)(void *)address)->sin_port = htons((uint16_t)port);
	} else {
		((struct sockaddr_in6 *)(void *)address)->sin6_port =
		    htons((uint16_t)port);
	}
}

/* Keeps an address that may be connected to; the very bytes judged here are those used.
 */
static void keep_address(struct dial *dial, const struct sockaddr *address, size_t len)
{
	if (dial->address_count == ADDRESSES_MAX || len > sizeof(dial->address[0]) ||
	    (address->sa_family != AF_INET && address->sa_family != AF_INET6)) {
		return;
	}
	if (!dial->exempt && !access_address(dial->worker->settings, address)) {
		dial->denied = true;
		(void)snprintf(dial->result.detail, sizeof(dial->result.detail),
		    "%s resolves to a private address; access.private_upstreams or "
		    "upstream.connect_to would allow it",
		    dial->target);
		return;
	}
	if (!dial->exempt && access_own(dial->worker->settings,
	                         proxy_port(dial->worker->proxy), address, dial->port)) {
		dial->denied = true;
		(void)snprintf(dial->result.detail, sizeof(dial->result.detail),
		    "%s is waybill itself", dial->target);
		return;
	}
	memcpy(&dial->address[dial->address_count], address, len);
	set_port(&dial->address[dial->address_count], dial->port);
	dial->address_count++;
}

static void on_resolved(int error, struct evutil_addrinfo *list, void *arg)
{
	struct query *query = arg;
	struct dial *dial = query->dial;

	free(query);
	if (!dial) {
		if (list) {
			evutil_freeaddrinfo(list);
		}
		return;
	}
	dial->query = NULL;
	if (error != 0) {
		(void)snprintf(dial->result.detail, sizeof(dial->result.detail), "%s: %s",
		    dial->target, evutil_gai_strerror(error));
		finish(dial, OUTCOME_DNS_FAILED);
		return;
	}
	dial->result.resolved_ns = mono_ns();
	/* IPv4 first: where IPv6 is announced but dead, no call waits for it */
	for (int pass = 0; pass < 2; pass++) {
		for (struct evutil_addrinfo *at = list; at; at = at->ai_next) {
			if ((at->ai_family == AF_INET) == (pass == 0)) {
				keep_address(dial, at->ai_addr, at->ai_addrlen);
			}
		}
	}
	evutil_freeaddrinfo(list);
	try_next(dial);
}

static void start_query(struct dial *dial)
{
	struct evutil_addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = EVUTIL_AI_ADDRCONFIG,
	};
	struct query *query = calloc(1, sizeof(*query));
	struct evdns_getaddrinfo_request *request;

	if (!query) {
		finish(dial, OUTCOME_DNS_FAILED);
		return;
	}
	query->dial = dial;
	dial->query = query;
	request = evdns_getaddrinfo(
	    dial->worker->dns, dial->target, NULL, &hints, on_resolved, query);
	/* NULL: answered at once (from the hosts file); query and perhaps dial are gone
	 */
	if (request) {
		query->request = request;
	}
}

static bool take_literal(struct dial *dial)
{
	struct sockaddr_storage address;
	int len = sizeof(address);
	char text[300];

	memset(&address, 0, sizeof(address));
	(void)snprintf(
	    text, sizeof(text), strchr(dial->target, ':') ? "[%s]" : "%s", dial->target);
	if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&address, &len) != 0) {
		return false;
	}
	keep_address(dial, (struct sockaddr *)&address, (size_t)len);
	return true;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct dial *dial = arg;

	(void)fd;
	(void)what;
	if (dial->result.dialled_ns == 0) { /* the first turn: begin */
		dial->result.dialled_ns = mono_ns();
		dial->deadline_ns =
		    dial->result.dialled_ns + dial->worker->settings->connect_timeout_ns;
		socket_timer(dial->timer, dial->worker->settings->connect_timeout_ns);
		if (take_literal(dial)) {
			try_next(dial);
		} else {
			start_query(dial);
		}
		return;
	}
	if (dial->stream) {
		(void)snprintf(dial->result.detail, sizeof(dial->result.detail),
		    "the TLS handshake took longer than upstream.connect_timeout");
		finish(dial, OUTCOME_TLS_FAILED);
	} else if (dial->result.resolved_ns == 0 && dial->query) {
		(void)snprintf(dial->result.detail, sizeof(dial->result.detail),
		    "%s: the name servers did not answer in time", dial->target);
		finish(dial, OUTCOME_DNS_FAILED);
	} else {
		finish(dial, OUTCOME_CONNECT_TIMEOUT);
	}
}

struct dial *dial_start(struct worker *worker, const struct dial_request *request,
    dial_done *done, void *owner)
{
	const struct connect_to *other =
	    access_connect_to(worker->settings, request->host, request->port);
	struct dial *dial = calloc(1, sizeof(*dial));

	if (!dial) {
		return NULL;
	}
	dial->worker = worker;
	dial->done = done;
	dial->owner = owner;
	dial->fd = -1;
	dial->tls = request->tls;
	if (request->pins) {
		dial->pins = *request->pins;
	}
	(void)snprintf(dial->host, sizeof(dial->host), "%.*s", SLICE_ARG(request->host));
	dial->exempt = other != NULL;
	(void)snprintf(dial->target, sizeof(dial->target), "%s",
	    other && other->target_host[0] ? other->target_host : dial->host);
	dial->port = other && other->target_port ? other->target_port : request->port;
	if (request->session && SSL_SESSION_up_ref(request->session)) {
		dial->session = request->session;
	}
	dial->timer = event_new(worker->base, -1, 0, on_timer, dial);
	if (!dial->timer) {
		SSL_SESSION_free(dial->session);
		free(dial);
		return NULL;
	}
	counter_add(COUNTER_UPSTREAM_CONNECTS, 1);
	event_active(dial->timer, EV_TIMEOUT, 0);
	return dial;
}

/* SPDX-License-Identifier: MIT */
/*
 * exchange_start: how an exchange begins and gets its connection.
 */
#include "base/clock.h"
#include "base/counter.h"
#include "base/fields.h"
#include "proxy/exchange_private.h"
#include "proxy/head.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static void on_dialled(
    void *owner, struct stream *stream, const struct dial_result *result)
{
	struct exchange *exchange = owner;
	struct worker *worker = exchange->worker;
	struct origin *origin;

	exchange->dial = NULL;
	if (exchange->call) {
		exchange->call->marks.dialled = result->dialled_ns;
		exchange->call->marks.resolved = result->resolved_ns;
		exchange->call->marks.connected = result->connected_ns;
		exchange->call->marks.secured = result->secured_ns;
	}
	if (!stream) {
		exchange_fail(exchange, result->outcome, result->detail);
		return;
	}
	origin = pool_origin(&worker->pool, slice_of(exchange->host), exchange->port,
	    exchange->tls, &exchange->pins);
	exchange->upstream = origin ? pool_adopt(origin, stream) : NULL;
	if (!exchange->upstream) {
		if (!origin) {
			stream_destroy(stream, false);
		}
		exchange_fail(exchange, OUTCOME_CONNECT_REFUSED, "out of memory");
		return;
	}
	exchange->reused = false;
	exchange_send_head(exchange);
}

void exchange_connect(struct exchange *exchange)
{
	struct worker *worker = exchange->worker;
	struct origin *origin = pool_origin(&worker->pool, slice_of(exchange->host),
	    exchange->port, exchange->tls, &exchange->pins);
	struct dial_request request = {
		.host = slice_of(exchange->host),
		.port = exchange->port,
		.tls = exchange->tls,
		.pins = &exchange->pins,
		.session = origin ? origin->session : NULL,
	};

	exchange_touch(exchange);
	/* a second attempt never trusts the pool again */
	exchange->upstream = origin && !exchange->retried ? pool_take(origin) : NULL;
	if (exchange->upstream) {
		counter_add(COUNTER_UPSTREAM_REUSED, 1);
		exchange->reused = true;
		exchange_send_head(exchange);
		return;
	}
	exchange->state = EXCHANGE_DIALLING;
	exchange->dial = dial_start(worker, &request, on_dialled, exchange);
	if (!exchange->dial) {
		exchange_fail(exchange, OUTCOME_CONNECT_REFUSED, "out of memory");
	}
}

static bool is_idempotent(struct slice method)
{
	static const char *const names[] = { "GET", "HEAD", "OPTIONS", "PUT", "DELETE" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_eq(method, slice_of(names[i]))) {
			return true;
		}
	}
	return false;
}

/* Credentials for the proxy are not part of the call. */
static void copy_fields(struct buf *out, struct slice fields)
{
	struct field field;

	while (fields_next(&fields, &field)) {
		if (!slice_istarts(field.name, SLICE("proxy-"))) {
			buf_put_slice(out, field.line);
		}
	}
}

/* Begins the account of a recorded call. Returns -ENOMEM when there is no room for it. */
static int begin_call(
    struct exchange *exchange, const struct exchange_to *to, struct slice host_text)
{
	struct conn *conn = exchange->conn;
	const struct head *head = &conn->reader.head;
	struct call *call = call_create(exchange->worker->settings->capture_limit);

	counter_add(COUNTER_CALLS_BEGUN, 1);
	if (!call ||
	    route_match(to->service, head->method, to->target, &call->match) != 0) {
		call_destroy(call);
		counter_add(COUNTER_LOST_MEMORY, 1);
		return -1;
	}
	call->table = route_table_ref(exchange->worker->table);
	conn_client(conn, call->client);
	call->marks.begun = conn->begun_ns;
	call->created_us = wall_us() - (mono_ns() - conn->begun_ns) / 1000;
	buf_put_slice(&call->method, head->method);
	buf_puts(&call->scheme, to->tls ? "https" : "http");
	buf_put_slice(&call->host, host_text);
	buf_put_slice(&call->target, to->target);
	copy_fields(&call->request_fields, head->fields);
	exchange->call = call;
	return 0;
}

static void build_head(
    struct exchange *exchange, const struct exchange_to *to, struct slice host_text)
{
	const struct head *head = &exchange->conn->reader.head;
	struct head_out how = {
		.framing = head->framing,
		.length = head->length,
		.websocket = exchange->websocket,
		.via = exchange->worker->settings->via,
		.host = to->host_field,
		.lower_max_forwards = slice_eq(head->method, SLICE("OPTIONS")),
	};

	if (!how.host.ptr && !fields_find(head->fields, SLICE("host")).ptr) {
		how.host = host_text;
	}
	head_put_request(exchange->request_head, head, to->target, &how);
}

static void set_up(struct exchange *exchange, const struct exchange_to *to)
{
	const struct head *head = &exchange->conn->reader.head;
	char host_text[300];

	(void)snprintf(
	    exchange->host, sizeof(exchange->host), "%.*s", SLICE_ARG(to->host));
	for (char *c = exchange->host; *c; c++) {
		*c = (char)tolower((unsigned char)*c);
	}
	exchange->port = to->port;
	exchange->tls = to->tls;
	if (to->service) {
		exchange->pins = to->service->pins;
	}
	(void)snprintf(host_text, sizeof(host_text),
	    to->port == (to->tls ? 443 : 80) ? "%s" : "%s:%d", exchange->host, to->port);
	exchange->bodiless = slice_eq(head->method, SLICE("HEAD"));
	exchange->idempotent = is_idempotent(head->method);
	exchange->websocket = head_asks_websocket(head);
	exchange->request_framing = head->framing;
	build_head(exchange, to, slice_of(host_text));
	if (to->service) {
		/* a call that cannot be recorded is counted and relayed all the same */
		(void)begin_call(exchange, to, slice_of(host_text));
	}
}

/* Takes a call of its route. Returns why there is none to take, or OUTCOME_ANSWERED. */
static enum outcome take_of_route(struct exchange *exchange)
{
	const struct route *route = exchange->call ? exchange->call->match.route : NULL;
	struct route_use *use = route ? route->use : NULL;
	enum outcome outcome = OUTCOME_ANSWERED;
	int64_t calls = 0;

	if (!use) {
		return OUTCOME_ANSWERED;
	}
	calls = atomic_fetch_add_explicit(&use->calls, 1, memory_order_relaxed);
	if (route->calls_max > 0 && calls >= route->calls_max) {
		exchange->wait_ns = 1; /* nobody knows; soon */
		outcome = OUTCOME_CALLS_LIMITED;
	} else {
		exchange->wait_ns = rate_take(&use->rate, &route->rate, mono_ns());
		outcome = exchange->wait_ns > 0 ? OUTCOME_RATE_LIMITED : outcome;
	}
	if (outcome == OUTCOME_ANSWERED) {
		exchange->use = use; /* it goes back with the call */
	} else {
		(void)atomic_fetch_sub_explicit(&use->calls, 1, memory_order_relaxed);
	}
	return outcome;
}

/* Is it within all limits? If not, it ends here, with a row that says so. */
static bool within_limits(struct exchange *exchange)
{
	enum outcome outcome = OUTCOME_RATE_LIMITED;
	const char *why = "your address calls more often than limits.client_rate allows";

	exchange->wait_ns = conn_take_call(exchange->conn);
	if (exchange->wait_ns == 0) {
		outcome = take_of_route(exchange);
		why =
		    outcome == OUTCOME_RATE_LIMITED
		        ? "this route is called more often than limits.rate in its service file allows"
		        : "as many calls of this route are under way as limits.calls in its service file allows";
		if (outcome == OUTCOME_ANSWERED) {
			return true;
		}
		counter_add(COUNTER_CALLS_LIMITED, 1);
	}
	exchange_fail(exchange, outcome, why);
	return false;
}

struct exchange *exchange_start(struct conn *conn, const struct exchange_to *to)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	struct worker *worker = conn->worker;

	if (!exchange) {
		return NULL;
	}
	exchange->conn = conn;
	exchange->worker = worker;
	exchange->request_head = evbuffer_new();
	exchange->held = evbuffer_new();
	reader_init(&exchange->response, READER_RESPONSE, &worker->settings->limits.gate);
	if (!exchange->request_head || !exchange->held ||
	    exchange_watch_init(exchange) != 0) {
		exchange_end(exchange, OUTCOME_ANSWERED, NULL);
		return NULL;
	}
	conn->exchange = exchange;
	set_up(exchange, to);
	reader_reset(&exchange->response, exchange->bodiless);
	exchange_watch_start(exchange);
	if (within_limits(exchange)) {
		exchange_connect(exchange);
	}
	return exchange;
}

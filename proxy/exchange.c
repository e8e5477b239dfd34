/* SPDX-License-Identifier: MIT */
/*
 * exchange: how one begins, gets its connection, and ends.
 */
#include "proxy/exchange.h"

#include "base/clock.h"
#include "base/counter.h"
#include "base/fields.h"
#include "proxy/access.h"
#include "proxy/exchange_private.h"
#include "proxy/head.h"
#include "proxy/reply.h"
#include "proxy/socket.h"
#include "record/recorder.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static void bury(struct grave *grave)
{
	struct exchange *exchange = (struct exchange *)grave;

	reader_finish(&exchange->response);
	if (exchange->request_head) {
		evbuffer_free(exchange->request_head);
	}
	if (exchange->held) {
		evbuffer_free(exchange->held);
	}
	free(exchange);
}

#define FAILING_NS INT64_C(1000000000) /* for the rest of a request that cannot be sent  \
	                                */

static void on_ticket(struct worker *worker, struct letter *letter);

/* On the recorder's thread: only posts. */
static void on_settled(void *arg, uint64_t token)
{
	struct ticket *ticket = arg;

	(void)token;
	worker_post(ticket->worker, &ticket->letter);
}

/* Hands the call over; with wait, on_ticket follows when its row is committed. */
static void submit(
    struct exchange *exchange, enum outcome outcome, const char *detail, bool wait)
{
	struct call *call = exchange->call;
	struct ticket *ticket = wait ? calloc(1, sizeof(*ticket)) : NULL;

	exchange->call = NULL;
	call->outcome = outcome;
	call->marks.ended = exchange->ended_ns ? exchange->ended_ns : mono_ns();
	if (detail && detail[0]) {
		buf_puts(&call->outcome_detail, detail);
	}
	if (ticket) {
		ticket->letter.open = on_ticket;
		ticket->worker = exchange->worker;
		ticket->exchange = exchange;
		exchange->ticket = ticket;
		exchange->worker->tickets++;
		call->on_settled = on_settled;
		call->on_settled_arg = ticket;
	}
	recorder_submit(exchange->worker->recorder, call);
}

/*
 * The one way an exchange ends: whatever it still holds is let go, and a call not yet
 * submitted becomes a row with this outcome.
 */
static void exchange_end(
    struct exchange *exchange, enum outcome outcome, const char *detail)
{
	if (exchange->state == EXCHANGE_ENDED) {
		return;
	}
	exchange->state = EXCHANGE_ENDED;
	if (exchange->call) {
		submit(exchange, outcome, detail, false);
	}
	if (exchange->ticket) {
		exchange->ticket->exchange = NULL;
		exchange->ticket = NULL;
	}
	dial_cancel(exchange->dial);
	if (exchange->upstream) {
		pool_discard(exchange->upstream);
		exchange->upstream = NULL;
	}
	if (exchange->timer) {
		event_free(exchange->timer);
	}
	if (exchange->pending_timer) {
		event_free(exchange->pending_timer);
	}
	reaper_add(&exchange->worker->reaper, &exchange->grave, bury);
}

/* The held bytes go out; the connection goes on to its next request or closes. */
static void let_go(struct exchange *exchange)
{
	struct conn *conn = exchange->conn;
	bool reusable = exchange->reusable;

	(void)evbuffer_add_buffer(conn->stream->out, exchange->held);
	exchange_end(exchange, OUTCOME_ANSWERED, NULL);
	conn->exchange = NULL;
	stream_flush(conn->stream);
	if (conn->state == CONN_EXCHANGE) {
		conn_exchange_done(conn, reusable);
	}
}

static void on_ticket(struct worker *worker, struct letter *letter)
{
	struct ticket *ticket = (struct ticket *)letter;
	struct exchange *exchange = ticket->exchange;

	worker->tickets--;
	free(ticket);
	if (exchange) {
		exchange->ticket = NULL;
		let_go(exchange);
	}
}

/* Submits the call, and holds the answer back until its row is there or hold_max has
 * passed. */
static void hold(struct exchange *exchange, enum outcome outcome, const char *detail)
{
	exchange->state = EXCHANGE_HELD;
	if (exchange->pending_timer) {
		(void)event_del(exchange->pending_timer);
	}
	if (!exchange->call) {
		let_go(exchange);
		return;
	}
	submit(exchange, outcome, detail, true);
	if (!exchange->ticket) { /* no memory to wait with */
		let_go(exchange);
		return;
	}
	socket_timer(exchange->timer, exchange->worker->settings->hold_max_ns);
}

void exchange_complete(struct exchange *exchange)
{
	exchange->ended_ns = mono_ns();
	hold(exchange, OUTCOME_ANSWERED, NULL);
}

/* It is too late for an answer of ours: the client must see that this one is cut. */
static void cut(struct exchange *exchange, enum outcome outcome, const char *detail)
{
	struct conn *conn = exchange->conn;
	bool reset = exchange->head_sent;

	(void)evbuffer_add_buffer(conn->stream->out, exchange->held);
	conn->exchange = NULL;
	exchange_end(exchange, outcome, detail);
	stream_flush(conn->stream);
	conn_end(conn, reset);
}

/* Answers for an API that did not. */
static void answer_failure(struct exchange *exchange)
{
	const char *text =
	    exchange->detail[0] ? exchange->detail : outcome_text(exchange->outcome);

	exchange->reusable = exchange->request_done && !exchange->worker->draining &&
	                     exchange->conn->reader.head.keep_alive;
	(void)evbuffer_drain(exchange->held, evbuffer_get_length(exchange->held));
	reply_put_error(exchange->held, outcome_status(exchange->outcome),
	    outcome_code(exchange->outcome), text,
	    exchange->reusable ? "" : "Connection: close\r\n", exchange->bodiless);
	hold(exchange, exchange->outcome, exchange->detail);
}

void exchange_fail(struct exchange *exchange, enum outcome outcome, const char *detail)
{
	bool waits =
	    exchange->conn->reader.head.expect_continue && exchange->interim == 0;

	exchange->ended_ns = mono_ns();
	if (exchange->upstream) {
		pool_discard(exchange->upstream);
		exchange->upstream = NULL;
	}
	if (exchange->head_sent || outcome_status(outcome) == 0) {
		cut(exchange, outcome, detail);
		return;
	}
	exchange->outcome = outcome;
	(void)snprintf(exchange->detail, sizeof(exchange->detail), "%s", detail);
	exchange->state = EXCHANGE_FAILING;
	/* the row is to show the whole request, and the connection is to go on after it
	 */
	if (outcome == OUTCOME_CLIENT_PROTOCOL || outcome == OUTCOME_PROXY_STOPPED ||
	    waits || exchange_drain_request(exchange)) {
		answer_failure(exchange);
		return;
	}
	socket_timer(exchange->timer, FAILING_NS);
}

void exchange_switched(struct exchange *exchange)
{
	exchange_end(exchange, OUTCOME_ANSWERED, NULL);
}

void exchange_touch(struct exchange *exchange)
{
	exchange->active_ns = mono_ns();
}

/* Nothing has moved for response_timeout: whose fault is it? */
static void time_out(struct exchange *exchange)
{
	if (stream_backlog(exchange->conn->stream) > 0) {
		conn_end(
		    exchange->conn, true); /* the client takes nothing: CLIENT_ABORTED */
	} else if (!exchange->request_done && exchange->upstream &&
	           stream_backlog(exchange->upstream->stream) == 0) {
		conn_end(exchange->conn, false); /* the client sends nothing */
	} else {
		exchange_fail(exchange, OUTCOME_UPSTREAM_TIMEOUT, "");
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct exchange *exchange = arg;
	int64_t left = exchange->active_ns +
	               exchange->worker->settings->response_timeout_ns - mono_ns();

	(void)fd;
	(void)what;
	if (exchange->state == EXCHANGE_HELD) {
		counter_add(COUNTER_HOLD_MISSED, 1);
		let_go(exchange);
	} else if (exchange->state == EXCHANGE_FAILING) {
		answer_failure(exchange);
	} else if (left > 0 || exchange->state == EXCHANGE_DIALLING) {
		socket_timer(exchange->timer,
		    left > 0 ? left : exchange->worker->settings->response_timeout_ns);
	} else {
		time_out(exchange);
	}
}

static void on_pending(evutil_socket_t fd, short what, void *arg)
{
	struct exchange *exchange = arg;
	struct call *snapshot = exchange->call ? call_snapshot(exchange->call) : NULL;

	(void)fd;
	(void)what;
	if (snapshot) {
		recorder_submit(exchange->worker->recorder, snapshot);
	}
}

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
	origin = pool_origin(
	    &worker->pool, slice_of(exchange->host), exchange->port, exchange->tls);
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
	struct origin *origin = pool_origin(
	    &worker->pool, slice_of(exchange->host), exchange->port, exchange->tls);
	struct dial_request request = {
		.host = slice_of(exchange->host),
		.port = exchange->port,
		.tls = exchange->tls,
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
	exchange->timer = event_new(worker->base, -1, 0, on_timer, exchange);
	exchange->pending_timer = event_new(worker->base, -1, 0, on_pending, exchange);
	reader_init(&exchange->response, READER_RESPONSE, &gate_limits_default);
	if (!exchange->request_head || !exchange->held || !exchange->timer ||
	    !exchange->pending_timer) {
		exchange_end(exchange, OUTCOME_ANSWERED, NULL);
		return NULL;
	}
	conn->exchange = exchange;
	set_up(exchange, to);
	reader_reset(&exchange->response, exchange->bodiless);
	socket_timer(exchange->timer, worker->settings->response_timeout_ns);
	if (exchange->call && !exchange->call->match.route->long_poll) {
		socket_timer(exchange->pending_timer, worker->settings->pending_after_ns);
	}
	exchange_connect(exchange);
	return exchange;
}

void exchange_client_readable(struct exchange *exchange)
{
	exchange_touch(exchange);
	if (exchange->state == EXCHANGE_RELAYING) {
		exchange_send_body(exchange);
	} else if (exchange->state == EXCHANGE_FAILING &&
	           exchange_drain_request(exchange)) {
		answer_failure(exchange);
	}
}

void exchange_client_writable(struct exchange *exchange)
{
	exchange_touch(exchange);
	if (exchange->state == EXCHANGE_RELAYING) {
		exchange_read_response(exchange);
	}
}

void exchange_client_gone(struct exchange *exchange)
{
	bool failing = exchange->state == EXCHANGE_FAILING;

	exchange->conn = NULL;
	exchange_end(exchange, failing ? exchange->outcome : OUTCOME_CLIENT_ABORTED,
	    failing ? exchange->detail : NULL);
}

void exchange_stop(struct exchange *exchange, enum outcome outcome)
{
	if (exchange->state == EXCHANGE_DIALLING) {
		dial_cancel(exchange->dial);
		exchange->dial = NULL;
	}
	if (exchange->state == EXCHANGE_FAILING) {
		answer_failure(exchange);
	} else if (exchange->state != EXCHANGE_HELD) {
		exchange_fail(exchange, outcome, "");
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * exchange: how one ends: with an answer, without one, or with the client gone.
 */
#include "proxy/exchange.h"

#include "base/clock.h"
#include "base/counter.h"
#include "proxy/exchange_private.h"
#include "proxy/reply.h"
#include "proxy/socket.h"
#include "record/recorder.h"

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

#define FAILING_NS                                                                       \
	INT64_C(1000000000) /* for the rest of a request that cannot be sent             \
	                     */

static void on_ticket(struct worker *worker, struct letter *letter);

/* On the recorder's thread: only posts. */
static void on_settled(void *arg)
{
	struct ticket *ticket = arg;

	worker_post(ticket->worker, &ticket->letter);
}

/* Hands the call over; with wait, on_ticket follows when its row is committed. */
static void submit(
    struct exchange *exchange, enum outcome outcome, const char *detail, bool wait)
{
	struct call *call = exchange->call;
	struct ticket *ticket = wait ? calloc(1, sizeof(*ticket)) : NULL;

	exchange->call = NULL;
	exchange_uncharge(exchange);
	if (exchange->use) { /* as long as the call keeps its route table */
		(void)atomic_fetch_sub_explicit(
		    &exchange->use->calls, 1, memory_order_relaxed);
		exchange->use = NULL;
	}
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

void exchange_end(struct exchange *exchange, enum outcome outcome, const char *detail)
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
	char fields[REPLY_RETRY_AFTER_BYTES + sizeof("Connection: close\r\n")];

	reply_retry_after(exchange->wait_ns, fields);
	exchange->reusable = exchange->request_done && !exchange->worker->draining &&
	                     exchange->outcome != OUTCOME_UPSTREAM_DENIED &&
	                     exchange->conn->reader.head.keep_alive;
	(void)evbuffer_drain(exchange->held, evbuffer_get_length(exchange->held));
	if (!exchange->reusable) {
		(void)strcat(fields, "Connection: close\r\n");
	}
	reply_put_error(exchange->held, outcome_status(exchange->outcome),
	    outcome_code(exchange->outcome), text, fields, exchange->bodiless);
	hold(exchange, exchange->outcome, exchange->detail);
}

void exchange_wait_over(struct exchange *exchange)
{
	if (exchange->state == EXCHANGE_HELD) {
		counter_add(COUNTER_HOLD_MISSED, 1);
		let_go(exchange);
	} else {
		answer_failure(exchange);
	}
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

/* SPDX-License-Identifier: MIT */
/*
 * exchange_watch: how long an exchange may take, and how much of it is kept for the row.
 */
#include "base/clock.h"
#include "base/counter.h"
#include "proxy/exchange_private.h"
#include "proxy/socket.h"
#include "record/recorder.h"

#include <errno.h>

void exchange_touch(struct exchange *exchange)
{
	exchange->active_ns = mono_ns();
}

/* Nothing has moved for response_timeout: whose fault is it? */
static void time_out(struct exchange *exchange)
{
	if (stream_backlog(exchange->conn->stream) > 0) {
		/* too late for an answer: CLIENT_ABORTED */
		conn_end(exchange->conn, true);
	} else if (!exchange->request_done && exchange->upstream &&
	           stream_backlog(exchange->upstream->stream) == 0) {
		conn_end(exchange->conn, false); /* the client sends nothing */
	} else {
		exchange_fail(exchange, OUTCOME_UPSTREAM_TIMEOUT, "");
	}
}

/* Is it the client that the request waits for? Not while it waits for the API's 100. */
static bool waits_for_body(const struct exchange *exchange)
{
	bool told_to_wait =
	    exchange->conn->reader.head.expect_continue && exchange->interim == 0;

	return exchange->state == EXCHANGE_RELAYING && !exchange->request_done &&
	       !told_to_wait && exchange->upstream &&
	       stream_has_room(exchange->upstream->stream);
}

void exchange_window_begin(struct exchange *exchange)
{
	struct stream *client = exchange->conn->stream;

	exchange->window = (struct exchange_window){
		.begun_ns = mono_ns(),
		.sent = exchange->request_bytes,
		.taken = client->written,
		.sending = waits_for_body(exchange),
		.taking = stream_backlog(client) > 0,
	};
}

/*
 * The client has had a whole window to send of its body, or to take of the answer that
 * waits for it: was it enough? False: the exchange is over. Requirement A4.
 */
static bool check_progress(struct exchange *exchange)
{
	const struct proxy_limits *limits = &exchange->worker->settings->limits;
	struct exchange_window *window = &exchange->window;
	struct stream *client = exchange->conn->stream;
	uint64_t least = limits->progress_bytes;

	if (mono_ns() - window->begun_ns < limits->progress_window_ns) {
		return true;
	}
	if (window->sending && !exchange->request_done &&
	    exchange->request_bytes - window->sent < least) {
		exchange_fail(exchange, OUTCOME_CLIENT_ABORTED,
		    "the client sent its request too slowly (limits.body_progress)");
		return false;
	}
	if (window->taking && stream_backlog(client) > 0 &&
	    client->written - window->taken < least) {
		exchange->head_sent = true; /* some of it: the client must see a cut */
		exchange_fail(exchange, OUTCOME_CLIENT_ABORTED,
		    "the client took its answer too slowly (limits.body_progress)");
		return false;
	}
	exchange_window_begin(exchange);
	return true;
}

static void set_timer(struct exchange *exchange)
{
	const struct proxy_settings *settings = exchange->worker->settings;
	int64_t now = mono_ns();
	int64_t response = exchange->active_ns + settings->response_timeout_ns - now;
	int64_t window =
	    exchange->window.begun_ns + settings->limits.progress_window_ns - now;
	int64_t left = response < window ? response : window;

	socket_timer(exchange->timer, left > 1000000 ? left : 1000000);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct exchange *exchange = arg;
	int64_t silent = mono_ns() - exchange->active_ns;

	(void)fd;
	(void)what;
	if (exchange->state == EXCHANGE_HELD || exchange->state == EXCHANGE_FAILING) {
		exchange_wait_over(exchange);
		return;
	}
	if (exchange->state == EXCHANGE_DIALLING) { /* has a time-out of its own */
		exchange_touch(exchange);
		exchange_window_begin(exchange);
	} else if (silent >= exchange->worker->settings->response_timeout_ns) {
		time_out(exchange);
		return;
	} else if (!check_progress(exchange)) {
		return;
	}
	set_timer(exchange);
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

int exchange_watch_init(struct exchange *exchange)
{
	struct event_base *base = exchange->worker->base;

	exchange->timer = event_new(base, -1, 0, on_timer, exchange);
	exchange->pending_timer = event_new(base, -1, 0, on_pending, exchange);
	return exchange->timer && exchange->pending_timer ? 0 : -ENOMEM;
}

void exchange_watch_start(struct exchange *exchange)
{
	const struct proxy_settings *settings = exchange->worker->settings;

	exchange_touch(exchange);
	exchange_window_begin(exchange);
	set_timer(exchange);
	if (exchange->call && !exchange->call->match.route->long_poll) {
		socket_timer(exchange->pending_timer, settings->pending_after_ns);
	}
}

/* Tells the budget what both captures hold now. */
static void charge(struct exchange *exchange, size_t held)
{
	struct stream_budget *budget = &exchange->worker->budget;

	budget->used += held - exchange->charged;
	budget->kept += held - exchange->charged;
	exchange->charged = held;
}

void exchange_uncharge(struct exchange *exchange)
{
	charge(exchange, 0);
}

void exchange_keep(struct exchange *exchange, struct capture *capture, struct slice body)
{
	const struct stream_budget *budget = &exchange->worker->budget;
	bool scarce = budget->kept > budget->limit / 2;

	/* the traffic goes before its account; short bodies are kept whatever happens */
	if (scarce && !capture->shed && capture->bytes.len + body.len > STREAM_FLOOR &&
	    capture->bytes.len < capture->limit) {
		capture_shed(capture);
		capture->shed = true;
		counter_add(COUNTER_BODIES_SHED, 1);
	}
	capture_add(capture, body.ptr, body.len);
	charge(exchange,
	    exchange->call->request.bytes.cap + exchange->call->response.bytes.cap);
}

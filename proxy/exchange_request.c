/* SPDX-License-Identifier: MIT */
/*
 * exchange_request: the request on its way to the API, framed anew, as fast as the API
 * takes it.
 */
#include "base/clock.h"
#include "base/counter.h"
#include "proxy/exchange_private.h"
#include "proxy/head.h"

#define DISCARD_MAX (1024 * 1024) /* of a request that will not be sent */

static void put_body(struct exchange *exchange, struct slice body)
{
	if (exchange->call) {
		exchange_keep(exchange, &exchange->call->request, body);
	}
	if (exchange->upstream) {
		body_put(
		    exchange->upstream->stream->out, exchange->request_framing, body);
	} else { /* for the row only */
		exchange->discarded += body.len;
	}
}

static void put_end(struct exchange *exchange)
{
	exchange->request_done = true;
	if (!exchange->upstream) {
		return;
	}
	body_put_end(exchange->upstream->stream->out, exchange->request_framing,
	    buf_slice(&exchange->conn->reader.trailers));
	if (exchange->call) {
		exchange->call->marks.sent = mono_ns();
	}
}

/* The client broke its own framing: the API must never take what it has for a whole
 * message. */
static void refuse_body(struct exchange *exchange)
{
	if (exchange->state == EXCHANGE_FAILING) {
		exchange->discarded = DISCARD_MAX; /* enough of it */
		return;
	}
	counter_add(COUNTER_REQUESTS_REFUSED, 1);
	exchange_fail(
	    exchange, OUTCOME_CLIENT_PROTOCOL, exchange->conn->reader.bad_reason);
}

/* Reads the next part of the request's body. Returns false when there is nothing to do
 * now. */
static bool step(struct exchange *exchange)
{
	struct stream *client = exchange->conn->stream;
	struct slice input = stream_first(client);
	struct slice body = { NULL, 0 };
	size_t used = 0;
	enum reader_event event =
	    reader_step(&exchange->conn->reader, input, &used, &body);

	exchange->request_bytes += used;
	if (event == READER_BODY) {
		put_body(exchange, body);
	} else if (event == READER_END) {
		put_end(exchange);
	} else if (event == READER_BAD) {
		refuse_body(exchange);
		return false;
	}
	(void)evbuffer_drain(client->in, used);
	stream_consumed(client);
	return event == READER_BODY || (event == READER_MORE && used > 0);
}

void exchange_send_body(struct exchange *exchange)
{
	struct stream *upstream = exchange->upstream->stream;
	bool more = true;

	if (exchange->request_done) {
		return;
	}
	while (more) {
		while (more && stream_has_room(upstream)) {
			more = step(exchange);
		}
		if (exchange->state != EXCHANGE_RELAYING) {
			return;
		}
		stream_flush(upstream);
		if (!stream_has_room(upstream)) {
			exchange->window.sending = false; /* the API is waited for */
			more = false;
		}
	}
}

bool exchange_drain_request(struct exchange *exchange)
{
	while (!exchange->request_done && exchange->discarded < DISCARD_MAX &&
	       step(exchange)) {
	}
	return exchange->request_done || exchange->discarded >= DISCARD_MAX;
}

/* A second attempt over a new connection: what the first one had of the body goes again.
 */
static void resend_body(struct exchange *exchange)
{
	struct capture *kept = exchange->call ? &exchange->call->request : NULL;

	if (kept && kept->bytes.len > 0) {
		body_put(exchange->upstream->stream->out, exchange->request_framing,
		    buf_slice(&kept->bytes));
	}
	if (exchange->request_done) {
		put_end(exchange);
	}
}

void exchange_send_head(struct exchange *exchange)
{
	struct stream *upstream = exchange->upstream->stream;
	size_t len = evbuffer_get_length(exchange->request_head);

	exchange->state = EXCHANGE_RELAYING;
	stream_hand_over(upstream, exchange_on_upstream, exchange);
	exchange_touch(exchange);
	(void)evbuffer_add(
	    upstream->out, evbuffer_pullup(exchange->request_head, -1), len);
	if (exchange->retried) {
		resend_body(exchange);
	}
	stream_read_enable(upstream, true);
	exchange_window_begin(exchange);
	if (exchange->request_done) {
		stream_flush(upstream);
	} else {
		exchange_send_body(exchange);
	}
}

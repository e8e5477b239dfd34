/* SPDX-License-Identifier: MIT */
/*
 * exchange_response: the answer on its way to the client, framed anew; and whether the
 * connection it came on can serve again.
 */
#include "base/clock.h"
#include "base/counter.h"
#include "base/fields.h"
#include "proxy/exchange_private.h"
#include "proxy/head.h"
#include "proxy/reply.h"
#include "proxy/tunnel.h"
#include "tls/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define INTERIM_MAX 100
#define HELD_MAX    (64 * 1024) /* of an answer that is not whole yet */

/* What the row will say of the answer's head. */
static void note_head(struct exchange *exchange)
{
	const struct head *head = &exchange->response.head;

	if (exchange->call) {
		exchange->call->status = head->status;
		buf_put_slice(&exchange->call->reason, head->reason);
		buf_put_slice(&exchange->call->response_fields, head->fields);
	}
}

static void on_tunnel_done(void *owner)
{
	struct conn *conn = owner;

	conn->tunnel = NULL;
	conn_end(conn, false);
}

/* 101 to a request that asked: from here on the two sides talk alone. RFC 6455 4.2.2. */
static void switch_protocols(struct exchange *exchange)
{
	struct conn *conn = exchange->conn;
	struct worker *worker = exchange->worker;
	struct stream *client = conn->stream;
	struct stream *upstream = exchange->upstream->stream;
	struct head_out how = { .websocket = true };

	head_put_response(client->out, &exchange->response.head, &how);
	note_head(exchange);
	/* the pool record goes, its stream stays */
	exchange->upstream->stream = NULL;
	stream_hand_over(upstream, exchange_on_upstream, exchange);
	conn->exchange = NULL;
	conn->stream = NULL;
	conn->state = CONN_TUNNEL;
	exchange->reusable = false;
	exchange_end(exchange, OUTCOME_ANSWERED, NULL);
	stream_flush(client);
	conn->tunnel =
	    tunnel_create(&worker->reaper, client, upstream, on_tunnel_done, conn);
	if (!conn->tunnel) {
		conn_end(conn, true);
	}
}

/* Returns false when the exchange is over or has become a tunnel. */
static bool on_interim(struct exchange *exchange)
{
	const struct head *head = &exchange->response.head;
	struct head_out how = { .framing = FRAMING_NONE };

	if (head->status == 101 && exchange->websocket) {
		switch_protocols(exchange);
		return false;
	}
	if (head->status == 101 || ++exchange->interim > INTERIM_MAX) {
		exchange_fail(exchange, OUTCOME_UPSTREAM_PROTOCOL,
		    head->status == 101 ? "the API switched protocols unasked"
		                        : "too many interim answers");
		return false;
	}
	if (exchange->conn->reader.head.minor >=
	    1) { /* RFC 9110 15.2: never to HTTP/1.0 */
		head_put_response(exchange->held, head, &how);
	}
	return true;
}

static void decide_framing(struct exchange *exchange, struct head_out *how)
{
	const struct head *head = &exchange->response.head;
	const struct head *asked = &exchange->conn->reader.head;
	struct slice length = fields_find(head->fields, SLICE("content-length"));

	how->framing = head->framing;
	how->length = head->length;
	if (head->framing == FRAMING_NONE) {
		how->keep_length =
		    length.ptr && (exchange->bodiless || head->status == 304);
		how->length = length.ptr ? strtoull(length.ptr, NULL, 10) : 0;
	} else if (head->framing != FRAMING_LENGTH) {
		how->framing = asked->minor >= 1 ? FRAMING_CHUNKED : FRAMING_UNTIL_CLOSE;
	}
	exchange->client_framing = how->framing;
	/* an answer before the request's end: what follows cannot be told apart (H10) */
	exchange->reusable = asked->keep_alive && exchange->request_done &&
	                     how->framing != FRAMING_UNTIL_CLOSE &&
	                     !exchange->worker->draining;
	if (!exchange->reusable) {
		how->connection = "close";
	} else if (asked->minor == 0) {
		how->connection = "keep-alive";
	}
}

static bool on_head(struct exchange *exchange)
{
	const struct head *head = &exchange->response.head;
	struct head_out how = { .via = exchange->worker->settings->via };

	if (head->status < 200) {
		return on_interim(exchange);
	}
	decide_framing(exchange, &how);
	head_put_response(exchange->held, head, &how);
	note_head(exchange);
	return true;
}

static void put_body(struct exchange *exchange, struct slice body)
{
	if (exchange->call) {
		exchange_keep(exchange, &exchange->call->response, body);
	}
	body_put(exchange->held, exchange->client_framing, body);
}

/* "Keep-Alive: timeout=5, max=100": how long the API keeps an idle connection, or 0. */
static int64_t idle_seconds(const struct head *head)
{
	struct slice list = fields_find(head->fields, SLICE("keep-alive"));

	while (list.len > 0) {
		struct slice item = slice_trim(slice_cut(&list, ','));

		if (slice_istarts(item, SLICE("timeout=")) && item.len > 8) {
			long seconds = strtol(item.ptr + 8, NULL, 10);

			return seconds > 0 ? seconds : 1;
		}
	}
	return 0;
}

/* The connection serves again only when both messages are whole and nothing came after.
 */
static void release_upstream(struct exchange *exchange)
{
	struct upstream *upstream = exchange->upstream;
	const struct head *head = &exchange->response.head;
	struct stream *stream = upstream->stream;

	exchange->upstream = NULL;
	if (stream->tls == STREAM_SECURE) {
		pool_note_session(upstream);
	}
	if (!exchange->request_done || !head->keep_alive || stream->eof ||
	    stream->raw_eof || head->framing == FRAMING_UNTIL_CLOSE ||
	    evbuffer_get_length(stream->in) > 0 || exchange->worker->draining) {
		pool_discard(upstream);
		return;
	}
	pool_give(upstream, idle_seconds(head));
}

static void on_end(struct exchange *exchange)
{
	body_put_end(exchange->held, exchange->client_framing,
	    buf_slice(&exchange->response.trailers));
	release_upstream(exchange);
	exchange_complete(exchange);
}

/* Handles the next thing in the answer. Returns false when there is nothing more to do
 * now. */
static bool step(struct exchange *exchange)
{
	struct evbuffer *in = exchange->upstream->stream->in;
	struct slice input = stream_first(exchange->upstream->stream);
	struct slice body = { NULL, 0 };
	size_t used = 0;

	switch (reader_step(&exchange->response, input, &used, &body)) {
	case READER_MORE:
		(void)evbuffer_drain(in, used);
		return used > 0;
	case READER_HEAD:
		(void)evbuffer_drain(in, used);
		return on_head(exchange);
	case READER_BODY:
		put_body(exchange, body);
		(void)evbuffer_drain(in, used);
		return true;
	case READER_END:
		(void)evbuffer_drain(in, used);
		if (exchange->response.head.status < 200) {
			reader_reset(&exchange->response, exchange->bodiless);
			return true;
		}
		on_end(exchange);
		return false;
	case READER_BAD:
		exchange_fail(
		    exchange, OUTCOME_UPSTREAM_PROTOCOL, exchange->response.bad_reason);
		return false;
	}
	return false;
}

/*
 * A pooled connection that dies before it has said a word was dead before we used it. The
 * call goes again, once, where that cannot do it twice (RFC 9110 9.2.2).
 */
static bool try_again(struct exchange *exchange)
{
	bool whole = exchange->request_framing == FRAMING_NONE ||
	             (exchange->call && capture_whole(&exchange->call->request));

	if (!exchange->reused || exchange->retried || exchange->response_seen ||
	    !exchange->idempotent || !whole) {
		return false;
	}
	counter_add(COUNTER_UPSTREAM_RETRIED, 1);
	exchange->retried = true;
	pool_discard(exchange->upstream);
	exchange->upstream = NULL;
	exchange_connect(exchange);
	return true;
}

/* The connection is gone before the reply was whole. */
static void on_upstream_lost(
    struct exchange *exchange, enum outcome outcome, const char *detail)
{
	const SSL *ssl = exchange->upstream->stream->ssl;

	if (try_again(exchange)) {
		return;
	}
	if (!exchange->response_seen && ssl && upstream_tls_wants_certificate(ssl)) {
		exchange_fail(exchange, OUTCOME_TLS_FAILED,
		    "the server asked for a client certificate and ended the connection");
		return;
	}
	exchange_fail(exchange, outcome, detail);
}

static void on_eof(struct exchange *exchange)
{
	bool clean = exchange->upstream->stream->eof_clean;

	/* a body that ends with the connection and no close_notify may have been cut
	 * (H13) */
	if (clean && reader_eof(&exchange->response)) {
		on_end(exchange);
	} else {
		on_upstream_lost(exchange, OUTCOME_UPSTREAM_CLOSED, "");
	}
}

/*
 * Takes a part of what is there, and sends it. True: there is more, and the client has
 * room for it (nothing else would come back to it: all that was sent may be gone
 * already).
 */
static bool relay(struct exchange *exchange)
{
	struct stream *client = exchange->conn->stream;
	bool more = true;

	while (more && stream_has_room(client) &&
	       evbuffer_get_length(exchange->held) < HELD_MAX) {
		more = step(exchange);
	}
	if (exchange->state != EXCHANGE_RELAYING) {
		return false;
	}
	/* all but the end goes out as it comes */
	if (evbuffer_get_length(exchange->held) > 0) {
		exchange->head_sent |= exchange->call
		                           ? exchange->call->status != 0
		                           : exchange->response.head.status >= 200;
		(void)evbuffer_add_buffer(client->out, exchange->held);
		stream_flush(client);
	}
	return more && exchange->state == EXCHANGE_RELAYING && stream_has_room(client);
}

void exchange_read_response(struct exchange *exchange)
{
	struct stream *client = exchange->conn->stream;
	struct stream *upstream = exchange->upstream->stream;

	while (relay(exchange)) {
	}
	if (exchange->state != EXCHANGE_RELAYING) {
		return;
	}
	stream_read_enable(upstream, stream_has_room(client));
	stream_consumed(upstream);
	if (upstream->eof && evbuffer_get_length(upstream->in) == 0) {
		on_eof(exchange);
	}
}

void exchange_on_upstream(struct stream *stream, enum stream_event event, void *owner)
{
	struct exchange *exchange = owner;

	exchange_touch(exchange);
	switch (event) {
	case STREAM_READ:
		if (!exchange->response_seen && exchange->call) {
			exchange->call->marks.first_byte = stream->read_ns;
		}
		exchange->response_seen = true;
		exchange_read_response(exchange);
		break;
	case STREAM_EOF:
		exchange_read_response(exchange);
		break;
	case STREAM_WRITTEN:
		exchange_send_body(exchange);
		break;
	case STREAM_FAILED:
		on_upstream_lost(exchange, OUTCOME_UPSTREAM_RESET,
		    stream->error && stream->error != EPROTO ? strerror(stream->error)
		                                             : "");
		break;
	case STREAM_SECURED:
		break;
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * conn: the state machine of a client connection. What a request wants is judged in
 * request.c; what a TLS client wants, and tunnels, in intercept.c.
 */
#include "proxy/conn.h"

#include "base/clock.h"
#include "base/counter.h"
#include "proxy/conn_private.h"
#include "proxy/dial.h"
#include "proxy/exchange.h"
#include "proxy/preface.h"
#include "proxy/quota.h"
#include "proxy/reply.h"
#include "proxy/socket.h"
#include "proxy/tls_reject.h"
#include "proxy/tunnel.h"
#include "proxy/worker.h"
#include "record/recorder.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND        INT64_C(1000000000)
#define LINGER_NS     (5 * SECOND)
#define DISCARD_BYTES (16 * 1024 * 1024)

static const struct proxy_limits *limits_of(const struct conn *conn)
{
	return &conn->worker->settings->limits;
}

static void bury(struct grave *grave)
{
	struct conn *conn =
	    (struct conn *)(void *)((char *)grave - offsetof(struct conn, grave));

	reader_finish(&conn->reader);
	free(conn);
}

void conn_end(struct conn *conn, bool reset)
{
	struct worker *worker = conn->worker;

	if (conn->state == CONN_ENDED) {
		return;
	}
	conn->state = CONN_ENDED;
	if (conn->exchange) {
		struct exchange *exchange = conn->exchange;

		conn->exchange = NULL;
		exchange_client_gone(exchange);
	}
	dial_cancel(conn->dial);
	tunnel_destroy(conn->tunnel);
	stream_destroy(conn->stream, reset);
	if (conn->timer) {
		event_free(conn->timer);
	}
	TAILQ_REMOVE(&worker->conns, conn, link);
	quota_leave(worker->quota, conn->client);
	worker->conn_count--;
	(void)atomic_fetch_sub_explicit(worker->clients, 1, memory_order_relaxed);
	reaper_add(&worker->reaper, &conn->grave, bury);
}

bool conn_idle(const struct conn *conn)
{
	switch (conn->state) {
	case CONN_SNIFF:
	case CONN_HELLO:
	case CONN_HANDSHAKE:
		return true;
	case CONN_REQUEST:
		return reader_idle(&conn->reader) &&
		       evbuffer_get_length(conn->stream->in) == 0;
	case CONN_TUNNEL:
		return mono_ns() - tunnel_active_ns(conn->tunnel) > SECOND;
	case CONN_EXCHANGE:
	case CONN_DIAL:
	case CONN_LINGER:
	case CONN_ENDED:
		break;
	}
	return false;
}

void conn_set_host(struct conn *conn, struct slice host)
{
	(void)snprintf(conn->host, sizeof(conn->host), "%.*s", SLICE_ARG(host));
	for (char *c = conn->host; *c; c++) {
		*c = (char)tolower((unsigned char)*c);
	}
}

void conn_client(const struct conn *conn, char ret_client[64])
{
	struct slice text = slice_of(conn->peer);
	const char *colon = strrchr(conn->peer, ':');

	text.len = colon ? (size_t)(colon - conn->peer) : text.len;
	if (text.len > 1 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']') {
		text = (struct slice){ text.ptr + 1, text.len - 2 };
	}
	(void)snprintf(ret_client, 64, "%.*s", SLICE_ARG(text));
}

void conn_note(const struct conn *conn, enum coverage_kind kind, struct slice host)
{
	char client[64];

	conn_client(conn, client);
	recorder_note(conn->worker->recorder, kind, host, client);
}

int64_t conn_take_call(const struct conn *conn)
{
	int64_t wait =
	    conn->client ? quota_call(conn->worker->quota, conn->client, mono_ns()) : 0;

	if (wait > 0) {
		counter_add(COUNTER_CALLS_LIMITED, 1);
	}
	return wait;
}

void conn_linger(struct conn *conn)
{
	conn->state = CONN_LINGER;
	conn->discarded = 0;
	socket_timer(conn->timer, LINGER_NS);
	stream_finish(conn->stream);
	if (conn->state == CONN_LINGER) {
		stream_read_enable(conn->stream, true);
		conn_advance(conn);
	}
}

void conn_refuse(struct conn *conn, int status, const char *code, const char *message,
    const char *extra, bool bodiless)
{
	char fields[256];

	(void)snprintf(fields, sizeof(fields), "%sConnection: close\r\n", extra);
	reply_put_error(conn->stream->out, status, code, message, fields, bodiless);
	conn_linger(conn);
}

void conn_await_request(struct conn *conn)
{
	conn->state = CONN_REQUEST;
	conn->begun_ns = 0;
	reader_reset(&conn->reader, false);
	socket_timer(conn->timer, limits_of(conn)->idle_timeout_ns);
}

void conn_exchange_done(struct conn *conn, bool reusable)
{
	conn->exchange = NULL;
	if (!reusable || conn->worker->draining) {
		conn_linger(conn);
		return;
	}
	conn_await_request(conn);
	stream_read_enable(conn->stream, true);
	/* a pipelined request may be there already: from the loop, so that recursion is
	 * bounded */
	if (evbuffer_get_length(conn->stream->in) > 0) {
		event_active(conn->stream->read_event, EV_READ, 0);
	}
}

/* Takes a preface, after which nothing but TLS may come. *ret_wait: it is not whole yet.
 * False: it is to be read as HTTP. */
static bool sniff_preface(struct conn *conn, bool more_may_come, bool *ret_wait)
{
	struct preface preface;

	*ret_wait = false;
	switch (preface_read(stream_peek(conn->stream, PREFACE_MAX), &preface)) {
	case PREFACE_READ:
		(void)snprintf(
		    conn->asked_host, sizeof(conn->asked_host), "%s", preface.host);
		conn->asked_port = preface.port;
		(void)evbuffer_drain(conn->stream->in, preface.len);
		stream_consumed(conn->stream);
		conn->state = CONN_HELLO;
		socket_timer(conn->timer, limits_of(conn)->handshake_timeout_ns);
		return true;
	case PREFACE_MORE:
		*ret_wait = more_may_come;
		return more_may_come;
	case PREFACE_BAD:
	case PREFACE_NONE:
		break;
	}
	return false;
}

/* TLS or HTTP? The first byte of a TLS record of type handshake is 22 (RFC 8446 5.1). */
static bool advance_sniff(struct conn *conn, bool more_may_come)
{
	struct slice first = stream_first(conn->stream);
	bool wait = false;

	if (first.len == 0) {
		return false;
	}
	if (first.ptr[0] == 0x16) {
		conn->state = CONN_HELLO;
		socket_timer(conn->timer, limits_of(conn)->handshake_timeout_ns);
	} else if (conn->host[0] || !sniff_preface(conn, more_may_come, &wait)) {
		conn->tls = false;
		conn_await_request(conn);
	} else if (wait && !conn->asked) {
		conn->asked = true; /* a byte is there: the head's time begins */
		socket_timer(conn->timer, limits_of(conn)->head_timeout_ns);
	}
	return !wait;
}

static bool advance_request(struct conn *conn)
{
	struct slice input = stream_first(conn->stream);
	struct slice body;
	size_t used = 0;

	if (input.len == 0) {
		return false;
	}
	conn->asked = true;
	if (conn->begun_ns == 0) {
		conn->begun_ns = conn->stream->read_ns;
		socket_timer(conn->timer, limits_of(conn)->head_timeout_ns);
	}
	switch (reader_step(&conn->reader, input, &used, &body)) {
	case READER_HEAD:
		(void)evbuffer_drain(conn->stream->in, used);
		stream_consumed(conn->stream);
		(void)event_del(conn->timer);
		request_begin(conn);
		return true;
	case READER_BAD:
		counter_add(COUNTER_REQUESTS_REFUSED, 1);
		conn_refuse(conn, conn->reader.bad_status, "BAD_REQUEST",
		    conn->reader.bad_reason, "", reader_is_head_request(&conn->reader));
		return true;
	case READER_MORE:
	case READER_BODY:
	case READER_END:
		break;
	}
	(void)evbuffer_drain(conn->stream->in, used);
	stream_consumed(conn->stream);
	return used > 0;
}

static void advance_linger(struct conn *conn)
{
	size_t len = evbuffer_get_length(conn->stream->in);

	conn->discarded += len;
	(void)evbuffer_drain(conn->stream->in, len);
	stream_consumed(conn->stream);
	if (conn->discarded > DISCARD_BYTES) {
		conn_end(conn, false);
	}
}

void conn_advance(struct conn *conn)
{
	for (bool again = true; again;) {
		switch (conn->state) {
		case CONN_SNIFF:
			again = advance_sniff(conn, true);
			break;
		case CONN_HELLO:
			again = intercept_hello(conn);
			break;
		case CONN_REQUEST:
			again = advance_request(conn);
			break;
		case CONN_EXCHANGE:
			exchange_client_readable(conn->exchange);
			return;
		case CONN_LINGER:
			advance_linger(conn);
			return;
		case CONN_HANDSHAKE:
		case CONN_DIAL:
		case CONN_TUNNEL:
		case CONN_ENDED:
			return;
		}
	}
}

/* On TLS of ours, nothing was ever asked. */
static bool never_asked(const struct conn *conn)
{
	return conn->state == CONN_REQUEST && conn->tls && !conn->asked;
}

static void on_failed(struct conn *conn)
{
	if (conn->state == CONN_HANDSHAKE) {
		tls_reject_failed(conn);
	} else if (never_asked(conn)) {
		tls_reject_closed(conn);
	}
	conn_end(conn, false);
}

static void on_eof(struct conn *conn)
{
	switch (conn->state) {
	case CONN_EXCHANGE:
		conn_end(conn, false);
		break;
	case CONN_REQUEST:
		if (never_asked(conn)) {
			tls_reject_closed(conn);
		}
		if (!reader_idle(&conn->reader)) {
			counter_add(COUNTER_REQUESTS_REFUSED, 1);
			conn_refuse(conn, 400, "BAD_REQUEST",
			    "the connection was closed inside the request head", "",
			    false);
			break;
		}
		conn_end(conn, false);
		break;
	case CONN_LINGER:
		if (stream_backlog(conn->stream) == 0) {
			conn_end(conn, false);
		}
		break;
	case CONN_SNIFF:
		if (advance_sniff(conn, false)) { /* what came was no preface */
			conn_advance(conn);
			on_eof(conn);
			break;
		}
		conn_end(conn, false);
		break;
	case CONN_HELLO:
	case CONN_HANDSHAKE:
	case CONN_DIAL:
	case CONN_TUNNEL:
	case CONN_ENDED:
		conn_end(conn, false);
		break;
	}
}

static void on_stream(struct stream *stream, enum stream_event event, void *owner)
{
	struct conn *conn = owner;

	switch (event) {
	case STREAM_SECURED:
		conn_await_request(conn);
		stream_read_enable(stream, true);
		break;
	case STREAM_READ:
		conn_advance(conn);
		break;
	case STREAM_EOF:
		on_eof(conn);
		break;
	case STREAM_WRITTEN:
		if (conn->state == CONN_EXCHANGE) {
			exchange_client_writable(conn->exchange);
		} else if (conn->state == CONN_LINGER && stream->eof &&
		           stream_backlog(stream) == 0) {
			conn_end(conn, false);
		}
		break;
	case STREAM_FAILED:
		on_failed(conn);
		break;
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;

	(void)fd;
	(void)what;
	if (conn->state == CONN_SNIFF && advance_sniff(conn, false)) {
		conn_advance(conn);
	}
	if (conn->state == CONN_REQUEST && !reader_idle(&conn->reader)) {
		conn_refuse(conn, 408, "REQUEST_TIMEOUT",
		    "the request head did not come in time", "", false);
		return;
	}
	conn_end(conn, false);
}

void conn_accept(struct worker *worker, int fd, const struct sockaddr *address,
    bool refused, struct quota_client *client)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn) {
		quota_leave(worker->quota, client);
		(void)close(fd);
		return;
	}
	socket_tune(fd);
	conn->worker = worker;
	conn->state = CONN_SNIFF;
	conn->refused = refused;
	conn->client = client;
	(void)socket_address_text(address, conn->peer, sizeof(conn->peer));
	reader_init(&conn->reader, READER_REQUEST, &worker->settings->limits.gate);
	conn->timer = event_new(worker->base, -1, 0, on_timer, conn);
	conn->stream = stream_create(
	    worker->base, &worker->reaper, &worker->budget, fd, on_stream, conn);
	if (!conn->timer || !conn->stream) {
		if (conn->timer) {
			event_free(conn->timer);
		}
		stream_destroy(conn->stream, false);
		quota_leave(worker->quota, client);
		reader_finish(&conn->reader);
		free(conn);
		return;
	}
	TAILQ_INSERT_TAIL(&worker->conns, conn, link);
	worker->conn_count++;
	(void)atomic_fetch_add_explicit(worker->clients, 1, memory_order_relaxed);
	socket_timer(conn->timer, limits_of(conn)->idle_timeout_ns);
	stream_read_enable(conn->stream, true);
}

/* SPDX-License-Identifier: MIT */
/*
 * intercept: what a TLS client gets: our leaf, or a tunnel.
 */
#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "proxy/access.h"
#include "proxy/conn_private.h"
#include "proxy/dial.h"
#include "proxy/reply.h"
#include "proxy/socket.h"
#include "proxy/tls_reject.h"
#include "proxy/tunnel.h"
#include "proxy/worker.h"
#include "routes/routes.h"
#include "tls/ca.h"
#include "tls/hello.h"

#include <stdio.h>

/* A fatal alert in a record of its own, before any handshake: RFC 8446 6.2. */
static void refuse_hello(struct conn *conn, unsigned char alert)
{
	const unsigned char record[] = { 21, 3, 1, 0, 2, 2, alert };

	counter_add(COUNTER_REQUESTS_REFUSED, 1);
	(void)evbuffer_add(conn->stream->out, record, sizeof(record));
	conn_linger(conn);
}

#define ALERT_ACCESS_DENIED     49
#define ALERT_INTERNAL_ERROR    80
#define ALERT_UNRECOGNIZED_NAME 112

static void start_handshake(struct conn *conn)
{
	SSL_CTX *context = NULL;
	SSL *ssl = NULL;
	struct err err;
	int rc;

	if (tls_reject_tunnels(conn)) {
		intercept_tunnel(conn, slice_of(conn->host), conn->port, false);
		return;
	}
	rc = ca_leaf(conn->worker->ca, slice_of(conn->host), &context, &err);
	if (rc == 0) {
		ssl = SSL_new(context);
		SSL_CTX_free(context);
	} else {
		log_error("no certificate for %s: %s", conn->host, err.text);
	}
	if (!ssl) {
		refuse_hello(conn, ALERT_INTERNAL_ERROR);
		return;
	}
	conn->tls = true;
	conn->state = CONN_HANDSHAKE;
	conn->asked = false;
	conn->handshake_ns = mono_ns();
	conn->handshake_written = conn->stream->written;
	if (stream_start_tls(conn->stream, ssl, true) != 0) {
		conn_end(conn, false);
	}
}

/* Its address was led here by clients/connect, which cannot give a user and a secret. */
static void log_no_credentials(const struct conn *conn)
{
	static _Atomic int64_t told_ns;
	int64_t now = mono_ns();

	if (now - told_ns > INT64_C(60000000000) || told_ns == 0) {
		told_ns = now;
		log_warn("%s came without CONNECT, so without the user that "
		         "access.credentials asks for, and was refused; let it use "
		         "HTTPS_PROXY, or leave access.credentials out",
		    conn->peer);
	}
}

/* No CONNECT came before: the SNI says where the client wants to go; or a preface, for
 * what is let through unseen. */
static void direct_hello(struct conn *conn, const struct hello *hello)
{
	struct worker *worker = conn->worker;
	bool led = conn->asked_host[0] != '\0';
	struct slice name = slice_of(
	    hello->server_name[0] || !led ? hello->server_name : conn->asked_host);
	int port = led ? conn->asked_port : 443;

	if (name.len == 0) {
		refuse_hello(conn, ALERT_UNRECOGNIZED_NAME);
	} else if (worker->settings->credential_count > 0) {
		log_no_credentials(conn);
		refuse_hello(conn, ALERT_ACCESS_DENIED);
	} else if (!access_port(worker->settings, name, port)) {
		refuse_hello(conn, ALERT_ACCESS_DENIED);
	} else if (route_table_host(worker->table, name) &&
	           (!hello->alpn || hello->alpn_http11)) {
		conn_set_host(conn, name);
		conn->port = port;
		start_handshake(conn);
	} else if (conn_take_call(conn) > 0) {
		refuse_hello(conn, ALERT_ACCESS_DENIED);
	} else {
		intercept_tunnel(conn, name, port, false);
	}
}

bool intercept_hello(struct conn *conn)
{
	struct slice input = stream_peek(conn->stream, HELLO_MAX);
	struct hello hello;

	if (input.len == 0) { /* only a preface has come so far */
		return false;
	}
	switch (hello_peek(input, &hello)) {
	case HELLO_MORE:
		return false;
	case HELLO_BAD:
		conn_end(conn, false);
		return true;
	case HELLO_READ:
		break;
	}
	if (conn->refused) {
		refuse_hello(conn, ALERT_ACCESS_DENIED);
	} else if (conn->host[0] == '\0') {
		direct_hello(conn, &hello);
	} else if (hello.server_name[0] != '\0' &&
	           !host_equal(slice_of(hello.server_name), slice_of(conn->host))) {
		refuse_hello(conn, ALERT_UNRECOGNIZED_NAME);
	} else if (hello.alpn && !hello.alpn_http11) {
		/* it speaks only what we do not (h2 alone, mostly gRPC): let it through
		 * unseen */
		intercept_tunnel(conn, slice_of(conn->host), conn->port, false);
	} else {
		start_handshake(conn);
	}
	return true;
}

static void on_tunnel_done(void *owner)
{
	struct conn *conn = owner;

	conn->tunnel = NULL;
	conn_end(conn, false);
}

static void count_tunnel(const struct conn *conn)
{
	struct slice host = slice_of(conn->host);
	bool routed = route_table_host(conn->worker->table, host);

	counter_add(COUNTER_TUNNELS, 1);
	if (routed) {
		counter_add(COUNTER_TUNNELS_ROUTED, 1);
	}
	conn_note(conn, routed ? COVERAGE_ROUTED_TUNNEL : COVERAGE_TUNNEL, host);
}

/*
 * A program that prefers IPv6 was led here before it could see that there is none, and
 * would not try IPv4 any more: then by the name that it gave. Returns false when that
 * is not so.
 */
static bool dial_by_name(struct conn *conn, const struct dial_result *result)
{
	if (!result->unreachable || !strchr(conn->asked_host, ':') ||
	    strcmp(conn->asked_host, conn->host) == 0) {
		return false;
	}
	conn->asked_host[0] = '\0';
	intercept_tunnel(conn, slice_of(conn->host), conn->port, false);
	return true;
}

static void on_dialled(
    void *owner, struct stream *upstream, const struct dial_result *result)
{
	struct conn *conn = owner;
	bool connect = conn->answer_connect;
	struct stream *client = conn->stream;

	conn->dial = NULL;
	if (!upstream && dial_by_name(conn, result)) {
		return;
	}
	if (!upstream) {
		const char *text =
		    result->detail[0] ? result->detail : outcome_text(result->outcome);

		if (connect) {
			conn_refuse(conn, outcome_status(result->outcome),
			    outcome_code(result->outcome), text, "", false);
		} else {
			conn_end(conn, true);
		}
		return;
	}
	if (connect) {
		(void)evbuffer_add(
		    client->out, REPLY_ESTABLISHED, sizeof(REPLY_ESTABLISHED) - 1);
		stream_flush(client);
		if (conn->state == CONN_ENDED) {
			stream_destroy(upstream, false);
			return;
		}
	}
	count_tunnel(conn);
	conn->state = CONN_TUNNEL;
	conn->stream = NULL;
	conn->tunnel =
	    tunnel_create(&conn->worker->reaper, client, upstream, on_tunnel_done, conn);
	if (!conn->tunnel) {
		conn_end(conn, true);
	}
}

void intercept_tunnel(struct conn *conn, struct slice host, int port, bool connect)
{
	struct dial_request request = { .port = port };

	if (host.ptr != conn->host) {
		conn_set_host(conn, host);
	}
	/* the program has looked the name up itself: there, and nowhere else */
	request.host = slice_of(conn->asked_host[0] ? conn->asked_host : conn->host);
	conn->port = port;
	conn->state = CONN_DIAL;
	conn->tls = !connect;
	conn->answer_connect = connect;
	(void)event_del(conn->timer);
	/* what the client sends meanwhile waits in the stream, bounded */
	conn->dial = dial_start(conn->worker, &request, on_dialled, conn);
	if (!conn->dial) {
		conn_end(conn, true);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * request: what a request head wants, and whether it may have it.
 */
#include "base/counter.h"
#include "base/fields.h"
#include "proxy/access.h"
#include "proxy/conn_private.h"
#include "proxy/exchange.h"
#include "proxy/reply.h"
#include "proxy/socket.h"
#include "proxy/worker.h"
#include "routes/routes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_method(const struct conn *conn, const char *method)
{
	return slice_eq(conn->reader.head.method, slice_of(method));
}

static void refuse(struct conn *conn, int status, const char *code, const char *message)
{
	counter_add(COUNTER_REQUESTS_REFUSED, 1);
	conn_refuse(conn, status, code, message, "", is_method(conn, "HEAD"));
}

static void begin_tunnel(struct conn *conn, const struct target *target)
{
	int64_t wait = conn_take_call(conn);
	char after[REPLY_RETRY_AFTER_BYTES];

	if (wait == 0) {
		intercept_tunnel(conn, target->host, target->port, true);
		return;
	}
	reply_retry_after(wait, after);
	conn_refuse(conn, 429, outcome_code(OUTCOME_RATE_LIMITED),
	    "your address calls more often than limits.client_rate allows", after, false);
}

/* CONNECT: intercepted when a service file routes the host, else a blind tunnel. */
static void begin_connect(struct conn *conn, const struct target *target)
{
	struct worker *worker = conn->worker;

	if (conn->reader.head.framing != FRAMING_NONE) {
		refuse(conn, 400, "BAD_REQUEST", "a CONNECT request has no body");
		return;
	}
	if (!access_port(worker->settings, target->host, target->port)) {
		refuse(conn, 403, "PORT_DENIED",
		    "access.connect_ports does not name this port; add it there to allow it");
		return;
	}
	if (!route_table_host(worker->table, target->host)) {
		begin_tunnel(conn, target);
		return;
	}
	conn_set_host(conn, target->host);
	conn->port = target->port;
	conn->state = CONN_SNIFF;
	socket_timer(conn->timer, worker->settings->limits.idle_timeout_ns);
	reader_reset(&conn->reader, false);
	(void)evbuffer_add(
	    conn->stream->out, REPLY_ESTABLISHED, sizeof(REPLY_ESTABLISHED) - 1);
	stream_flush(conn->stream);
}

static bool host_fits(struct conn *conn, struct slice field)
{
	struct slice host;
	int port;

	return authority_parse(field, conn->tls ? 443 : 80, &host, &port) &&
	       host_equal(host, slice_of(conn->host)) &&
	       (port == conn->port || (!conn->tls && port == 80));
}

/* Inside an intercepted connection: origin-form, or absolute-form for the same authority.
 */
static bool fits_tunnel(struct conn *conn, const struct target *target, struct slice host)
{
	switch (target->form) {
	case TARGET_ORIGIN:
	case TARGET_ASTERISK:
		/* HTTP/1.0 may go without a Host: the tunnel says where it goes */
		return !host.ptr || host_fits(conn, host);
	case TARGET_ABSOLUTE_HTTP:
	case TARGET_ABSOLUTE_HTTPS:
		return conn->tls == (target->form == TARGET_ABSOLUTE_HTTPS) &&
		       host_equal(target->host, slice_of(conn->host)) &&
		       target->port == conn->port;
	case TARGET_AUTHORITY:
		break;
	}
	return false;
}

/* RFC 9110 7.6.2. Returns true when the request has been answered here. */
static bool answer_here(struct conn *conn)
{
	struct slice left = fields_find(conn->reader.head.fields, SLICE("max-forwards"));

	if (is_method(conn, "TRACE")) {
		refuse(conn, 405, "METHOD_DENIED",
		    "TRACE is not forwarded: it echoes secrets");
		return true;
	}
	if (!is_method(conn, "OPTIONS") || !left.ptr) {
		return false;
	}
	for (size_t i = 0; i < left.len; i++) {
		if (!isdigit((unsigned char)left.ptr[i])) {
			refuse(conn, 400, "BAD_REQUEST", "Max-Forwards is not a number");
			return true;
		}
	}
	if (left.len == 0 || strtoul(left.ptr, NULL, 10) > 0) {
		return false;
	}
	(void)evbuffer_add_printf(conn->stream->out,
	    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	conn_linger(conn);
	return true;
}

/* Outside a tunnel: what goes to the API unrecorded, or came in clear that should not
 * have. */
static void count_relayed(const struct conn *conn, const struct exchange_to *to)
{
	if (to->service) {
		if (to->tls) {
			counter_add(COUNTER_CALLS_CLEARTEXT, 1);
			conn_note(conn, COVERAGE_CLEARTEXT, to->host);
		}
		return;
	}
	counter_add(COUNTER_CALLS_UNROUTED, 1);
	conn_note(
	    conn, to->tls ? COVERAGE_UNROUTED_HTTPS : COVERAGE_UNROUTED_HTTP, to->host);
}

/* As for CONNECT; in clear port 80 as well, and any port where services of one's own may
 * be reached: those are on any. */
static bool port_allowed(
    const struct proxy_settings *settings, const struct target *target)
{
	return (target->form == TARGET_ABSOLUTE_HTTP &&
	           (target->port == 80 || settings->private_upstreams)) ||
	       access_port(settings, target->host, target->port);
}

static void begin_exchange(struct conn *conn, const struct target *target)
{
	bool absolute =
	    target->form == TARGET_ABSOLUTE_HTTP || target->form == TARGET_ABSOLUTE_HTTPS;
	bool inside = conn->host[0] != '\0';
	struct exchange_to to = {
		.host = inside ? slice_of(conn->host) : target->host,
		.port = inside ? conn->port : target->port,
		.tls = inside ? conn->tls : target->form == TARGET_ABSOLUTE_HTTPS,
		.target = target->path_and_query,
	};
	char *slashed = NULL;

	if (!inside && !port_allowed(conn->worker->settings, target)) {
		refuse(conn, 403, "PORT_DENIED",
		    "access.connect_ports does not name this port; add it there to allow it");
		return;
	}
	if (absolute) { /* RFC 9112 3.2.2: the target replaces what Host says */
		to.host_field = target->authority;
	}
	if (target->add_slash) {
		if (asprintf(&slashed, "/%.*s", SLICE_ARG(to.target)) < 0) {
			conn_end(conn, false);
			return;
		}
		to.target = slice_of(slashed);
	}
	to.service = route_table_host(conn->worker->table, to.host);
	if (!inside) {
		count_relayed(conn, &to);
	}
	conn->state = CONN_EXCHANGE;
	conn->close_after = !conn->reader.head.keep_alive;
	if (!exchange_start(conn, &to)) {
		conn_end(conn, false);
	}
	free(slashed);
}

static void begin_inside(struct conn *conn, const struct target *target)
{
	struct slice host = fields_find(conn->reader.head.fields, SLICE("host"));

	if (target->form == TARGET_AUTHORITY) {
		refuse(conn, 400, "BAD_REQUEST", "CONNECT inside a tunnel is refused");
	} else if (!fits_tunnel(conn, target, host)) {
		refuse(conn, 421, "MISDIRECTED",
		    "the request names another host than the tunnel it came through");
	} else if (!answer_here(conn)) {
		begin_exchange(conn, target);
	}
}

static void begin_outside(struct conn *conn, const struct target *target)
{
	const struct proxy_settings *settings = conn->worker->settings;
	struct slice sent =
	    fields_find(conn->reader.head.fields, SLICE("proxy-authorization"));

	if (target->form == TARGET_ORIGIN || target->form == TARGET_ASTERISK) {
		counter_add(COUNTER_REQUESTS_REFUSED, 1);
		reply_put_help(conn->stream->out, is_method(conn, "HEAD"));
		conn_linger(conn);
	} else if (!access_credentials(settings, sent)) {
		counter_add(COUNTER_REQUESTS_REFUSED, 1);
		conn_refuse(conn, 407, "PROXY_AUTHENTICATION_REQUIRED",
		    sent.ptr
		        ? "the user or the secret in the proxy URL is wrong"
		        : "this proxy wants credentials: http://USER:SECRET@HOST:PORT",
		    "Proxy-Authenticate: Basic realm=\"waybill\", charset=\"UTF-8\"\r\n",
		    is_method(conn, "HEAD"));
	} else if (host_is_disguised_ipv4(target->host)) {
		refuse(conn, 400, "BAD_REQUEST", "the host is an address in disguise");
	} else if (target->form == TARGET_AUTHORITY) {
		begin_connect(conn, target);
	} else if (!answer_here(conn)) {
		begin_exchange(conn, target);
	}
}

void request_begin(struct conn *conn)
{
	const char *reason = NULL;
	struct target target;

	if (conn->refused) {
		refuse(conn, 403, "CLIENT_DENIED",
		    "access.clients does not name your address; add it there to allow it");
		return;
	}
	if (target_parse(conn->reader.head.method, conn->reader.head.target, &target,
	        &reason) != 0) {
		refuse(conn, 400, "BAD_REQUEST", reason);
	} else if (conn->host[0] != '\0') {
		begin_inside(conn, &target);
	} else {
		begin_outside(conn, &target);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * tls_reject: tells a client that refuses our certificate from other failures, and writes
 * it down: a row, and a line that says what to do.
 */
#include "proxy/tls_reject.h"

#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "proxy/conn.h"
#include "proxy/worker.h"
#include "record/recorder.h"
#include "routes/routes.h"

#include <openssl/err.h>
#include <stdio.h>

#define SECOND INT64_C(1000000000)
#define FLIGHT_BYTES                                                                     \
	200 /* more than an alert or a HelloRetryRequest, less than a leaf               \
	     */

static const char action[] = "tls_rejected";

static bool wants_tunnel(const struct conn *conn)
{
	return conn->worker->settings->on_tls_reject == TLS_REJECT_TUNNEL;
}

bool tls_reject_tunnels(const struct conn *conn)
{
	char client[64];

	if (!wants_tunnel(conn)) {
		return false;
	}
	conn_client(conn, client);
	return tls_rejects_tunnels(conn->worker->rejects, client, conn->host, mono_ns());
}

/* A row of its own kind: there is no request, only the connection. */
static void submit(struct conn *conn, const char *client, const char *why)
{
	struct worker *worker = conn->worker;
	const struct service *service =
	    route_table_host(worker->table, slice_of(conn->host));
	struct call *call = service ? call_create(0) : NULL;

	if (!service) {
		return; /* a reload took the host away */
	}
	counter_add(COUNTER_CALLS_BEGUN, 1);
	if (!call) {
		counter_add(COUNTER_LOST_MEMORY, 1);
		return;
	}
	call->table = route_table_ref(worker->table);
	call->match.service = service;
	(void)snprintf(call->match.action, sizeof(call->match.action), "%s", action);
	(void)snprintf(call->client, sizeof(call->client), "%s", client);
	buf_puts(&call->method, "CONNECT");
	buf_puts(&call->scheme, "https");
	buf_puts(&call->host, conn->host);
	call->outcome = OUTCOME_CLIENT_TLS_REJECTED;
	buf_puts(&call->outcome_detail, "the client at ");
	buf_puts(&call->outcome_detail, client);
	buf_puts(&call->outcome_detail, " does not trust waybill's certificate for ");
	buf_puts(&call->outcome_detail, conn->host);
	buf_puts(&call->outcome_detail, " (");
	buf_puts(&call->outcome_detail, why);
	buf_puts(&call->outcome_detail,
	    "); let it trust the root that `waybill ca export` prints");
	call->marks.begun = conn->handshake_ns;
	call->marks.ended = mono_ns();
	call->created_us = wall_us() - (call->marks.ended - call->marks.begun) / 1000;
	recorder_submit(worker->recorder, call);
}

static void note(struct conn *conn, const char *why)
{
	bool tunnel = wants_tunnel(conn);
	char client[64];

	conn_client(conn, client);
	counter_add(COUNTER_CLIENTS_DISTRUST, 1);
	conn_note(conn, COVERAGE_TLS_REJECTED, slice_of(conn->host));
	if (!tls_rejects_note(
	        conn->worker->rejects, client, conn->host, mono_ns(), tunnel)) {
		return;
	}
	log_warn(
	    "the client at %s does not trust our certificate for %s (%s): let it trust "
	    "the root that `waybill ca export` prints%s",
	    client, conn->host, why,
	    tunnel ? "; for 10 minutes its calls to that host pass unrecorded "
	             "(access.on_tls_reject)"
	           : "; until then its calls fail");
	submit(conn, client, why);
}

/* What a client says of a certificate, more or less exactly. RFC 8446 6.2. */
static bool is_distrust(int alert)
{
	switch (alert) {
	case SSL3_AD_HANDSHAKE_FAILURE:
	case SSL3_AD_NO_CERTIFICATE:
	case SSL3_AD_BAD_CERTIFICATE:
	case SSL3_AD_UNSUPPORTED_CERTIFICATE:
	case SSL3_AD_CERTIFICATE_REVOKED:
	case SSL3_AD_CERTIFICATE_EXPIRED:
	case SSL3_AD_CERTIFICATE_UNKNOWN:
	case TLS1_AD_UNKNOWN_CA:
	case TLS1_AD_ACCESS_DENIED:
	case TLS1_AD_INTERNAL_ERROR:
	case TLS1_AD_USER_CANCELLED:
	case TLS1_AD_BAD_CERTIFICATE_STATUS_RESPONSE:
		return true;
	default:
		return false;
	}
}

void tls_reject_failed(struct conn *conn)
{
	const struct stream *stream = conn->stream;
	int reason = ERR_GET_REASON(ERR_peek_error());
	char why[96] = "it closed the connection when it saw the certificate";

	ERR_clear_error();
	if (SSL_session_reused(stream->ssl) ||
	    stream->written - conn->handshake_written < FLIGHT_BYTES) {
		return; /* no certificate was shown */
	}
	if (reason >= SSL_AD_REASON_OFFSET) {
		int alert = reason - SSL_AD_REASON_OFFSET;

		if (!is_distrust(alert)) {
			return;
		}
		(void)snprintf(
		    why, sizeof(why), "alert: %s", SSL_alert_desc_string_long(alert));
	} else if (reason != 0) {
		return; /* the fault of another byte than the certificate's */
	}
	note(conn, why);
}

/*
 * With TLS 1.2 a client that judges the certificate after the handshake (Node) ends it
 * first and closes then; with 1.3 only one that closes without a word is meant: the
 * others are probes and connections opened in advance.
 */
void tls_reject_closed(struct conn *conn)
{
	const struct stream *stream = conn->stream;
	bool early = mono_ns() - conn->handshake_ns < SECOND;

	if (early && stream->ssl && !SSL_session_reused(stream->ssl) &&
	    (!stream->eof_clean || SSL_version(stream->ssl) < TLS1_3_VERSION)) {
		note(conn, "it closed the connection right after the handshake");
	}
}

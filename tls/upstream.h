/* SPDX-License-Identifier: MIT */
/*
 * upstream: TLS towards the APIs, verified on every connection.
 *
 * Chain, host name, TLS 1.2+, security level 2, depth at most 8, no partial wildcards,
 * never the subject: set here in code, whatever openssl.cnf says (reliability.md T1).
 */
#ifndef TLS_UPSTREAM_H
#define TLS_UPSTREAM_H

#include "base/err.h"
#include "base/pins.h"
#include "base/slice.h"

#include <openssl/ssl.h>

struct upstream_tls;

/* ca_file: PEM added to the system's roots, or NULL. */
MUST_CHECK int upstream_tls_create(
    const char *ca_file, struct upstream_tls **ret_tls, struct err *err);
/* Before the first connection: refuses what the revocation lists of a PEM file name. An
 * issuer without a list in it is not checked. NULL: nothing to do. */
MUST_CHECK int upstream_tls_add_crls(
    struct upstream_tls *tls, const char *crl_file, struct err *err);
void upstream_tls_destroy(struct upstream_tls *tls);

/*
 * A client SSL for host (DNS name or IP literal), SNI set for names, ALPN http/1.1,
 * verification bound to host. There is no way to make one without a host (-EINVAL). Any
 * thread. The caller frees it with SSL_free.
 *
 * pins: the chain must hold one of these keys (NULL or none: any). A session must come
 * from a connection with the same pins: a resumed handshake shows no chain.
 *
 * session may be NULL; it is borrowed, and taken up only when its certificate still suits
 * host. Nothing caches sessions here: take one with SSL_get1_session once reply bytes
 * have come (TLS 1.3 sends tickets after the handshake) and keep it per (host, port).
 * SSL_free of a connection that was not shut down spoils its session: call SSL_shutdown,
 * or SSL_set_shutdown with SSL_SENT_SHUTDOWN, before it.
 */
MUST_CHECK int upstream_tls_new(struct upstream_tls *tls, struct slice host,
    const struct pins *pins, SSL_SESSION *session, SSL **ret_ssl, struct err *err);

enum tls_failure {
	TLS_FAILURE_OTHER,
	TLS_FAILURE_EXPIRED, /* or not yet valid */
	TLS_FAILURE_HOSTNAME,
	TLS_FAILURE_UNTRUSTED,
};

/*
 * After a failed handshake: the kind, and one line of words for a person ("certificate
 * has expired (CN=…)"). Empties this thread's OpenSSL error queue.
 */
enum tls_failure upstream_tls_failure(SSL *ssl, char *ret_text, size_t text_size);

/*
 * Has the server asked for a client certificate, which waybill never has? One that
 * insists says so in TLS 1.3 only after the handshake, with an alert or just a reset.
 */
bool upstream_tls_wants_certificate(const SSL *ssl);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * context: see the header. Everything is set in code, because openssl.cnf may lower it.
 */
#include "tls/context.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

/* The AEAD suites of RFC 8446 9.1; CCM is left out: nobody needs it. */
#define SUITES_TLS13                                                                     \
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

SSL_CTX *context_create(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx) {
		return NULL;
	}
	SSL_CTX_set_security_level(ctx, 2);
	/* openssl.cnf may have set these: an old peer must not get more than a stock one.
	 */
	(void)SSL_CTX_clear_options(
	    ctx, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
	             SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET | SSL_OP_NO_TLSv1_2 |
	             SSL_OP_NO_TLSv1_3);
	(void)SSL_CTX_set_options(ctx,
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CLEANSE_PLAINTEXT);
	(void)SSL_CTX_set_mode(
	    ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	             SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, 0) != 1 ||
	    SSL_CTX_set_max_early_data(ctx, 0) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, SUITES_TLS13) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

int context_err(struct err *err, int code, const char *format, ...)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	char text[1024];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(
	    text, sizeof(text), format, ap); /* cut when long: it is for reading */
	va_end(ap);
	ERR_clear_error();
	return err_set(
	    err, code, "%s%s%s", text, reason ? ": " : "", reason ? reason : "");
}

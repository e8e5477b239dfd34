/* SPDX-License-Identifier: MIT */
/*
 * failure: why an upstream's certificate was refused, noted while the chain is at hand.
 *
 * OpenSSL forgets the peer's certificate when verification fails, so the words are made
 * in the verify callback and kept with the SSL.
 */
#ifndef TLS_FAILURE_H
#define TLS_FAILURE_H

#include "base/err.h"
#include "base/pins.h"
#include "base/slice.h"

#include <openssl/ssl.h>

/* Ties host, for the words, and the keys one of which the chain must hold (none: any) to
 * ssl. Freed with the SSL. Returns 0 or -ENOMEM. */
MUST_CHECK int failure_attach(SSL *ssl, const char *host, const struct pins *pins);

/*
 * For SSL_CTX_set_verify: stops at the first fault, and refuses a CA's certificate as
 * that of a server, and a chain without a pinned key. It overrules OpenSSL in one thing:
 * an issuer without a revocation list.
 */
int failure_on_verify(int ok, X509_STORE_CTX *store);

/* For SSL_CTX_set_client_cert_cb: there is none to give, but that it was wanted is noted.
 */
int failure_on_certificate_wanted(SSL *ssl, X509 **ret_cert, EVP_PKEY **ret_key);

#endif

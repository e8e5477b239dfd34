/* SPDX-License-Identifier: MIT */
/*
 * crl: lists of revoked certificates, from a file that somebody else keeps fresh.
 *
 * An issuer whose list is not in the file is not asked about: a list of one's own CA must
 * not stop every other API. Source: RFC 5280 section 5, reliability.md T3.
 */
#ifndef TLS_CRL_H
#define TLS_CRL_H

#include "base/err.h"

#include <openssl/ssl.h>

/*
 * Adds every list of a PEM file to what ctx verifies with, and turns the check on.
 * Returns 0, -EINVAL (none in it, or broken), or what reading the file gave.
 */
MUST_CHECK int crl_add_file(SSL_CTX *ctx, const char *path, struct err *err);

#endif

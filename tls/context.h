/* SPDX-License-Identifier: MIT */
/*
 * context: what both directions of TLS share: versions, ciphers, options; and OpenSSL's
 * error queue in words.
 */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include "base/err.h"

#include <openssl/ssl.h>

/*
 * Makes a context with TLS 1.2 and 1.3, security level 2, no compression, no
 * renegotiation and the I/O modes of the proxy, whatever openssl.cnf says. The caller
 * chooses ciphers and certificates. Gives a reference (SSL_CTX_free), or NULL.
 */
SSL_CTX *context_create(const SSL_METHOD *method);

/*
 * err_set with OpenSSL's newest reason appended (": reason"). Empties this thread's error
 * queue. Returns -code.
 */
int context_err(struct err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

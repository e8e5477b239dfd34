/* SPDX-License-Identifier: MIT */
/*
 * trust: files for clients that trust only what is in one file: the system's roots and
 * the CA's root together.
 *
 * bundle.pem       PEM, for OpenSSL, GnuTLS, Go, Python, PHP …
 * truststore.p12   PKCS#12, for Java; its password is TRUST_STORE_PASSWORD, and it is
 *                  readable without one
 *
 * Both are functions of their input alone: what is unchanged is not written again.
 */
#ifndef TLS_TRUST_H
#define TLS_TRUST_H

#include "base/err.h"

/* No secret: certificates are public. It is the one that Java's own store has. */
#define TRUST_STORE_PASSWORD "changeit"

/* Where this system keeps its roots as one PEM file; NULL: nowhere that is known. */
const char *trust_system_roots(void);

/*
 * Writes both files, mode 0644, into dir where they are missing or not what they should
 * be, each whole or not at all.
 *
 * ca_dir        holds root.pem; locked meanwhile
 * system_roots  a PEM file; what is no certificate in it is left out. NULL: none
 * dir           ca_dir, or a folder that is there, and then gets a copy of root.pem too
 * Returns 0; -ENOENT when there is no CA yet; or another negative errno.
 */
MUST_CHECK int trust_write(
    const char *ca_dir, const char *system_roots, const char *dir, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * cert: building the three kinds of certificates, P-256 and SHA-256 throughout.
 *
 * now and other times are seconds since 1970, UTC.  Source: RFC 5280, reliability.md T7
 * to T9.
 */
#ifndef TLS_CERT_H
#define TLS_CERT_H

#include "base/err.h"
#include "tls/names.h"

#include <openssl/x509.h>
#include <stdint.h>

#define CERT_DAY_S       ((int64_t)86400)
#define CERT_BACKDATE_S  (2 * CERT_DAY_S)  /* clients' clocks are wrong, too */
#define CERT_LEAF_LIFE_S (90 * CERT_DAY_S) /* from notBefore to notAfter */
#define CERT_YEAR_S      (365 * CERT_DAY_S)
#define CERT_CHAIN_MAX   30000 /* DER bytes; Java reads handshake messages of 32 KiB */

/* Who signs: both borrowed. */
struct cert_issuer {
	X509 *cert;
	EVP_PKEY *key;
};

/* Makes a P-256 key. Gives it (EVP_PKEY_free). */
MUST_CHECK int cert_key_create(EVP_PKEY **ret_key, struct err *err);

/* Makes a self-signed root of 10 years, with a name of its own. Gives it (X509_free). */
MUST_CHECK int cert_root(EVP_PKEY *key, int64_t now, X509 **ret_cert, struct err *err);

/*
 * Makes an intermediate that may sign for names only (and what is below them), until
 * not_after or the root's end. An empty list permits a name that cannot exist.
 */
MUST_CHECK int cert_intermediate(struct cert_issuer root, EVP_PKEY *key,
    const struct name_list *names, int64_t now, int64_t not_after, X509 **ret_cert,
    struct err *err);

/* Makes a server certificate for name, never beyond the issuer's end. */
MUST_CHECK int cert_leaf(struct cert_issuer issuer, EVP_PKEY *key, const char *name,
    int64_t now, X509 **ret_cert, struct err *err);

/* The DNS names that a certificate's constraints permit. Gives the list. */
MUST_CHECK int cert_permitted_names(X509 *cert, struct name_list *ret_list);

/* The end of a certificate; INT64_MIN when it cannot be read. */
int64_t cert_not_after(const X509 *cert);
int64_t cert_not_before(const X509 *cert);

#endif

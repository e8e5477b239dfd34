/* SPDX-License-Identifier: MIT */
/*
 * ca: the certificate authority that clients trust, under state_dir/ca.
 *
 * A root (root.pem, root.key) and an intermediate (intermediate.pem, intermediate.key)
 * that signs leaves, P-256 throughout. The intermediate carries critical name
 * constraints: only the routed hosts, no IP names, pathlen 0. Keys are 0600 and refused
 * when wider. DESIGN section 7; RFC 5280 4.2.1.10.
 */
#ifndef TLS_CA_H
#define TLS_CA_H

#include "base/err.h"
#include "base/slice.h"

#include <openssl/ssl.h>
#include <stdbool.h>

struct ca;

struct ca_settings {
	const char *dir;       /* state_dir/ca, made 0700 */
	bool discard_root_key; /* ca.root_key: discard */
};

/*
 * Loads the CA, making what is missing. hosts are patterns ("api.resend.com",
 * "*.amocrm.ru"); an intermediate whose constraints do not cover exactly them, or that
 * nears its end, is signed anew under the same root. Errors say what to do.
 */
MUST_CHECK int ca_open(const struct ca_settings *settings, const char *const *hosts,
    size_t host_count, struct ca **ret_ca, struct err *err);

/* Loads the CA for looking at it only: nothing is made. -ENOENT when there is none yet.
 */
MUST_CHECK int ca_open_existing(
    const struct ca_settings *settings, struct ca **ret_ca, struct err *err);

/* Does what ca_open does, for a new set of hosts: where a new intermediate is signed,
 * cached leaves are dropped. Leaves may be asked for meanwhile, and calls in progress
 * keep what they have; ca_facts may not. On failure the CA goes on as it was. */
MUST_CHECK int ca_reload(
    struct ca *ca, const char *const *hosts, size_t host_count, struct err *err);

/* Makes a new root (and intermediate): clients must trust the new one. For `waybill ca
 * renew`; with only_intermediate the root stays. */
MUST_CHECK int ca_renew(const struct ca_settings *settings, const char *const *hosts,
    size_t host_count, bool only_intermediate, struct err *err);

void ca_close(struct ca *ca);

/*
 * Gives a context whose certificate is for host (a DNS name), chain included: TLS 1.2
 * and 1.3, ECDHE with AEAD, ALPN http/1.1 where offered, tickets on, session id context
 * per host. Cached (bounded), one key per process, at most 90 days; renewed in time. Any
 * thread. The caller frees its reference with SSL_CTX_free. -ENOTSUP for an address (only
 * names can be routed), -EINVAL for no DNS name, -EACCES for a host that is not routed.
 */
MUST_CHECK int ca_leaf(
    struct ca *ca, struct slice host, SSL_CTX **ret_ctx, struct err *err);

/* Borrowed until ca_reload or ca_close. The root as PEM, its path, SHA-256 fingerprint
 * "AA:BB:…" and end date. */
struct ca_facts {
	const char *root_path;
	const char *root_pem;
	char fingerprint[96];
	char not_after[32];              /* 2036-11-20 */
	char intermediate_not_after[32]; /* "" when there is none */
	size_t host_count; /* names that the intermediate may sign for, as in its
	                      constraints: amocrm.ru stands for all below, too */
	const char *const *hosts;
	bool has_root_key;
};
const struct ca_facts *ca_facts(const struct ca *ca);

#endif

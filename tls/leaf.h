/* SPDX-License-Identifier: MIT */
/*
 * leaf: contexts for the routed hosts, each with its certificate, made when first needed.
 *
 * Bounded (the least recently used goes first) and any thread may use it; nothing is
 * signed while the lock is held. An entry is made anew when a third of its certificate's
 * life is left, and after a day, so that ticket keys do not grow old.
 */
#ifndef TLS_LEAF_H
#define TLS_LEAF_H

#include "tls/cert.h"
#include "tls/names.h"

#include <openssl/ssl.h>

#define LEAF_CACHE_MAX 1024
#define LEAF_RENEW_S   CERT_DAY_S

struct leaf_cache;

/* limit: entries at most. Makes the one key that all leaves share. */
MUST_CHECK int leaf_cache_create(
    size_t limit, struct leaf_cache **ret_cache, struct err *err);
void leaf_cache_destroy(struct leaf_cache *cache);

/*
 * Sets who signs, and for which names; drops all entries unless it is the same
 * certificate. Borrows for the call. -ENOMEM leaves everything as it was.
 */
MUST_CHECK int leaf_cache_set_issuer(struct leaf_cache *cache, struct cert_issuer issuer,
    const struct name_list *names, struct err *err);

/*
 * Gives the context for host (SSL_CTX_free). now is in seconds since 1970.
 * -ENOTSUP for an address, -EINVAL for no name, -EACCES for a name that is not routed.
 */
MUST_CHECK int leaf_cache_get(struct leaf_cache *cache, struct slice host, int64_t now,
    SSL_CTX **ret_ctx, struct err *err);

size_t leaf_cache_count(struct leaf_cache *cache);

#endif

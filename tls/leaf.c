/* SPDX-License-Identifier: MIT */
/*
 * leaf: see the header. Source: reliability.md T4, T6, T7, T10; clients.md 10 to 12.
 */
#include "tls/leaf.h"

#include "tls/context.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#define BUCKETS 256

/* Stateful sessions are only for TLS 1.2 clients without tickets. */
#define SESSIONS_PER_HOST 128
#define SESSION_LIFE_S    (4 * 3600)

struct leaf {
	char host[NAME_SIZE];
	LIST_ENTRY(leaf) in_bucket;
	TAILQ_ENTRY(leaf) in_order;
	int64_t made;
	int64_t renew;
	SSL_CTX *ctx; /* owned */
};

LIST_HEAD(leaf_bucket, leaf);
TAILQ_HEAD(leaf_order, leaf);

/* Owned; who signs and for what. */
struct leaf_issuer {
	X509 *cert;
	EVP_PKEY *key;
	struct name_list names;
};

struct leaf_cache {
	pthread_mutex_t lock; /* guards all below but leaf_key */
	struct leaf_bucket buckets[BUCKETS];
	struct leaf_order order; /* most recently used first */
	size_t count;
	size_t limit;
	struct leaf_issuer issuer;
	EVP_PKEY *leaf_key; /* owned, never changed */
};

/* FNV-1a. Only routed names get in, so nobody can choose colliding ones. */
static size_t bucket_of(const char *host)
{
	uint32_t hash = 2166136261u;

	for (; *host; host++) {
		hash = (hash ^ (unsigned char)*host) * 16777619u;
	}
	return hash % BUCKETS;
}

static struct leaf *find(struct leaf_cache *cache, const char *host)
{
	struct leaf *leaf;

	LIST_FOREACH(leaf, &cache->buckets[bucket_of(host)], in_bucket) {
		if (strcmp(leaf->host, host) == 0) {
			return leaf;
		}
	}
	return NULL;
}

static void drop(struct leaf_cache *cache, struct leaf *leaf)
{
	LIST_REMOVE(leaf, in_bucket);
	TAILQ_REMOVE(&cache->order, leaf, in_order);
	cache->count--;
	SSL_CTX_free(leaf->ctx);
	free(leaf);
}

static void issuer_finish(struct leaf_issuer *issuer)
{
	X509_free(issuer->cert);
	EVP_PKEY_free(issuer->key);
	name_list_finish(&issuer->names);
}

int leaf_cache_create(size_t limit, struct leaf_cache **ret_cache, struct err *err)
{
	struct leaf_cache *cache = calloc(1, sizeof(*cache));
	int r;

	if (!cache) {
		return err_set(err, ENOMEM, "out of memory for the certificate cache");
	}
	r = cert_key_create(&cache->leaf_key, err);
	if (r < 0) {
		free(cache);
		return r;
	}
	(void)pthread_mutex_init(&cache->lock, NULL); /* cannot fail without attributes */
	TAILQ_INIT(&cache->order);
	cache->limit = limit > 0 ? limit : 1;
	*ret_cache = cache;
	return 0;
}

void leaf_cache_destroy(struct leaf_cache *cache)
{
	if (!cache) {
		return;
	}
	while (!TAILQ_EMPTY(&cache->order)) {
		drop(cache, TAILQ_FIRST(&cache->order));
	}
	issuer_finish(&cache->issuer);
	EVP_PKEY_free(cache->leaf_key);
	(void)pthread_mutex_destroy(&cache->lock); /* nobody holds it */
	free(cache);
}

int leaf_cache_set_issuer(struct leaf_cache *cache, struct cert_issuer issuer,
    const struct name_list *names, struct err *err)
{
	struct leaf_issuer next = { issuer.cert, issuer.key, { 0 } };
	struct leaf_issuer old;

	if (name_list_copy(names, &next.names) < 0) {
		return err_set(err, ENOMEM, "out of memory for the list of hosts");
	}
	(void)X509_up_ref(issuer.cert);    /* a count; cannot fail */
	(void)EVP_PKEY_up_ref(issuer.key); /* the same */
	(void)pthread_mutex_lock(&cache->lock);
	old = cache->issuer;
	cache->issuer = next;
	if (!old.cert || X509_cmp(old.cert, next.cert) != 0) {
		while (!TAILQ_EMPTY(&cache->order)) {
			drop(cache, TAILQ_FIRST(&cache->order));
		}
	}
	(void)pthread_mutex_unlock(&cache->lock);
	issuer_finish(&old);
	return 0;
}

/* HTTP/1.1 wherever it is offered, in any place of the list; else no ALPN at all. */
static int on_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
    const unsigned char *offer, unsigned int offer_len, void *arg)
{
	static const char http11[] = "http/1.1";

	(void)ssl;
	(void)arg;
	for (unsigned int i = 0; i < offer_len; i += 1u + offer[i]) {
		if (offer[i] == sizeof(http11) - 1 && i + offer[i] < offer_len &&
		    memcmp(offer + i + 1, http11, sizeof(http11) - 1) == 0) {
			*ret_name = offer + i + 1;
			*ret_len = offer[i];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_NOACK;
}

/* A session made for one host is never taken up for another (T10). */
static bool isolate_sessions(SSL_CTX *ctx, const char *host)
{
	unsigned char id[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (EVP_Digest(host, strlen(host), id, &len, EVP_sha256(), NULL) != 1 ||
	    SSL_CTX_set_session_id_context(ctx, id, len) != 1) {
		return false;
	}
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER);
	(void)SSL_CTX_sess_set_cache_size(ctx, SESSIONS_PER_HOST);
	(void)SSL_CTX_set_timeout(ctx, SESSION_LIFE_S);
	return true;
}

static SSL_CTX *make_context(
    const char *host, X509 *cert, EVP_PKEY *key, X509 *intermediate)
{
	SSL_CTX *ctx = context_create(TLS_server_method());

	if (!ctx) {
		return NULL;
	}
	if (SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
	    SSL_CTX_use_certificate(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
	    SSL_CTX_add1_chain_cert(ctx, intermediate) != 1 ||
	    !isolate_sessions(ctx, host)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	return ctx;
}

static int make_leaf(struct cert_issuer issuer, EVP_PKEY *leaf_key, const char *host,
    int64_t now, struct leaf **ret_leaf, struct err *err)
{
	struct leaf *leaf = calloc(1, sizeof(*leaf));
	X509 *cert = NULL;
	int64_t end;
	int r;

	if (!leaf) {
		return err_set(
		    err, ENOMEM, "out of memory for the certificate of %s", host);
	}
	r = cert_leaf(issuer, leaf_key, host, now, &cert, err);
	if (r < 0) {
		free(leaf);
		return r;
	}
	memcpy(leaf->host, host, strlen(host) + 1);
	end = cert_not_after(cert);
	leaf->made = now;
	leaf->renew = end - (end - now) / 3;
	if (leaf->renew > now + LEAF_RENEW_S) {
		leaf->renew = now + LEAF_RENEW_S;
	}
	leaf->ctx = make_context(host, cert, leaf_key, issuer.cert);
	X509_free(cert);
	if (!leaf->ctx) {
		free(leaf);
		return context_err(err, ENOMEM, "cannot make a TLS context for %s", host);
	}
	*ret_leaf = leaf;
	return 0;
}

/* Gives a fresh entry's context, or NULL. A clock that was set back far makes entries
 * stale, too: their certificates may not be valid yet. */
static SSL_CTX *take_cached(struct leaf_cache *cache, const char *host, int64_t now)
{
	struct leaf *leaf = find(cache, host);

	if (!leaf) {
		return NULL;
	}
	if (now >= leaf->renew || now < leaf->made - CERT_DAY_S) {
		drop(cache, leaf);
		return NULL;
	}
	TAILQ_REMOVE(&cache->order, leaf, in_order);
	TAILQ_INSERT_HEAD(&cache->order, leaf, in_order);
	(void)SSL_CTX_up_ref(leaf->ctx); /* a count; cannot fail */
	return leaf->ctx;
}

/* Takes leaf. Gives the context to use: that of another thread when it was faster, so
 * that all connections to a host share their sessions. */
static SSL_CTX *insert(
    struct leaf_cache *cache, struct leaf *leaf, const X509 *issuer, int64_t now)
{
	SSL_CTX *ctx = take_cached(cache, leaf->host, now);

	if (ctx || cache->issuer.cert != issuer) {
		if (!ctx) {
			ctx = leaf->ctx;
			leaf->ctx = NULL; /* used once: its issuer has been replaced */
		}
		SSL_CTX_free(leaf->ctx);
		free(leaf);
		return ctx;
	}
	if (cache->count >= cache->limit) {
		drop(cache, TAILQ_LAST(&cache->order, leaf_order));
	}
	LIST_INSERT_HEAD(&cache->buckets[bucket_of(leaf->host)], leaf, in_bucket);
	TAILQ_INSERT_HEAD(&cache->order, leaf, in_order);
	cache->count++;
	(void)SSL_CTX_up_ref(leaf->ctx); /* a count; cannot fail */
	return leaf->ctx;
}

static int bad_host(int code, struct slice host, struct err *err)
{
	if (code == -ENOTSUP) {
		return err_set(err, ENOTSUP,
		    "%.*s is an address: only host names can be routed, so there is no certificate "
		    "for it",
		    host.len > 64 ? 64 : (int)host.len, host.ptr);
	}
	return err_set(
	    err, EINVAL, "this is no host name, so there is no certificate for it");
}

/* With the lock held: a cached context, or *ret_issuer with references to sign one. */
static int look_up(struct leaf_cache *cache, const char *host, int64_t now,
    struct cert_issuer *ret_issuer, SSL_CTX **ret_ctx, struct err *err)
{
	SSL_CTX *ctx = take_cached(cache, host, now);

	if (ctx) {
		*ret_ctx = ctx;
		return 0;
	}
	if (!name_list_covers(&cache->issuer.names, host)) {
		return err_set(err, EACCES,
		    "%s is not among the routed hosts, so there is no certificate for it",
		    host);
	}
	*ret_issuer = (struct cert_issuer){ cache->issuer.cert, cache->issuer.key };
	(void)X509_up_ref(ret_issuer->cert);    /* a count; cannot fail */
	(void)EVP_PKEY_up_ref(ret_issuer->key); /* the same */
	return 0;
}

int leaf_cache_get(struct leaf_cache *cache, struct slice host, int64_t now,
    SSL_CTX **ret_ctx, struct err *err)
{
	struct cert_issuer issuer = { NULL, NULL };
	struct leaf *leaf = NULL;
	SSL_CTX *ctx = NULL;
	char name[NAME_SIZE];
	int r = name_read(host, name);

	if (r < 0) {
		return bad_host(r, host, err);
	}
	(void)pthread_mutex_lock(&cache->lock);
	r = look_up(cache, name, now, &issuer, &ctx, err);
	(void)pthread_mutex_unlock(&cache->lock);
	if (r == 0 && !ctx) {
		r = make_leaf(issuer, cache->leaf_key, name, now, &leaf, err);
		if (r == 0) {
			(void)pthread_mutex_lock(&cache->lock);
			ctx = insert(cache, leaf, issuer.cert, now);
			(void)pthread_mutex_unlock(&cache->lock);
		}
	}
	X509_free(issuer.cert);
	EVP_PKEY_free(issuer.key);
	if (r == 0) {
		*ret_ctx = ctx;
	}
	return r;
}

size_t leaf_cache_count(struct leaf_cache *cache)
{
	size_t count;

	(void)pthread_mutex_lock(&cache->lock);
	count = cache->count;
	(void)pthread_mutex_unlock(&cache->lock);
	return count;
}

/* SPDX-License-Identifier: MIT */
/*
 * upstream: see the header. Source: reliability.md T1, T4, T5, T10.
 */
#include "tls/upstream.h"

#include "base/buf.h"
#include "tls/context.h"
#include "tls/crl.h"
#include "tls/failure.h"
#include "tls/pemfile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define CHAIN_DEPTH_MAX 8
#define CA_FILE_MAX     (16u * 1024 * 1024)

/* AEAD and forward secrecy only. (RFC 9325 4.2.) */
#define SUITES_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!PSK"

#define HOST_FLAGS                                                                       \
	(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)

struct upstream_tls {
	SSL_CTX *ctx; /* owned, not changed once connections are made */
};

/* A host as verification wants it. */
struct peer_name {
	char text[254]; /* no brackets, no final dot */
	bool is_address;
};

/* Adds every certificate of a PEM text to store. Returns how many, or -EINVAL. */
static int add_roots(X509_STORE *store, BIO *bio)
{
	X509 *cert;
	int count = 0;

	/* AUX: bundles also hold BEGIN TRUSTED CERTIFICATE. */
	while ((cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL))) {
		int ok = X509_STORE_add_cert(store, cert);

		X509_free(cert);
		if (ok != 1) {
			return -EINVAL;
		}
		count++;
	}
	return pemfile_at_end() ? count : -EINVAL;
}

static int add_ca_file(SSL_CTX *ctx, const char *path, struct err *err)
{
	struct buf text = { 0 };
	BIO *bio;
	int r = pemfile_read(path, CA_FILE_MAX, "look at upstream.ca_file", &text, err);
	int count = -EINVAL;

	if (r < 0) {
		buf_finish(&text);
		return r;
	}
	bio = BIO_new_mem_buf(text.len ? text.ptr : "", (int)text.len);
	if (bio) {
		count = add_roots(SSL_CTX_get_cert_store(ctx), bio);
	}
	BIO_free(bio);
	buf_finish(&text);
	if (count < 0) {
		return context_err(err, EINVAL,
		    "upstream.ca_file: %s holds a certificate that is broken", path);
	}
	if (count == 0) {
		return err_set(err, EINVAL,
		    "upstream.ca_file: %s holds no certificate in PEM form (BEGIN CERTIFICATE)",
		    path);
	}
	return 0;
}

/* What is verified, and how strictly: set here, whatever openssl.cnf says (T1). */
static bool set_verification(SSL_CTX *ctx)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, failure_on_verify);
	SSL_CTX_set_verify_depth(ctx, CHAIN_DEPTH_MAX);
	X509_VERIFY_PARAM_set_hostflags(param, HOST_FLAGS);
	return X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER) == 1 &&
	       /* As curl: an intermediate in ca_file is trusted as it stands. */
	       X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) == 1;
}

static SSL_CTX *make_context(void)
{
	static const unsigned char alpn[] = "\x08http/1.1";
	SSL_CTX *ctx = context_create(TLS_client_method());

	if (!ctx) {
		return NULL;
	}
	SSL_CTX_set_client_cert_cb(ctx, failure_on_certificate_wanted);
	(void)SSL_CTX_set_session_cache_mode(
	    ctx, SSL_SESS_CACHE_OFF); /* the caller's matter */
	if (SSL_CTX_set_cipher_list(ctx, SUITES_TLS12) != 1 ||
	    SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn) - 1) != 0 ||
	    SSL_CTX_set_default_verify_paths(ctx) != 1 || !set_verification(ctx)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_security_level(
	    ctx, 2); /* again: the cipher list may hold @SECLEVEL */
	return ctx;
}

int upstream_tls_create(
    const char *ca_file, struct upstream_tls **ret_tls, struct err *err)
{
	struct upstream_tls *tls = calloc(1, sizeof(*tls));
	int r;

	if (!tls) {
		return err_set(err, ENOMEM, "out of memory for TLS");
	}
	tls->ctx = make_context();
	if (!tls->ctx) {
		free(tls);
		return context_err(err, EIO, "cannot set up TLS towards the APIs");
	}
	r = ca_file ? add_ca_file(tls->ctx, ca_file, err) : 0;
	if (r < 0) {
		upstream_tls_destroy(tls);
		return r;
	}
	*ret_tls = tls;
	return 0;
}

int upstream_tls_add_crls(struct upstream_tls *tls, const char *crl_file, struct err *err)
{
	return crl_file ? crl_add_file(tls->ctx, crl_file, err) : 0;
}

void upstream_tls_destroy(struct upstream_tls *tls)
{
	if (!tls) {
		return;
	}
	SSL_CTX_free(tls->ctx);
	free(tls);
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* A wildcard, a NUL or an empty name must never reach SSL_set1_host: an empty one would
 * turn the check off. */
static int read_peer_name(struct slice host, struct peer_name *ret_name)
{
	struct in6_addr address;

	if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
		host.ptr++;
		host.len -= 2;
	} else if (host.len > 0 && host.ptr[host.len - 1] == '.') {
		host.len--;
	}
	if (host.len == 0 || host.len >= sizeof(ret_name->text) ||
	    memchr(host.ptr, '\0', host.len)) {
		return -EINVAL;
	}
	memcpy(ret_name->text, host.ptr, host.len);
	ret_name->text[host.len] = '\0';
	ret_name->is_address = inet_pton(AF_INET, ret_name->text, &address) == 1 ||
	                       inet_pton(AF_INET6, ret_name->text, &address) == 1;
	if (ret_name->is_address) {
		return 0;
	}
	for (size_t i = 0; i < host.len; i++) {
		if (!is_name_byte(host.ptr[i])) {
			return -EINVAL;
		}
	}
	return host.ptr[0] == '.' ? -EINVAL : 0;
}

/* A resumed handshake verifies nothing anew, so a session is taken up only when its
 * certificate would still do for this host (T10). */
static bool session_fits(SSL_SESSION *session, const struct peer_name *name)
{
	X509 *cert = SSL_SESSION_get0_peer(session);

	if (!cert || !SSL_SESSION_is_resumable(session) ||
	    X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0) {
		return false;
	}
	if (name->is_address) {
		return X509_check_ip_asc(cert, name->text, HOST_FLAGS) == 1;
	}
	return X509_check_host(cert, name->text, 0, HOST_FLAGS, NULL) == 1;
}

static bool bind_host(SSL *ssl, const struct peer_name *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	SSL_set_hostflags(ssl, HOST_FLAGS);
	if (name->is_address) {
		return X509_VERIFY_PARAM_set1_ip_asc(param, name->text) == 1;
	}
	return SSL_set1_host(ssl, name->text) == 1 &&
	       SSL_set_tlsext_host_name(ssl, name->text) == 1;
}

int upstream_tls_new(struct upstream_tls *tls, struct slice host, const struct pins *pins,
    SSL_SESSION *session, SSL **ret_ssl, struct err *err)
{
	static const struct pins none;
	struct peer_name name;
	SSL *ssl;

	if (read_peer_name(host, &name) < 0) {
		return err_set(err, EINVAL,
		    "no TLS connection is made without a host name to verify, and this is none");
	}
	ssl = SSL_new(tls->ctx);
	if (!ssl || failure_attach(ssl, name.text, pins ? pins : &none) < 0 ||
	    !bind_host(ssl, &name)) {
		SSL_free(ssl);
		return context_err(err, ENOMEM, "cannot set up TLS for %s", name.text);
	}
	if (session && session_fits(session, &name) &&
	    SSL_set_session(ssl, session) != 1) {
		ERR_clear_error(); /* then without it: a whole handshake */
	}
	SSL_set_connect_state(ssl);
	*ret_ssl = ssl;
	return 0;
}

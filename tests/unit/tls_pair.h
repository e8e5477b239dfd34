/* SPDX-License-Identifier: MIT */
/*
 * tls_pair: for the TLS tests: two SSLs that talk through memory, a folder that goes
 * away, and certificates of every bad kind.
 */
#ifndef TESTS_TLS_PAIR_H
#define TESTS_TLS_PAIR_H

#include "base/err.h"
#include "base/slice.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400L

/* Makes a folder under $TMPDIR or /tmp. free() the path after folder_remove. */
static inline char *folder_make(void)
{
	const char *base = getenv("TMPDIR");
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/waybill-tls-XXXXXX", base ? base : "/tmp");
	return mkdtemp(path) ? strdup(path) : NULL;
}

/* Removes a folder with files and at most one level of folders in it. */
static inline void folder_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char *inner = NULL;

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
			continue;
		}
		if (asprintf(&inner, "%s/%s", path, entry->d_name) < 0) {
			break;
		}
		if (unlink(inner) < 0) {
			folder_remove(inner);
		}
		free(inner);
	}
	if (dir) {
		(void)closedir(dir);
	}
	(void)rmdir(path);
}

static inline void file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (file) {
		(void)fputs(text, file);
		(void)fclose(file);
	}
}

static inline X509 *cert_load(const char *path)
{
	FILE *file = fopen(path, "re");
	X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

	if (file) {
		(void)fclose(file);
	}
	return cert;
}

static inline EVP_PKEY *key_load(const char *path)
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;

	if (file) {
		(void)fclose(file);
	}
	return key;
}

static inline void cert_save(const char *path, X509 *cert)
{
	FILE *file = fopen(path, "we");

	if (file) {
		(void)PEM_write_X509(file, cert);
		(void)fclose(file);
	}
}

/* What a certificate for a test says; zeros: nothing. */
struct cert_plan {
	const char *subject; /* CN */
	const char *san;     /* "DNS:a,IP:1.2.3.4" */
	const char *basic;   /* "CA:TRUE" */
	const char *eku;     /* "clientAuth" */
	long from, until;    /* seconds from now; both 0: yesterday to tomorrow */
};

static inline void plan_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&context);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

/* issuer NULL: self-signed with key. */
static inline X509 *plan_cert(
    const struct cert_plan *plan, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	static long serial = 1000;
	X509 *cert = X509_new();
	long from = plan->from || plan->until ? plan->from : -DAY;
	long until = plan->from || plan->until ? plan->until : DAY;

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), from);
	X509_gmtime_adj(X509_getm_notAfter(cert), until);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
	    (const unsigned char *)plan->subject, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert));
	if (plan->basic) {
		plan_extension(
		    cert, issuer ? issuer : cert, NID_basic_constraints, plan->basic);
	}
	if (plan->eku) {
		plan_extension(
		    cert, issuer ? issuer : cert, NID_ext_key_usage, plan->eku);
	}
	if (plan->san) {
		plan_extension(
		    cert, issuer ? issuer : cert, NID_subject_alt_name, plan->san);
	}
	X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256());
	return cert;
}

/* Two ends, tied by a BIO pair. */
struct tls_pair {
	SSL *client; /* owned */
	SSL *server; /* owned */
	int client_error;
};

static inline bool pair_step(SSL *ssl, int *ret_error)
{
	int r = SSL_do_handshake(ssl);

	*ret_error = r == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, r);
	return *ret_error == SSL_ERROR_WANT_READ || *ret_error == SSL_ERROR_WANT_WRITE;
}

/* Takes client; makes the server's end from server_ctx. Returns whether both ends agreed.
 */
static inline bool pair_handshake(struct tls_pair *pair, SSL *client, SSL_CTX *server_ctx)
{
	BIO *a = NULL, *b = NULL;
	int server_error = SSL_ERROR_WANT_READ;
	char byte;

	pair->client = client;
	pair->client_error = SSL_ERROR_WANT_READ;
	pair->server = SSL_new(server_ctx);
	SSL_set_accept_state(pair->server);
	BIO_new_bio_pair(&a, 65536, &b, 65536);
	SSL_set_bio(client, a, a);
	SSL_set_bio(pair->server, b, b);
	for (int i = 0; i < 20; i++) {
		bool more = pair_step(client, &pair->client_error);

		if (pair->client_error != SSL_ERROR_NONE && !more) {
			return false; /* the client's queue is left for
			                 upstream_tls_failure */
		}
		(void)pair_step(pair->server, &server_error);
		if (pair->client_error == SSL_ERROR_NONE &&
		    server_error == SSL_ERROR_NONE) {
			/* tickets of TLS 1.3 come with the first read */
			(void)SSL_write(pair->server, "x", 1);
			return SSL_read(client, &byte, 1) == 1;
		}
	}
	return false;
}

static inline void pair_finish(struct tls_pair *pair)
{
	SSL_set_shutdown(pair->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_set_shutdown(pair->server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(pair->client);
	SSL_free(pair->server);
	*pair = (struct tls_pair){ 0 };
}

#endif

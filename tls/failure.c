/* SPDX-License-Identifier: MIT */
/*
 * failure: see the header. What a certificate says is a stranger's text: only printable
 * ASCII gets through, and not much of it.
 */
#include "tls/failure.h"

#include "tls/upstream.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NAMES_SHOWN 3

struct peer {
	char host[256];
	struct pins pins;
	int code; /* X509_V_ERR_…, X509_V_OK: none noted */
	char text[1024];
	bool wants_certificate; /* it has asked for one */
};

static pthread_once_t index_once = PTHREAD_ONCE_INIT;
static int peer_index = -1;

static void on_free(
    void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	free(ptr);
}

static void make_index(void)
{
	peer_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_free);
}

static struct peer *peer_of(const SSL *ssl)
{
	(void)pthread_once(&index_once, make_index); /* cannot fail */
	return ssl && peer_index >= 0 ? SSL_get_ex_data(ssl, peer_index) : NULL;
}

int failure_attach(SSL *ssl, const char *host, const struct pins *pins)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	(void)pthread_once(&index_once, make_index); /* cannot fail */
	if (!peer || peer_index < 0 || SSL_set_ex_data(ssl, peer_index, peer) != 1) {
		free(peer);
		return -ENOMEM;
	}
	(void)snprintf(peer->host, sizeof(peer->host), "%s", host);
	peer->pins = *pins;
	peer->code = X509_V_OK;
	return 0;
}

/* Appends a stranger's bytes, at most 80 of them, anything odd as '?'. */
static void put_foreign(char *text, size_t size, const char *data, size_t len)
{
	size_t at = strlen(text);

	for (size_t i = 0; i < len && i < 80 && at + 1 < size; i++) {
		text[at++] = data[i] > ' ' && data[i] <= '~' ? data[i]
		             : data[i] == ' '                ? ' '
		                                             : '?';
	}
	text[at] = '\0';
}

static void put(char *text, size_t size, const char *more)
{
	size_t at = strlen(text);

	(void)snprintf(text + at, size - at, "%s", more); /* cut when full */
}

/* The common name, or the whole name when there is none. */
static void put_name(char *text, size_t size, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	char *data = NULL;
	long len;

	if (!bio) {
		return;
	}
	if (at >= 0) {
		put(text, size, "CN=");
		(void)ASN1_STRING_print_ex(bio,
		    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)),
		    ASN1_STRFLGS_RFC2253);
	} else {
		(void)X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
	}
	len = BIO_get_mem_data(bio, &data);
	if (len > 0) {
		put_foreign(text, size, data, (size_t)len);
	} else {
		put(text, size, "no name");
	}
	BIO_free(bio);
}

static void put_date(char *text, size_t size, const ASN1_TIME *when)
{
	struct tm tm;
	char date[32];

	if (ASN1_TIME_to_tm(when, &tm) == 1 &&
	    strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &tm) > 0) {
		put(text, size, date);
	} else {
		put(text, size, "an unreadable date");
	}
}

/* The first few names a certificate is for. */
static void put_alt_names(char *text, size_t size, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int shown = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && shown <= NAMES_SHOWN; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS) {
			continue;
		}
		if (shown > 0) {
			put(text, size, ", ");
		}
		if (shown++ == NAMES_SHOWN) {
			put(text, size, "…");
			break;
		}
		put_foreign(text, size,
		    (const char *)ASN1_STRING_get0_data(name->d.dNSName),
		    (size_t)ASN1_STRING_length(name->d.dNSName));
	}
	if (shown == 0) {
		put(text, size, "no host name");
	}
	GENERAL_NAMES_free(names);
}

static enum tls_failure kind_of(long code)
{
	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_FAILURE_EXPIRED;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return TLS_FAILURE_HOSTNAME;
	case X509_V_OK:
	case X509_V_ERR_UNSPECIFIED:
	case X509_V_ERR_OUT_OF_MEM:
	case X509_V_ERR_INVALID_CALL:
	case X509_V_ERR_STORE_LOOKUP:
	case X509_V_ERR_APPLICATION_VERIFICATION:
		return TLS_FAILURE_OTHER;
	default:
		/* Issuer, signature, purpose, path, constraints, strength: no chain of
		 * trust. */
		return TLS_FAILURE_UNTRUSTED;
	}
}

static bool is_unknown_issuer(long code)
{
	return code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
	       code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
	       code == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
	       code == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
	       code == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
}

static void describe_untrusted(struct peer *peer, X509 *cert)
{
	size_t size = sizeof(peer->text);

	put(peer->text, size, "certificate is not trusted: ");
	put(peer->text, size, X509_verify_cert_error_string(peer->code));
	put(peer->text, size, " (");
	put_name(peer->text, size, X509_get_subject_name(cert));
	put(peer->text, size, ", issued by ");
	put_name(peer->text, size, X509_get_issuer_name(cert));
	put(peer->text, size, ")");
	if (peer->code == X509_V_ERR_CRL_HAS_EXPIRED) {
		put(peer->text, size, "; put a newer list into upstream.crl_file");
	}
	if (is_unknown_issuer(peer->code)) {
		put(peer->text, size,
		    "; if that issuer is your own, name its file in upstream.ca_file");
	}
}

static void describe(struct peer *peer, X509 *cert)
{
	size_t size = sizeof(peer->text);

	switch (kind_of(peer->code)) {
	case TLS_FAILURE_EXPIRED:
		if (peer->code == X509_V_ERR_CERT_HAS_EXPIRED) {
			put(peer->text, size, "certificate has expired on ");
			put_date(peer->text, size, X509_get0_notAfter(cert));
		} else {
			put(peer->text, size, "certificate is not valid before ");
			put_date(peer->text, size, X509_get0_notBefore(cert));
		}
		break;
	case TLS_FAILURE_HOSTNAME:
		put(peer->text, size, "certificate is for ");
		put_alt_names(peer->text, size, cert);
		put(peer->text, size, ", not for ");
		put(peer->text, size, peer->host);
		break;
	case TLS_FAILURE_UNTRUSTED:
		describe_untrusted(peer, cert);
		return;
	case TLS_FAILURE_OTHER:
		put(peer->text, size, X509_verify_cert_error_string(peer->code));
		break;
	}
	put(peer->text, size, " (");
	put_name(peer->text, size, X509_get_subject_name(cert));
	put(peer->text, size, ")");
}

/*
 * A CA's certificate shown by a server: whoever made it uses one key for both, or has
 * stolen it. One that is trusted as it stands (a self-signed server in upstream.ca_file)
 * is what its owner wanted. CA/Browser Forum baseline requirements 7.1.2.7.8.
 */
static bool is_ca_as_leaf(X509_STORE_CTX *store)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	return cert && X509_STORE_CTX_get_error_depth(store) == 0 &&
	       sk_X509_num(X509_STORE_CTX_get0_chain(store)) > 1 &&
	       (X509_get_extension_flags(cert) & EXFLAG_CA);
}

/* The pin of a certificate's key. Returns false when it has none that can be read. */
static bool pin_of(X509 *cert, uint8_t ret_sha256[PIN_BYTES])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool made = len > 0 && EVP_Digest(der, (size_t)len, ret_sha256, NULL,
	                           EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return made;
}

/*
 * The chain is verified and would do; is one of its keys pinned, too? If not, says which
 * there are: that is what whoever changes the service file needs to know.
 */
static bool lacks_pin(struct peer *peer, X509_STORE_CTX *store)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
	size_t size = sizeof(peer->text);
	uint8_t sha256[PIN_BYTES];
	char text[PIN_TEXT_SIZE];

	for (int i = 0; i < sk_X509_num(chain); i++) {
		if (pin_of(sk_X509_value(chain, i), sha256) &&
		    pins_have(&peer->pins, sha256)) {
			return false;
		}
	}
	put(peer->text, size,
	    "pin mismatch: the chain has none of the keys that the service file pins; seen:");
	for (int i = 0; i < sk_X509_num(chain); i++) {
		if (pin_of(sk_X509_value(chain, i), sha256)) {
			pin_text(sha256, text);
			put(peer->text, size, " ");
			put(peer->text, size, text);
		}
	}
	return true;
}

int failure_on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl =
	    X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct peer *peer = peer_of(ssl);
	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	if (!ok && X509_STORE_CTX_get_error(store) == X509_V_ERR_UNABLE_TO_GET_CRL) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	if (ok && is_ca_as_leaf(store)) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_CA);
		ok = 0;
	}
	/* depth 0 is the last that OpenSSL asks about, when all else is checked */
	if (ok && peer && peer->pins.count > 0 &&
	    X509_STORE_CTX_get_error_depth(store) == 0 && lacks_pin(peer, store)) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_UNTRUSTED);
		peer->code = X509_V_ERR_CERT_UNTRUSTED;
		return 0;
	}
	if (!ok && peer && peer->code == X509_V_OK) {
		peer->code = X509_STORE_CTX_get_error(store);
		cert = cert ? cert : X509_STORE_CTX_get0_cert(store);
		if (cert) {
			describe(peer, cert);
		}
	}
	return ok;
}

int failure_on_certificate_wanted(SSL *ssl, X509 **ret_cert, EVP_PKEY **ret_key)
{
	struct peer *peer = peer_of(ssl);

	(void)ret_cert;
	(void)ret_key;
	if (peer) {
		peer->wants_certificate = true;
	}
	return 0;
}

bool upstream_tls_wants_certificate(const SSL *ssl)
{
	const struct peer *peer = peer_of(ssl);

	return peer && peer->wants_certificate;
}

struct reason {
	int code;
	const char *text;
};

/* What OpenSSL calls these does not help somebody who reads a row. */
static const struct reason reasons[] = {
	{ SSL_R_HTTP_REQUEST, "the server does not speak TLS on this port" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
	    "the server refused the TLS handshake (no common cipher, or it wants a client "
	    "certificate)" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
	    "the server wants a client certificate" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
	    "the server speaks neither TLS 1.2 nor 1.3" },
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING,
	    "the server closed the connection during the TLS handshake" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "the server speaks neither TLS 1.2 nor 1.3" },
	{ SSL_R_WRONG_VERSION_NUMBER, "the server does not speak TLS on this port" },
};

static void describe_error(unsigned long error, char *ret_text, size_t text_size)
{
	const char *reason = ERR_reason_error_string(error);

	if (error == 0) {
		(void)snprintf(ret_text, text_size,
		    "the connection was lost during the TLS handshake");
		return;
	}
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
		    ERR_GET_REASON(error) == reasons[i].code) {
			(void)snprintf(ret_text, text_size, "%s", reasons[i].text);
			return;
		}
	}
	(void)snprintf(ret_text, text_size, "the TLS handshake failed: %s",
	    reason ? reason : "unknown reason");
}

enum tls_failure upstream_tls_failure(SSL *ssl, char *ret_text, size_t text_size)
{
	const struct peer *peer = peer_of(ssl);
	unsigned long error = ERR_peek_error();
	long code = peer && peer->code != X509_V_OK ? peer->code
	            : ssl                           ? SSL_get_verify_result(ssl)
	                                            : X509_V_OK;

	ERR_clear_error();
	if (code == X509_V_OK) {
		describe_error(error, ret_text, text_size);
		return TLS_FAILURE_OTHER;
	}
	(void)snprintf(ret_text, text_size, "%s",
	    peer && peer->text[0] ? peer->text : X509_verify_cert_error_string(code));
	return kind_of(code);
}

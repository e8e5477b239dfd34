/* SPDX-License-Identifier: MIT */
/*
 * hello: an SSL that is thrown away after its client-hello callback has run.
 */
#include "tls/hello.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdint.h>

struct peek {
	struct hello *hello;
	bool seen;
};

static pthread_once_t context_once = PTHREAD_ONCE_INIT;
static SSL_CTX *context; /* process-wide, made once */

/* server_name: a list with one host_name entry (RFC 6066 3). */
static void read_server_name(SSL *ssl, struct hello *hello)
{
	const unsigned char *ext = NULL;
	size_t len = 0;
	size_t name_len;

	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &ext, &len) ||
	    len < 5 || ext[2] != TLSEXT_NAMETYPE_host_name) {
		return;
	}
	name_len = (size_t)ext[3] << 8 | ext[4];
	if (name_len > len - 5 || name_len >= sizeof(hello->server_name)) {
		return;
	}
	for (size_t i = 0; i < name_len; i++) {
		unsigned char c = ext[5 + i];

		if (c <= ' ' || c >= 0x7f) {
			hello->server_name[0] = '\0';
			return;
		}
		hello->server_name[i] = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
	}
	if (name_len > 0 && hello->server_name[name_len - 1] == '.') {
		name_len--;
	}
	hello->server_name[name_len] = '\0';
}

static void read_alpn(SSL *ssl, struct hello *hello)
{
	const unsigned char *ext = NULL;
	size_t len = 0;

	if (!SSL_client_hello_get0_ext(
	        ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &ext, &len) ||
	    len < 2) {
		return;
	}
	hello->alpn = true;
	for (size_t at = 2; at < len && ext[at] < len - at; at += 1 + (size_t)ext[at]) {
		struct slice name = { (const char *)ext + at + 1, ext[at] };

		if (slice_eq(name, SLICE("http/1.1")) ||
		    slice_eq(name, SLICE("http/1.0"))) {
			hello->alpn_http11 = true;
		}
	}
}

static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
	struct peek *peek = SSL_get_app_data(ssl);

	(void)alert;
	(void)arg;
	read_server_name(ssl, peek->hello);
	read_alpn(ssl, peek->hello);
	peek->seen = true;
	return SSL_CLIENT_HELLO_RETRY;
}

static void make_context(void)
{
	context = SSL_CTX_new(TLS_server_method());
	if (context) {
		SSL_CTX_set_client_hello_cb(context, on_client_hello, NULL);
	}
}

enum hello_result hello_peek(struct slice data, struct hello *ret_hello)
{
	enum hello_result result = HELLO_BAD;
	struct peek peek = { .hello = ret_hello };
	BIO *source;
	SSL *ssl;
	int rc;

	memset(ret_hello, 0, sizeof(*ret_hello));
	(void)pthread_once(&context_once, make_context);
	ssl = context ? SSL_new(context) : NULL;
	source =
	    BIO_new_mem_buf(data.ptr, (int)(data.len < HELLO_MAX ? data.len : HELLO_MAX));
	if (!ssl || !source) {
		BIO_free(source);
		SSL_free(ssl);
		return HELLO_BAD;
	}
	/* an empty memory BIO says "try again" instead of end of file */
	BIO_set_mem_eof_return(source, -1);
	SSL_set_bio(ssl, source, BIO_new(BIO_s_null()));
	(void)SSL_set_app_data(ssl, &peek);
	rc = SSL_accept(ssl);
	if (peek.seen) {
		result = HELLO_READ;
	} else if (SSL_get_error(ssl, rc) == SSL_ERROR_WANT_READ &&
	           data.len < HELLO_MAX) {
		result = HELLO_MORE;
	}
	SSL_free(ssl);
	ERR_clear_error();
	return result;
}

/* SPDX-License-Identifier: MIT */
/*
 * TLS towards the APIs: who is accepted, who is refused and in which words; and that
 * waybill's own leaves are accepted for what is routed and refused for everything else.
 */
#include "tests/unit/tls_pair.h"
#include "tls/ca.h"
#include "tls/cert.h"
#include "tls/upstream.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const routed[] = { "api.resend.com", "*.amocrm.ru" };

/* A CA of the test's own, which the client trusts through ca_file. */
struct fixture {
	char *dir;
	char ca_file[600];
	X509 *ca;
	EVP_PKEY *ca_key;
	EVP_PKEY *key; /* of the servers */
	struct upstream_tls *tls;
	const struct pins *pins; /* of the next connections; NULL: none */
};

static int setup(void **state)
{
	static const struct cert_plan plan = { .subject = "test CA",
		.basic = "critical,CA:TRUE" };
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = folder_make();
	(void)snprintf(f->ca_file, sizeof(f->ca_file), "%s/roots.pem", f->dir);
	f->ca_key = EVP_EC_gen("P-256");
	f->key = EVP_EC_gen("P-256");
	f->ca = plan_cert(&plan, f->ca_key, NULL, NULL);
	cert_save(f->ca_file, f->ca);
	assert_int_equal(upstream_tls_create(f->ca_file, &f->tls, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	upstream_tls_destroy(f->tls);
	X509_free(f->ca);
	EVP_PKEY_free(f->ca_key);
	EVP_PKEY_free(f->key);
	folder_remove(f->dir);
	free(f->dir);
	free(f);
	return 0;
}

/* Takes cert. extra (borrowed) may be NULL. */
static SSL_CTX *server_ctx(X509 *cert, EVP_PKEY *key, X509 *extra)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_security_level(ctx, 0);
	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
	if (extra) {
		SSL_CTX_add1_chain_cert(ctx, extra);
	}
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"test", 4);
	X509_free(cert);
	return ctx;
}

static SSL *client_for(struct fixture *f, const char *host, SSL_SESSION *session)
{
	SSL *ssl = NULL;
	struct err err = { "" };

	if (upstream_tls_new(f->tls, slice_of(host), f->pins, session, &ssl, &err) < 0) {
		fail_msg("%s: %s", host, err.text);
	}
	return ssl;
}

/* Takes ctx. The kind of failure, or -1 when the handshake succeeded. */
static int try_server(
    struct fixture *f, const char *host, SSL_CTX *ctx, char ret_text[512])
{
	struct tls_pair pair;
	int kind = -1;

	ret_text[0] = '\0';
	if (!pair_handshake(&pair, client_for(f, host, NULL), ctx)) {
		kind = (int)upstream_tls_failure(pair.client, ret_text, 512);
		assert_int_equal(ERR_peek_error(), 0);
		assert_true(ret_text[0] != '\0');
	}
	pair_finish(&pair);
	SSL_CTX_free(ctx);
	return kind;
}

static int try_plan(
    struct fixture *f, const char *host, const struct cert_plan *plan, char ret_text[512])
{
	return try_server(f, host,
	    server_ctx(plan_cert(plan, f->key, f->ca, f->ca_key), f->key, NULL),
	    ret_text);
}

static void no_connection_is_made_without_a_host(void **state)
{
	static const char *const bad[] = { "", ".", "..", "[]", "*.resend.com", "a b",
		"a\r\nb", ".resend.com", "пример.рф", "fe80::1%eth0", "a/b", "a:443" };
	struct fixture *f = *state;
	struct err err;
	SSL *ssl = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		assert_int_equal(
		    upstream_tls_new(f->tls, slice_of(bad[i]), NULL, NULL, &ssl, &err),
		    -EINVAL);
		assert_null(ssl);
		assert_non_null(strstr(err.text, "host name"));
	}
	assert_int_equal(
	    upstream_tls_new(f->tls, (struct slice){ NULL, 0 }, NULL, NULL, &ssl, &err),
	    -EINVAL);
	assert_int_equal(
	    upstream_tls_new(f->tls, (struct slice){ "good.example\0.bad", 17 }, NULL,
	        NULL, &ssl, &err),
	    -EINVAL);
	assert_null(ssl);
}

static void every_connection_verifies_strictly(void **state)
{
	struct fixture *f = *state;
	SSL *ssl = client_for(f, "api.resend.com", NULL);
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	assert_int_equal(SSL_get_verify_mode(ssl), SSL_VERIFY_PEER);
	assert_int_equal(SSL_get_verify_depth(ssl), 8);
	assert_int_equal(SSL_get_security_level(ssl), 2);
	assert_int_equal(SSL_get_min_proto_version(ssl), TLS1_2_VERSION);
	assert_string_equal(X509_VERIFY_PARAM_get0_host(param, 0), "api.resend.com");
	assert_null(X509_VERIFY_PARAM_get0_host(param, 1));
	assert_int_equal(X509_VERIFY_PARAM_get_hostflags(param),
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	assert_true(SSL_get_mode(ssl) & SSL_MODE_RELEASE_BUFFERS);
	SSL_free(ssl);
}

static void good_certificates_are_accepted(void **state)
{
	static const struct {
		const char *host;
		const char *san;
	} cases[] = {
		{ "api.resend.com", "DNS:api.resend.com" },
		{ "API.Resend.COM", "DNS:api.resend.com" },
		{ "api.resend.com.", "DNS:api.resend.com" },
		{ "crm.amocrm.ru", "DNS:x.example,DNS:*.amocrm.ru" },
		{ "under_score.example", "DNS:under_score.example" },
		{ "192.0.2.1", "IP:192.0.2.1" },
		{ "2001:db8::1", "IP:2001:db8::1" },
		{ "[2001:db8::1]", "IP:2001:db8::1" },
	};
	struct fixture *f = *state;
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cert_plan plan = { .subject = "x", .san = cases[i].san };

		if (try_plan(f, cases[i].host, &plan, text) != -1) {
			fail_msg("%s: %s", cases[i].host, text);
		}
	}
}

static void other_names_are_refused_with_both_names_told(void **state)
{
	static const struct {
		const char *host;
		const char *subject;
		const char *san;
		const char *words;
	} cases[] = {
		{ "api.resend.com", "api.resend.com", "DNS:other.example",
		    "for other.example, not" },
		{ "api.resend.com", "api.resend.com", NULL, "for no host name, not" },
		{ "api.resend.com", "x",
		    "DNS:a.example,DNS:b.example,DNS:c.example,DNS:d.example",
		    "a.example, b.example, c.example, …" },
		{ "a.b.amocrm.ru", "x", "DNS:*.amocrm.ru", "not for a.b.amocrm.ru" },
		{ "amocrm.ru", "x", "DNS:*.amocrm.ru", "*.amocrm.ru" },
		{ "crm.amocrm.ru", "x", "DNS:c*.amocrm.ru", "c*.amocrm.ru" },
		{ "192.0.2.1", "192.0.2.1", "DNS:192.0.2.1", "not for 192.0.2.1" },
		{ "192.0.2.1", "x", "IP:192.0.2.2", "not for 192.0.2.1" },
	};
	struct fixture *f = *state;
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cert_plan plan = { .subject = cases[i].subject,
			.san = cases[i].san };

		assert_int_equal(
		    try_plan(f, cases[i].host, &plan, text), TLS_FAILURE_HOSTNAME);
		if (!strstr(text, cases[i].words)) {
			fail_msg("\"%s\" lacks \"%s\"", text, cases[i].words);
		}
	}
}

static void expired_and_future_certificates_are_refused(void **state)
{
	struct fixture *f = *state;
	struct cert_plan plan = { .subject = "old one", .san = "DNS:api.resend.com" };
	char text[512];

	plan.from = -10 * DAY;
	plan.until = -DAY;
	assert_int_equal(try_plan(f, "api.resend.com", &plan, text), TLS_FAILURE_EXPIRED);
	assert_non_null(strstr(text, "certificate has expired on 20"));
	assert_non_null(strstr(text, "(CN=old one)"));
	plan.from = DAY;
	plan.until = 10 * DAY;
	assert_int_equal(try_plan(f, "api.resend.com", &plan, text), TLS_FAILURE_EXPIRED);
	assert_non_null(strstr(text, "not valid before 20"));
}

static void self_signed_and_unknown_issuers_are_untrusted(void **state)
{
	static const struct cert_plan plan = { .subject = "stranger",
		.san = "DNS:api.resend.com" };
	static const struct cert_plan ca = { .subject = "test CA",
		.basic = "critical,CA:TRUE" };
	struct fixture *f = *state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *impostor = plan_cert(&ca, key, NULL, NULL);
	char text[512];

	assert_int_equal(
	    try_server(f, "api.resend.com",
	        server_ctx(plan_cert(&plan, f->key, NULL, NULL), f->key, NULL), text),
	    TLS_FAILURE_UNTRUSTED);
	assert_non_null(strstr(text, "CN=stranger"));
	assert_non_null(strstr(text, "upstream.ca_file"));
	assert_int_equal(
	    try_server(f, "api.resend.com",
	        server_ctx(plan_cert(&plan, f->key, impostor, key), f->key, impostor),
	        text),
	    TLS_FAILURE_UNTRUSTED);
	assert_int_equal(
	    try_server(f, "api.resend.com",
	        server_ctx(plan_cert(&plan, f->key, impostor, key), f->key, NULL), text),
	    TLS_FAILURE_UNTRUSTED);
	X509_free(impostor);
	EVP_PKEY_free(key);
}

static void wrong_purpose_and_weak_keys_are_untrusted(void **state)
{
	struct cert_plan plan = {
		.subject = "x", .san = "DNS:api.resend.com", .eku = "clientAuth"
	};
	struct fixture *f = *state;
	EVP_PKEY *weak = EVP_RSA_gen(1024);
	char text[512];

	assert_int_equal(
	    try_plan(f, "api.resend.com", &plan, text), TLS_FAILURE_UNTRUSTED);
	plan.eku = NULL;
	assert_int_equal(
	    try_server(f, "api.resend.com",
	        server_ctx(plan_cert(&plan, weak, f->ca, f->ca_key), weak, NULL), text),
	    TLS_FAILURE_UNTRUSTED);
	assert_non_null(strstr(text, "key too weak"));
	EVP_PKEY_free(weak);
}

static void a_leaf_cannot_sign(void **state)
{
	static const struct cert_plan leaf = {
		.subject = "leaf", .san = "DNS:leaf.example", .basic = "critical,CA:FALSE"
	};
	static const struct cert_plan plan = { .subject = "x",
		.san = "DNS:api.resend.com" };
	struct fixture *f = *state;
	X509 *middle = plan_cert(&leaf, f->key, f->ca, f->ca_key);
	char text[512];

	assert_int_equal(
	    try_server(f, "api.resend.com",
	        server_ctx(plan_cert(&plan, f->key, middle, f->key), f->key, middle),
	        text),
	    TLS_FAILURE_UNTRUSTED);
	X509_free(middle);
}

static void words_about_hostile_certificates_stay_on_one_line(void **state)
{
	static const struct cert_plan plan = {
		.subject = "a\r\nINFO forged\x1b[31m\xc3\xa9", .san = "DNS:evil.example"
	};
	struct fixture *f = *state;
	char text[512];

	assert_int_equal(
	    try_plan(f, "api.resend.com", &plan, text), TLS_FAILURE_HOSTNAME);
	for (const char *c = text; *c; c++) {
		assert_true(*c >= ' ' && *c <= '~');
	}
	assert_int_equal(
	    try_server(f, "api.resend.com",
	        server_ctx(plan_cert(&plan, f->key, NULL, NULL), f->key, NULL), text),
	    TLS_FAILURE_UNTRUSTED);
	assert_null(strchr(text, '\n'));
	assert_null(strchr(text, '\x1b'));
}

static void old_tls_is_refused(void **state)
{
	static const struct cert_plan plan = { .subject = "x",
		.san = "DNS:api.resend.com" };
	struct fixture *f = *state;
	SSL_CTX *ctx =
	    server_ctx(plan_cert(&plan, f->key, f->ca, f->ca_key), f->key, NULL);
	char text[512];

	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	assert_int_equal(try_server(f, "api.resend.com", ctx, text), TLS_FAILURE_OTHER);
}

static void plain_text_and_silence_are_told(void **state)
{
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	struct fixture *f = *state;
	SSL *ssl = client_for(f, "api.resend.com", NULL);
	char text[512];

	SSL_set_bio(
	    ssl, BIO_new_mem_buf(answer, sizeof(answer) - 1), BIO_new(BIO_s_mem()));
	assert_true(SSL_do_handshake(ssl) != 1);
	assert_int_equal(
	    upstream_tls_failure(ssl, text, sizeof(text)), TLS_FAILURE_OTHER);
	assert_non_null(strstr(text, "does not speak TLS"));
	SSL_free(ssl);
	ssl = client_for(f, "api.resend.com", NULL);
	assert_int_equal(
	    upstream_tls_failure(ssl, text, sizeof(text)), TLS_FAILURE_OTHER);
	assert_non_null(strstr(text, "lost"));
	assert_int_equal(upstream_tls_failure(NULL, text, 4), TLS_FAILURE_OTHER);
	assert_int_equal(strlen(text), 3);
	SSL_free(ssl);
}

static int on_offer(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
    const unsigned char *offer, unsigned int offer_len, void *arg)
{
	bool *ok = arg;

	(void)ssl;
	*ok = offer_len == 9 && memcmp(offer, "\x08http/1.1", 9) == 0;
	*ret_name = offer + 1;
	*ret_len = 8;
	return SSL_TLSEXT_ERR_OK;
}

static void alpn_offers_http11_and_sni_is_for_names_only(void **state)
{
	static const struct cert_plan plan = { .subject = "x",
		.san = "DNS:api.resend.com,IP:192.0.2.1" };
	struct fixture *f = *state;
	SSL_CTX *ctx =
	    server_ctx(plan_cert(&plan, f->key, f->ca, f->ca_key), f->key, NULL);
	struct tls_pair pair;
	bool offered = false;

	SSL_CTX_set_alpn_select_cb(ctx, on_offer, &offered);
	assert_true(pair_handshake(&pair, client_for(f, "api.resend.com.", NULL), ctx));
	assert_true(offered);
	assert_string_equal(
	    SSL_get_servername(pair.server, TLSEXT_NAMETYPE_host_name), "api.resend.com");
	pair_finish(&pair);
	assert_true(pair_handshake(&pair, client_for(f, "192.0.2.1", NULL), ctx));
	assert_null(SSL_get_servername(pair.server, TLSEXT_NAMETYPE_host_name));
	pair_finish(&pair);
	SSL_CTX_free(ctx);
}

static void a_session_is_resumed_for_its_host_and_no_other(void **state)
{
	static const struct cert_plan plan = { .subject = "x",
		.san = "DNS:good.example" };
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct fixture *f = *state;
	struct tls_pair pair;
	SSL_SESSION *session;
	char text[512];

	for (size_t i = 0; i < 2; i++) {
		SSL_CTX *ctx =
		    server_ctx(plan_cert(&plan, f->key, f->ca, f->ca_key), f->key, NULL);

		SSL_CTX_set_max_proto_version(ctx, versions[i]);
		assert_true(
		    pair_handshake(&pair, client_for(f, "good.example", NULL), ctx));
		session = SSL_get1_session(pair.client);
		pair_finish(&pair);
		assert_true(
		    pair_handshake(&pair, client_for(f, "good.example", session), ctx));
		assert_true(SSL_session_reused(pair.client));
		pair_finish(&pair);
		/* the same server holds no certificate for the other host: it must be
		 * seen */
		assert_false(
		    pair_handshake(&pair, client_for(f, "other.example", session), ctx));
		assert_int_equal(upstream_tls_failure(pair.client, text, sizeof(text)),
		    TLS_FAILURE_HOSTNAME);
		pair_finish(&pair);
		SSL_SESSION_free(session);
		SSL_CTX_free(ctx);
	}
}

/* The pin of a key, as whoever writes a service file makes it. */
static void pin_of_key(EVP_PKEY *key, char ret_text[PIN_TEXT_SIZE])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	uint8_t sha256[PIN_BYTES];

	assert_true(len > 0);
	assert_int_equal(
	    EVP_Digest(der, (size_t)len, sha256, NULL, EVP_sha256(), NULL), 1);
	OPENSSL_free(der);
	pin_text(sha256, ret_text);
}

static void a_chain_without_a_pinned_key_is_refused(void **state)
{
	static const struct cert_plan plan = { .subject = "x",
		.san = "DNS:good.example" };
	struct fixture *f = *state;
	EVP_PKEY *other = EVP_EC_gen("P-256");

	const struct {
		EVP_PKEY *key[2]; /* NULL: no more */
		bool good;
	} cases[] = {
		{ { f->key, NULL }, true },     /* the server's own */
		{ { f->ca_key, NULL }, true },  /* its issuer's */
		{ { other, f->ca_key }, true }, /* a spare one beside it */
		{ { other, NULL }, false },
	};

	char leaf[PIN_TEXT_SIZE], ca[PIN_TEXT_SIZE], text[512];
	const char *why = NULL;

	pin_of_key(f->key, leaf);
	pin_of_key(f->ca_key, ca);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pins pins = { 0 };
		int kind = 0;

		for (size_t k = 0; k < 2 && cases[i].key[k]; k++) {
			pin_of_key(cases[i].key[k], text);
			assert_int_equal(pins_add(&pins, slice_of(text), &why), 0);
		}
		f->pins = &pins;
		kind = try_plan(f, "good.example", &plan, text);
		f->pins = NULL;
		assert_int_equal(kind, cases[i].good ? -1 : (int)TLS_FAILURE_UNTRUSTED);
	}
	/* the keys that were there, the server's first */
	assert_non_null(strstr(text, "pin mismatch"));
	assert_non_null(strstr(text, leaf));
	assert_non_null(strstr(strstr(text, leaf), ca));
	EVP_PKEY_free(other);
}

static void a_pin_does_not_make_up_for_trust(void **state)
{
	static const struct cert_plan plan = { .subject = "x",
		.san = "DNS:good.example" };
	struct fixture *f = *state;
	struct pins pins = { 0 };
	const char *why = NULL;
	char text[512];

	pin_of_key(f->key, text);
	assert_int_equal(pins_add(&pins, slice_of(text), &why), 0);
	f->pins = &pins;
	assert_int_equal(try_plan(f, "other.example", &plan, text), TLS_FAILURE_HOSTNAME);
	assert_int_equal(
	    try_server(f, "good.example",
	        server_ctx(plan_cert(&plan, f->key, NULL, NULL), f->key, NULL), text),
	    TLS_FAILURE_UNTRUSTED);
	assert_null(strstr(text, "pin mismatch"));
	f->pins = NULL;
}

static void ca_files_that_cannot_be_used_are_named(void **state)
{
	static const struct {
		const char *content;
		const char *words;
	} cases[] = {
		{ "", "holds no certificate" },
		{ "words\n", "holds no certificate" },
		{ "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
		    "broken" },
		{ "-----BEGIN CERTIFICATE-----\n", "broken" },
	};
	struct fixture *f = *state;
	struct upstream_tls *tls = NULL;
	struct err err;
	char path[700];

	(void)snprintf(path, sizeof(path), "%s/bad.pem", f->dir);
	assert_int_equal(upstream_tls_create(path, &tls, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_true(upstream_tls_create(f->dir, &tls, &err) < 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		file_write(path, cases[i].content);
		assert_int_equal(upstream_tls_create(path, &tls, &err), -EINVAL);
		assert_non_null(strstr(err.text, path));
		assert_non_null(strstr(err.text, cases[i].words));
	}
	assert_null(tls);
}

static void without_a_ca_file_strangers_are_untrusted(void **state)
{
	static const struct cert_plan plan = { .subject = "x",
		.san = "DNS:api.resend.com" };
	struct fixture *f = *state;
	char text[512];

	upstream_tls_destroy(f->tls);
	assert_int_equal(upstream_tls_create(NULL, &f->tls, NULL), 0);
	assert_int_equal(
	    try_plan(f, "api.resend.com", &plan, text), TLS_FAILURE_UNTRUSTED);
}

/* A client that trusts waybill's root, against what waybill's CA makes. */
static struct ca *trust_waybill(struct fixture *f, char ret_dir[600])
{
	struct ca_settings settings = { .dir = ret_dir };
	struct err err = { "" };
	struct ca *ca = NULL;

	(void)snprintf(ret_dir, 600, "%s/ca", f->dir);
	if (ca_open(&settings, routed, 2, &ca, &err) < 0) {
		fail_msg("%s", err.text);
	}
	upstream_tls_destroy(f->tls);
	f->tls = NULL;
	assert_int_equal(upstream_tls_create(ca_facts(ca)->root_path, &f->tls, NULL), 0);
	return ca;
}

static void own_leaf_is_accepted_for_a_routed_host(void **state)
{
	struct fixture *f = *state;
	char dir[600], text[512];
	struct ca *ca = trust_waybill(f, dir);
	SSL_CTX *ctx;

	assert_int_equal(ca_leaf(ca, SLICE("crm.amocrm.ru"), &ctx, NULL), 0);
	if (try_server(f, "crm.amocrm.ru", ctx, text) != -1) {
		fail_msg("%s", text);
	}
	assert_int_equal(ca_leaf(ca, SLICE("api.resend.com"), &ctx, NULL), 0);
	assert_int_equal(try_server(f, "other.example", ctx, text), TLS_FAILURE_HOSTNAME);
	assert_int_equal(ca_reload(ca, routed, 1, NULL), 0);
	assert_int_equal(ca_leaf(ca, SLICE("api.resend.com"), &ctx, NULL), 0);
	assert_int_equal(try_server(f, "api.resend.com", ctx, text), -1);
	ca_close(ca);
}

/* What a thief of the intermediate's key could make. */
static void stolen_intermediate_key_is_worthless_elsewhere(void **state)
{
	static const struct cert_plan address = { .subject = "x", .san = "IP:192.0.2.1" };
	static const struct cert_plan address6 = { .subject = "x",
		.san = "IP:2001:db8::1" };
	static const struct cert_plan both = { .subject = "x",
		.san = "DNS:api.resend.com,DNS:bank.example" };
	struct fixture *f = *state;
	char dir[600], path[700], text[512];
	struct ca *ca = trust_waybill(f, dir);
	struct cert_issuer stolen;
	X509 *cert = NULL;

	(void)snprintf(path, sizeof(path), "%s/intermediate.pem", dir);
	stolen.cert = cert_load(path);
	(void)snprintf(path, sizeof(path), "%s/intermediate.key", dir);
	stolen.key = key_load(path);
	assert_int_equal(
	    cert_leaf(stolen, f->key, "bank.example", (int64_t)time(NULL), &cert, NULL),
	    0);
	assert_int_equal(
	    try_server(f, "bank.example", server_ctx(cert, f->key, stolen.cert), text),
	    TLS_FAILURE_UNTRUSTED);
	assert_non_null(strstr(text, "permitted subtree violation"));
	cert = plan_cert(&both, f->key, stolen.cert, stolen.key);
	assert_int_equal(
	    try_server(f, "bank.example", server_ctx(cert, f->key, stolen.cert), text),
	    TLS_FAILURE_UNTRUSTED);
	cert = plan_cert(&address, f->key, stolen.cert, stolen.key);
	assert_int_equal(
	    try_server(f, "192.0.2.1", server_ctx(cert, f->key, stolen.cert), text),
	    TLS_FAILURE_UNTRUSTED);
	cert = plan_cert(&address6, f->key, stolen.cert, stolen.key);
	assert_int_equal(
	    try_server(f, "2001:db8::1", server_ctx(cert, f->key, stolen.cert), text),
	    TLS_FAILURE_UNTRUSTED);
	X509_free(stolen.cert);
	EVP_PKEY_free(stolen.key);
	ca_close(ca);
}

/* pathlen 0: no CA below the intermediate. */
static void intermediate_cannot_make_another_ca(void **state)
{
	static const struct cert_plan sub = { .subject = "sub CA",
		.basic = "critical,CA:TRUE" };
	static const struct cert_plan plan = { .subject = "x",
		.san = "DNS:api.resend.com" };
	struct fixture *f = *state;
	char dir[600], path[700], text[512];
	struct ca *ca = trust_waybill(f, dir);
	X509 *intermediate, *sub_ca;
	EVP_PKEY *key, *sub_key = EVP_EC_gen("P-256");
	SSL_CTX *ctx;

	(void)snprintf(path, sizeof(path), "%s/intermediate.pem", dir);
	intermediate = cert_load(path);
	(void)snprintf(path, sizeof(path), "%s/intermediate.key", dir);
	key = key_load(path);
	sub_ca = plan_cert(&sub, sub_key, intermediate, key);
	ctx = server_ctx(plan_cert(&plan, f->key, sub_ca, sub_key), f->key, sub_ca);
	SSL_CTX_add1_chain_cert(ctx, intermediate);
	assert_int_equal(
	    try_server(f, "api.resend.com", ctx, text), TLS_FAILURE_UNTRUSTED);
	assert_non_null(strstr(text, "path length"));
	X509_free(sub_ca);
	X509_free(intermediate);
	EVP_PKEY_free(key);
	EVP_PKEY_free(sub_key);
	ca_close(ca);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(no_connection_is_made_without_a_host),
		CASE(every_connection_verifies_strictly),
		CASE(good_certificates_are_accepted),
		CASE(other_names_are_refused_with_both_names_told),
		CASE(expired_and_future_certificates_are_refused),
		CASE(self_signed_and_unknown_issuers_are_untrusted),
		CASE(wrong_purpose_and_weak_keys_are_untrusted),
		CASE(a_leaf_cannot_sign),
		CASE(words_about_hostile_certificates_stay_on_one_line),
		CASE(old_tls_is_refused),
		CASE(plain_text_and_silence_are_told),
		CASE(alpn_offers_http11_and_sni_is_for_names_only),
		CASE(a_session_is_resumed_for_its_host_and_no_other),
		CASE(a_chain_without_a_pinned_key_is_refused),
		CASE(a_pin_does_not_make_up_for_trust),
		CASE(ca_files_that_cannot_be_used_are_named),
		CASE(without_a_ca_file_strangers_are_untrusted),
		CASE(own_leaf_is_accepted_for_a_routed_host),
		CASE(stolen_intermediate_key_is_worthless_elsewhere),
		CASE(intermediate_cannot_make_another_ca),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

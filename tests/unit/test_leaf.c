/* SPDX-License-Identifier: MIT */
/*
 * What clients of an intercepted host see: the certificate, the handshake, the sessions;
 * and the cache that keeps them.
 */
#include "tests/unit/tls_pair.h"
#include "tls/leaf.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const hosts[] = { "api.resend.com", "*.amocrm.ru", "localhost" };

/* A CA in memory and a cache under it. */
struct fixture {
	struct cert_issuer root;
	struct cert_issuer intermediate;
	struct name_list names;
	struct leaf_cache *cache;
	SSL_CTX *client; /* trusts root */
	int64_t now;
};

static void sign_intermediate(struct fixture *f, int64_t now, int64_t end)
{
	X509_free(f->intermediate.cert);
	EVP_PKEY_free(f->intermediate.key);
	assert_int_equal(cert_key_create(&f->intermediate.key, NULL), 0);
	assert_int_equal(cert_intermediate(f->root, f->intermediate.key, &f->names, now,
	                     end, &f->intermediate.cert, NULL),
	    0);
	assert_int_equal(
	    leaf_cache_set_issuer(f->cache, f->intermediate, &f->names, NULL), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->now = (int64_t)time(NULL);
	assert_int_equal(name_list_from_patterns(hosts, 3, &f->names, NULL), 0);
	assert_int_equal(cert_key_create(&f->root.key, NULL), 0);
	assert_int_equal(cert_root(f->root.key, f->now, &f->root.cert, NULL), 0);
	assert_int_equal(leaf_cache_create(8, &f->cache, NULL), 0);
	sign_intermediate(f, f->now, f->now + CERT_YEAR_S);
	f->client = SSL_CTX_new(TLS_client_method());
	X509_STORE_add_cert(SSL_CTX_get_cert_store(f->client), f->root.cert);
	SSL_CTX_set_verify(f->client, SSL_VERIFY_PEER, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	leaf_cache_destroy(f->cache);
	SSL_CTX_free(f->client);
	X509_free(f->root.cert);
	EVP_PKEY_free(f->root.key);
	X509_free(f->intermediate.cert);
	EVP_PKEY_free(f->intermediate.key);
	name_list_finish(&f->names);
	free(f);
	return 0;
}

static SSL_CTX *get(struct fixture *f, const char *host)
{
	struct err err = { "" };
	SSL_CTX *ctx = NULL;

	if (leaf_cache_get(f->cache, slice_of(host), f->now, &ctx, &err) < 0) {
		fail_msg("%s: %s", host, err.text);
	}
	return ctx;
}

static SSL *client_for(struct fixture *f, const char *host)
{
	SSL *ssl = SSL_new(f->client);

	SSL_set1_host(ssl, host);
	SSL_set_tlsext_host_name(ssl, host);
	SSL_set_connect_state(ssl);
	return ssl;
}

static bool agrees(
    struct fixture *f, const char *host, SSL *client, struct tls_pair *pair)
{
	SSL_CTX *ctx = get(f, host);
	bool ok = pair_handshake(pair, client, ctx);

	SSL_CTX_free(ctx);
	return ok;
}

static void certificate_says_what_a_server_needs(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *ctx = get(f, "API.Resend.com.");
	X509 *cert = SSL_CTX_get0_certificate(ctx);
	STACK_OF(X509) *chain = NULL;
	GENERAL_NAMES *san = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const ASN1_OCTET_STRING *aki = X509_get0_authority_key_id(cert);

	assert_int_equal(sk_GENERAL_NAME_num(san), 1);
	assert_int_equal(X509_check_host(cert, "api.resend.com", 0,
	                     X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL),
	    1);
	assert_int_equal(X509_check_ca(cert), 0);
	assert_true(X509_get_extension_flags(cert) & EXFLAG_BCONS);
	assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
	assert_int_equal(X509_get_extended_key_usage(cert), XKU_SSL_SERVER);
	assert_non_null(aki);
	assert_int_equal(
	    ASN1_OCTET_STRING_cmp(aki, X509_get0_subject_key_id(f->intermediate.cert)),
	    0);
	assert_in_range(ASN1_STRING_length(X509_get0_serialNumber(cert)), 8, 17);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(cert)), 256);
	SSL_CTX_get0_chain_certs(ctx, &chain);
	assert_int_equal(sk_X509_num(chain), 1);
	assert_int_equal(X509_cmp(sk_X509_value(chain, 0), f->intermediate.cert), 0);
	GENERAL_NAMES_free(san);
	SSL_CTX_free(ctx);
}

static void certificate_lives_ninety_days_backdated_by_two(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *ctx = get(f, "api.resend.com");
	const X509 *cert = SSL_CTX_get0_certificate(ctx);

	assert_true(cert_not_before(cert) == f->now - 2 * DAY);
	assert_true(cert_not_after(cert) - cert_not_before(cert) < 90 * DAY);
	assert_true(cert_not_after(cert) > f->now + 80 * DAY);
	SSL_CTX_free(ctx);
}

static void certificate_never_outlives_its_issuer(void **state)
{
	struct fixture *f = *state;
	struct err err = { "" };
	SSL_CTX *ctx;

	sign_intermediate(f, f->now, f->now + 10 * DAY);
	ctx = get(f, "api.resend.com");
	assert_true(cert_not_after(SSL_CTX_get0_certificate(ctx)) == f->now + 10 * DAY);
	SSL_CTX_free(ctx);
	assert_int_equal(
	    leaf_cache_get(f->cache, SLICE("localhost"), f->now + 11 * DAY, &ctx, &err),
	    -EKEYEXPIRED);
	assert_non_null(strstr(err.text, "expired"));
}

static void leaves_share_a_key_but_no_serial(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *a = get(f, "api.resend.com");
	SSL_CTX *b = get(f, "crm.amocrm.ru");
	X509 *first = SSL_CTX_get0_certificate(a);
	X509 *second = SSL_CTX_get0_certificate(b);

	assert_int_equal(
	    EVP_PKEY_eq(X509_get0_pubkey(first), X509_get0_pubkey(second)), 1);
	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(first),
	                         X509_get0_serialNumber(second)),
	    0);
	SSL_CTX_free(a);
	SSL_CTX_free(b);
}

static void a_long_host_name_has_a_certificate(void **state)
{
	struct fixture *f = *state;
	char host[254];
	struct tls_pair pair;

	(void)snprintf(host, sizeof(host), "%060d.%060d.%060d.amocrm.ru", 1, 2, 3);
	assert_true(agrees(f, host, client_for(f, host), &pair));
	pair_finish(&pair);
}

static void routed_hosts_and_those_below_a_wildcard_are_accepted(void **state)
{
	static const char *const names[] = { "api.resend.com", "crm.amocrm.ru",
		"a.b.amocrm.ru", "localhost" };
	struct fixture *f = *state;
	struct tls_pair pair;

	for (size_t i = 0; i < 4; i++) {
		assert_true(agrees(f, names[i], client_for(f, names[i]), &pair));
		pair_finish(&pair);
	}
}

static void addresses_and_other_names_get_no_certificate(void **state)
{
	static const struct {
		const char *host;
		int code;
	} cases[] = {
		{ "192.0.2.1", ENOTSUP },
		{ "2001:db8::1", ENOTSUP },
		{ "[2001:db8::1]", ENOTSUP },
		{ "::ffff:127.0.0.1", ENOTSUP },
		{ "0177.0.0.1", ENOTSUP },
		{ "127.1", ENOTSUP },
		{ "2130706433", ENOTSUP },
		{ "0x7f.0x1", ENOTSUP },
		{ "192.0.2.1.", ENOTSUP },
		{ "bank.example", EACCES },
		{ "evilamocrm.ru", EACCES },
		{ "resend.com", EACCES },
		{ "", EINVAL },
		{ ".", EINVAL },
		{ "..", EINVAL },
		{ ".amocrm.ru", EINVAL },
		{ "a..amocrm.ru", EINVAL },
		{ "*.amocrm.ru", EINVAL },
		{ "a b.amocrm.ru", EINVAL },
		{ "a\r\nb.amocrm.ru", EINVAL },
		{ "пример.amocrm.ru", EINVAL },
	};
	struct fixture *f = *state;
	struct err err;
	SSL_CTX *ctx = NULL;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err.text[0] = '\0';
		if (leaf_cache_get(f->cache, slice_of(cases[i].host), f->now, &ctx,
		        &err) != -cases[i].code) {
			fail_msg("\"%s\"", cases[i].host);
		}
		assert_null(ctx);
		assert_true(err.text[0] != '\0');
	}
	assert_int_equal(
	    leaf_cache_get(
	        f->cache, (struct slice){ "api.resend.com\0.x", 17 }, f->now, &ctx, NULL),
	    -EINVAL);
	assert_int_equal(
	    leaf_cache_get(f->cache, SLICE("192.0.2.1"), f->now, &ctx, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "only host names can be routed"));
	assert_int_equal(leaf_cache_count(f->cache), 0);
}

static void cached_context_is_given_again(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *a = get(f, "api.resend.com");
	SSL_CTX *b = get(f, "API.RESEND.COM.");

	assert_ptr_equal(a, b);
	assert_int_equal(leaf_cache_count(f->cache), 1);
	SSL_CTX_free(a);
	SSL_CTX_free(b);
}

static void cache_is_bounded_and_drops_the_least_recently_used(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *kept = get(f, "api.resend.com");
	char host[64];
	SSL_CTX *ctx;

	for (int i = 0; i < 100; i++) {
		(void)snprintf(host, sizeof(host), "h%d.amocrm.ru", i);
		SSL_CTX_free(get(f, host));
		ctx = get(f, "api.resend.com");
		assert_ptr_equal(ctx, kept);
		SSL_CTX_free(ctx);
	}
	assert_int_equal(leaf_cache_count(f->cache), 8);
	SSL_CTX_free(kept);
}

static void entry_is_renewed_after_a_day_and_before_its_end(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *a = get(f, "api.resend.com");
	SSL_CTX *b;

	f->now += DAY - 1;
	b = get(f, "api.resend.com");
	assert_ptr_equal(a, b);
	SSL_CTX_free(b);
	f->now += 1;
	b = get(f, "api.resend.com");
	assert_ptr_not_equal(a, b);
	SSL_CTX_free(a);
	SSL_CTX_free(b);
	sign_intermediate(f, f->now, f->now + 3000);
	a = get(f, "api.resend.com");
	f->now += 1999;
	b = get(f, "api.resend.com");
	assert_ptr_equal(a, b);
	SSL_CTX_free(b);
	f->now += 2;
	b = get(f, "api.resend.com");
	assert_ptr_not_equal(a, b);
	SSL_CTX_free(a);
	SSL_CTX_free(b);
}

static void entry_is_renewed_when_the_clock_is_set_back(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *a = get(f, "api.resend.com");
	SSL_CTX *b;

	f->now -= 3 * DAY;
	b = get(f, "api.resend.com");
	assert_ptr_not_equal(a, b);
	SSL_CTX_free(a);
	SSL_CTX_free(b);
}

static void new_issuer_drops_entries_and_spares_those_in_use(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *old = get(f, "api.resend.com");
	struct tls_pair pair;
	SSL_CTX *fresh;

	assert_int_equal(
	    leaf_cache_set_issuer(f->cache, f->intermediate, &f->names, NULL), 0);
	assert_int_equal(leaf_cache_count(f->cache), 1);
	sign_intermediate(f, f->now, f->now + CERT_YEAR_S);
	assert_int_equal(leaf_cache_count(f->cache), 0);
	fresh = get(f, "api.resend.com");
	assert_ptr_not_equal(old, fresh);
	assert_true(pair_handshake(&pair, client_for(f, "api.resend.com"), old));
	pair_finish(&pair);
	assert_true(pair_handshake(&pair, client_for(f, "api.resend.com"), fresh));
	pair_finish(&pair);
	SSL_CTX_free(old);
	SSL_CTX_free(fresh);
}

static void only_tls_12_and_13_are_spoken(void **state)
{
	static const struct {
		int version;
		bool accepted;
	} cases[] = {
		{ TLS1_VERSION, false },
		{ TLS1_1_VERSION, false },
		{ TLS1_2_VERSION, true },
		{ TLS1_3_VERSION, true },
	};
	struct fixture *f = *state;
	struct tls_pair pair;

	for (size_t i = 0; i < 4; i++) {
		SSL *client = client_for(f, "api.resend.com");

		SSL_set_security_level(client, 0);
		SSL_set_min_proto_version(client, cases[i].version);
		SSL_set_max_proto_version(client, cases[i].version);
		assert_int_equal(
		    agrees(f, "api.resend.com", client, &pair), cases[i].accepted);
		pair_finish(&pair);
	}
}

static void only_ecdhe_with_aead_is_spoken(void **state)
{
	static const struct {
		const char *cipher;
		bool accepted;
	} cases[] = {
		{ "ECDHE-ECDSA-AES128-GCM-SHA256", true },
		{ "ECDHE-ECDSA-AES256-GCM-SHA384", true },
		{ "ECDHE-ECDSA-CHACHA20-POLY1305", true },
		{ "ECDHE-ECDSA-AES128-SHA256", false },
		{ "ECDHE-ECDSA-AES256-SHA", false },
		{ "AES128-GCM-SHA256", false },
		{ "DHE-RSA-AES128-GCM-SHA256", false },
		{ "aNULL", false },
	};
	struct fixture *f = *state;
	struct tls_pair pair;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SSL *client = client_for(f, "api.resend.com");

		SSL_set_security_level(client, 0);
		SSL_set_max_proto_version(client, TLS1_2_VERSION);
		assert_int_equal(SSL_set_cipher_list(client, cases[i].cipher), 1);
		assert_int_equal(
		    agrees(f, "api.resend.com", client, &pair), cases[i].accepted);
		pair_finish(&pair);
	}
}

static void renegotiation_and_compression_are_off(void **state)
{
	struct fixture *f = *state;
	SSL *client = client_for(f, "api.resend.com");
	struct tls_pair pair;

	SSL_set_max_proto_version(client, TLS1_2_VERSION);
	SSL_clear_options(client, SSL_OP_NO_COMPRESSION);
	assert_true(agrees(f, "api.resend.com", client, &pair));
	assert_null(SSL_get_current_compression(pair.server));
	assert_true(SSL_get_options(pair.server) & SSL_OP_NO_RENEGOTIATION);
	assert_int_equal(SSL_renegotiate(pair.client), 1);
	(void)SSL_do_handshake(pair.client);
	(void)SSL_do_handshake(pair.server);
	assert_int_equal(SSL_total_renegotiations(pair.server), 0);
	assert_int_equal(SSL_get_max_early_data(pair.server), 0);
	pair_finish(&pair);
}

static void alpn_is_http11_where_offered_and_none_otherwise(void **state)
{
	static const struct {
		const char *offer;
		const char *chosen;
	} cases[] = {
		{ "\x08http/1.1", "http/1.1" },
		{ "\x02h2\x08http/1.1", "http/1.1" },
		{ "\x08http/1.1\x02h2", "http/1.1" },
		{ "\x02h2", "" },
		{ "\x08http/1.0", "" },
		{ NULL, "" },
	};
	struct fixture *f = *state;
	const unsigned char *name;
	unsigned int len;
	struct tls_pair pair;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SSL *client = client_for(f, "api.resend.com");

		if (cases[i].offer) {
			assert_int_equal(SSL_set_alpn_protos(client,
			                     (const unsigned char *)cases[i].offer,
			                     (unsigned int)strlen(cases[i].offer)),
			    0);
		}
		assert_true(agrees(f, "api.resend.com", client, &pair));
		SSL_get0_alpn_selected(pair.client, &name, &len);
		assert_int_equal(len, strlen(cases[i].chosen));
		assert_true(len == 0 || memcmp(name, cases[i].chosen, len) == 0);
		pair_finish(&pair);
	}
}

static void sessions_are_resumed_per_host(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct fixture *f = *state;
	struct tls_pair pair;

	/* with tickets, and (TLS 1.2) by the server's cache */
	for (size_t i = 0; i < 3; i++) {
		SSL *client = client_for(f, "api.resend.com");
		SSL_SESSION *session;

		SSL_set_max_proto_version(client, versions[i % 2]);
		SSL_set_options(client, i == 2 ? SSL_OP_NO_TICKET : 0);
		assert_true(agrees(f, "api.resend.com", client, &pair));
		assert_false(SSL_session_reused(pair.client));
		session = SSL_get1_session(pair.client);
		pair_finish(&pair);

		client = client_for(f, "api.resend.com");
		SSL_set_max_proto_version(client, versions[i % 2]);
		SSL_set_options(client, i == 2 ? SSL_OP_NO_TICKET : 0);
		SSL_set_session(client, session);
		assert_true(agrees(f, "api.resend.com", client, &pair));
		assert_true(SSL_session_reused(pair.client));
		pair_finish(&pair);

		client = client_for(f, "crm.amocrm.ru");
		SSL_set_max_proto_version(client, versions[i % 2]);
		SSL_set_session(client, session);
		assert_true(agrees(f, "crm.amocrm.ru", client, &pair));
		assert_false(SSL_session_reused(pair.client));
		pair_finish(&pair);
		SSL_SESSION_free(session);
	}
}

struct caller {
	struct fixture *f;
	pthread_t thread;
	int failures;
};

static void *on_thread(void *arg)
{
	struct caller *caller = arg;
	char host[64];
	SSL_CTX *ctx;

	for (int i = 0; i < 200; i++) {
		(void)snprintf(host, sizeof(host), "h%d.amocrm.ru", i % 12);
		if (leaf_cache_get(caller->f->cache, slice_of(host), caller->f->now, &ctx,
		        NULL) < 0) {
			caller->failures++;
			continue;
		}
		SSL_CTX_free(ctx);
	}
	return NULL;
}

static void many_threads_and_a_change_of_issuer_agree(void **state)
{
	struct fixture *f = *state;
	struct caller callers[4] = { 0 };

	for (size_t i = 0; i < 4; i++) {
		callers[i].f = f;
		assert_int_equal(
		    pthread_create(&callers[i].thread, NULL, on_thread, &callers[i]), 0);
	}
	for (int i = 0; i < 20; i++) {
		sign_intermediate(f, f->now, f->now + CERT_YEAR_S);
	}
	for (size_t i = 0; i < 4; i++) {
		(void)pthread_join(callers[i].thread, NULL);
		assert_int_equal(callers[i].failures, 0);
	}
	assert_in_range(leaf_cache_count(f->cache), 0, 8);
	for (int i = 0; i < 12; i++) {
		char host[64];
		SSL_CTX *ctx;

		(void)snprintf(host, sizeof(host), "h%d.amocrm.ru", i);
		ctx = get(f, host);
		assert_int_equal(
		    X509_verify(SSL_CTX_get0_certificate(ctx), f->intermediate.key), 1);
		SSL_CTX_free(ctx);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(certificate_says_what_a_server_needs),
		CASE(certificate_lives_ninety_days_backdated_by_two),
		CASE(certificate_never_outlives_its_issuer),
		CASE(leaves_share_a_key_but_no_serial),
		CASE(a_long_host_name_has_a_certificate),
		CASE(routed_hosts_and_those_below_a_wildcard_are_accepted),
		CASE(addresses_and_other_names_get_no_certificate),
		CASE(cached_context_is_given_again),
		CASE(cache_is_bounded_and_drops_the_least_recently_used),
		CASE(entry_is_renewed_after_a_day_and_before_its_end),
		CASE(entry_is_renewed_when_the_clock_is_set_back),
		CASE(new_issuer_drops_entries_and_spares_those_in_use),
		CASE(only_tls_12_and_13_are_spoken),
		CASE(only_ecdhe_with_aead_is_spoken),
		CASE(renegotiation_and_compression_are_off),
		CASE(alpn_is_http11_where_offered_and_none_otherwise),
		CASE(sessions_are_resumed_per_host),
		CASE(many_threads_and_a_change_of_issuer_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The CA's files: made, kept, signed anew, refused when they are not as they must be.
 */
#include "tests/unit/tls_pair.h"
#include "tls/ca.h"
#include "tls/cert.h"
#include "tls/pemfile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const two_hosts[] = { "api.resend.com", "*.amocrm.ru" };
static const char *const three_hosts[] = { "api.resend.com", "*.amocrm.ru",
	"api.mobizon.kz" };

struct place {
	char *base;
	char dir[600];
	struct ca_settings settings;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	place->base = folder_make();
	(void)snprintf(place->dir, sizeof(place->dir), "%s/ca", place->base);
	place->settings.dir = place->dir;
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	folder_remove(place->base);
	free(place->base);
	free(place);
	return 0;
}

static const char *file_in(const struct place *place, const char *name)
{
	static char path[700];

	(void)snprintf(path, sizeof(path), "%s/%s", place->dir, name);
	return path;
}

static struct ca *open_ok(
    const struct place *place, const char *const *hosts, size_t host_count)
{
	struct ca *ca = NULL;
	struct err err = { "" };
	int r = ca_open(&place->settings, hosts, host_count, &ca, &err);

	if (r < 0) {
		fail_msg("ca_open: %s", err.text);
	}
	return ca;
}

/* Opens, closes, and gives the root's fingerprint. */
static void make(const struct place *place, const char *const *hosts, size_t host_count,
    char ret_fingerprint[96])
{
	struct ca *ca = open_ok(place, hosts, host_count);

	memcpy(ret_fingerprint, ca_facts(ca)->fingerprint, 96);
	ca_close(ca);
}

static void assert_refused(
    const struct place *place, int code, const char *words, const char *more_words)
{
	struct ca *ca = NULL;
	struct err err = { "" };

	assert_int_equal(ca_open(&place->settings, two_hosts, 2, &ca, &err), -code);
	assert_null(ca);
	if (!strstr(err.text, words) || !strstr(err.text, more_words)) {
		fail_msg("\"%s\" lacks \"%s\" or \"%s\"", err.text, words, more_words);
	}
	assert_null(strchr(err.text, '\n'));
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void first_open_makes_files_with_tight_modes(void **state)
{
	struct place *place = *state;
	char fingerprint[96];
	mode_t old = umask(0);

	make(place, two_hosts, 2, fingerprint);
	(void)umask(old);
	assert_int_equal(mode_of(place->dir), 0700);
	assert_int_equal(mode_of(file_in(place, "root.pem")), 0644);
	assert_int_equal(mode_of(file_in(place, "root.key")), 0600);
	assert_int_equal(mode_of(file_in(place, "intermediate.pem")), 0644);
	assert_int_equal(mode_of(file_in(place, "intermediate.key")), 0600);
	assert_int_equal(strlen(fingerprint), 95);
}

static void facts_tell_what_clients_need(void **state)
{
	struct place *place = *state;
	struct ca *ca = open_ok(place, two_hosts, 2);
	const struct ca_facts *facts = ca_facts(ca);

	assert_string_equal(facts->root_path, file_in(place, "root.pem"));
	assert_non_null(strstr(facts->root_pem, "-----BEGIN CERTIFICATE-----"));
	assert_int_equal(strlen(facts->not_after), 10);
	assert_int_equal(strlen(facts->intermediate_not_after), 10);
	assert_int_equal(facts->host_count, 2);
	assert_string_equal(facts->hosts[0], "amocrm.ru");
	assert_string_equal(facts->hosts[1], "api.resend.com");
	assert_true(facts->has_root_key);
	ca_close(ca);
}

static void second_open_keeps_root_and_intermediate(void **state)
{
	struct place *place = *state;
	char first[96], second[96];
	X509 *a, *b;

	make(place, two_hosts, 2, first);
	a = cert_load(file_in(place, "intermediate.pem"));
	make(place, two_hosts, 2, second);
	b = cert_load(file_in(place, "intermediate.pem"));
	assert_string_equal(first, second);
	assert_int_equal(X509_cmp(a, b), 0);
	X509_free(a);
	X509_free(b);
}

static void order_and_case_of_hosts_do_not_matter(void **state)
{
	static const char *const same[] = { "*.AMOCRM.ru", "api.resend.com.",
		"amocrm.ru" };
	struct place *place = *state;
	char fingerprint[96];
	X509 *a, *b;

	make(place, two_hosts, 2, fingerprint);
	a = cert_load(file_in(place, "intermediate.pem"));
	make(place, same, 3, fingerprint);
	b = cert_load(file_in(place, "intermediate.pem"));
	assert_int_equal(X509_cmp(a, b), 0);
	X509_free(a);
	X509_free(b);
}

static void two_installs_have_different_roots(void **state)
{
	struct place *place = *state;
	char a[96], b[96];
	X509 *first, *second;

	make(place, two_hosts, 2, a);
	first = cert_load(file_in(place, "root.pem"));
	folder_remove(place->dir);
	make(place, two_hosts, 2, b);
	second = cert_load(file_in(place, "root.pem"));
	assert_string_not_equal(a, b);
	assert_int_not_equal(
	    X509_NAME_cmp(X509_get_subject_name(first), X509_get_subject_name(second)),
	    0);
	X509_free(first);
	X509_free(second);
}

static void root_is_a_ca_of_ten_years(void **state)
{
	struct place *place = *state;
	char fingerprint[96];
	X509 *root;
	int64_t years;

	make(place, two_hosts, 2, fingerprint);
	root = cert_load(file_in(place, "root.pem"));
	assert_int_equal(X509_check_ca(root), 1);
	assert_int_equal(X509_get_key_usage(root), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_non_null(X509_get0_subject_key_id(root));
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(root)), 256);
	years = (cert_not_after(root) - (int64_t)time(NULL)) / CERT_YEAR_S;
	assert_in_range(years, 9, 10);
	X509_free(root);
}

static void intermediate_is_bound_to_the_routed_hosts(void **state)
{
	struct place *place = *state;
	char fingerprint[96];
	NAME_CONSTRAINTS *constraints;
	X509 *cert, *root;
	int critical = 0;

	make(place, two_hosts, 2, fingerprint);
	cert = cert_load(file_in(place, "intermediate.pem"));
	root = cert_load(file_in(place, "root.pem"));
	assert_int_equal(X509_get_pathlen(cert), 0);
	assert_int_equal(X509_verify(cert, X509_get0_pubkey(root)), 1);
	constraints = X509_get_ext_d2i(cert, NID_name_constraints, &critical, NULL);
	assert_non_null(constraints);
	assert_int_equal(critical, 1);
	assert_int_equal(sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees), 2);
	assert_int_equal(sk_GENERAL_SUBTREE_num(constraints->excludedSubtrees), 2);
	assert_int_equal(
	    sk_GENERAL_SUBTREE_value(constraints->excludedSubtrees, 0)->base->type,
	    GEN_IPADD);
	NAME_CONSTRAINTS_free(constraints);
	X509_free(cert);
	X509_free(root);
}

static void no_hosts_still_means_a_constraint(void **state)
{
	struct place *place = *state;
	struct ca *ca = open_ok(place, NULL, 0);
	NAME_CONSTRAINTS *constraints;
	X509 *cert = cert_load(file_in(place, "intermediate.pem"));

	assert_int_equal(ca_facts(ca)->host_count, 0);
	constraints = X509_get_ext_d2i(cert, NID_name_constraints, NULL, NULL);
	assert_int_equal(sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees), 1);
	NAME_CONSTRAINTS_free(constraints);
	X509_free(cert);
	ca_close(ca);
}

static void new_host_means_new_intermediate_under_same_root(void **state)
{
	struct place *place = *state;
	char first[96], second[96];
	struct ca *ca;

	make(place, two_hosts, 2, first);
	ca = open_ok(place, three_hosts, 3);
	memcpy(second, ca_facts(ca)->fingerprint, 96);
	assert_string_equal(first, second);
	assert_int_equal(ca_facts(ca)->host_count, 3);
	ca_close(ca);
}

static void reload_adds_a_host_and_keeps_the_root(void **state)
{
	struct place *place = *state;
	struct ca *ca = open_ok(place, two_hosts, 2);
	char fingerprint[96];
	SSL_CTX *ctx = NULL;

	memcpy(fingerprint, ca_facts(ca)->fingerprint, 96);
	assert_int_equal(ca_leaf(ca, SLICE("api.mobizon.kz"), &ctx, NULL), -EACCES);
	assert_int_equal(ca_reload(ca, three_hosts, 3, NULL), 0);
	assert_int_equal(ca_leaf(ca, SLICE("api.mobizon.kz"), &ctx, NULL), 0);
	SSL_CTX_free(ctx);
	assert_string_equal(ca_facts(ca)->fingerprint, fingerprint);
	ca_close(ca);
}

static void failed_reload_keeps_what_there_was(void **state)
{
	static const char *const bad[] = { "not a host" };
	struct place *place = *state;
	struct ca *ca = open_ok(place, two_hosts, 2);
	struct err err = { "" };
	SSL_CTX *ctx = NULL;

	assert_int_equal(ca_reload(ca, bad, 1, &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"not a host\""));
	assert_int_equal(chmod(file_in(place, "root.key"), 0644), 0);
	assert_int_equal(ca_reload(ca, three_hosts, 3, NULL), -EACCES);
	assert_int_equal(ca_leaf(ca, SLICE("api.resend.com"), &ctx, NULL), 0);
	SSL_CTX_free(ctx);
	assert_int_equal(ca_facts(ca)->host_count, 2);
	ca_close(ca);
}

static void wide_keys_are_refused(void **state)
{
	static const char *const keys[] = { "root.key", "intermediate.key" };
	static const mode_t modes[] = { 0640, 0604, 0620, 0666 };
	struct place *place = *state;
	char fingerprint[96];
	char advice[800];

	make(place, two_hosts, 2, fingerprint);
	for (size_t k = 0; k < 2; k++) {
		for (size_t m = 0; m < 4; m++) {
			assert_int_equal(chmod(file_in(place, keys[k]), modes[m]), 0);
			(void)snprintf(advice, sizeof(advice), "chmod 600 %s",
			    file_in(place, keys[k]));
			assert_refused(place, EACCES, advice, keys[k]);
		}
		assert_int_equal(chmod(file_in(place, keys[k]), 0400), 0);
	}
	make(place, two_hosts, 2, fingerprint);
}

static void keys_of_another_owner_are_refused(void **state)
{
	struct place *place = *state;
	char fingerprint[96];

	if (geteuid() != 0) {
		skip(); /* only root can give files away */
	}
	make(place, two_hosts, 2, fingerprint);
	assert_int_equal(chown(file_in(place, "root.key"), 12345, (gid_t)-1), 0);
	assert_refused(place, EACCES, "belongs to user 12345", "chown 0 ");
}

static void folder_open_to_others_is_refused(void **state)
{
	struct place *place = *state;
	char fingerprint[96];

	make(place, two_hosts, 2, fingerprint);
	assert_int_equal(chmod(place->dir, 0777), 0);
	assert_refused(place, EACCES, "chmod 700", place->dir);
}

static void corrupt_files_are_named_with_advice(void **state)
{
	static const struct {
		const char *file;
		const char *advice;
	} cases[] = {
		{ "root.pem", "waybill ca renew" },
		{ "root.key", "waybill ca renew" },
		{ "intermediate.pem", "remove it" },
		{ "intermediate.key", "remove it" },
	};

	static const char *const contents[] = {
		"",
		"not PEM at all\n",
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
		"-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
	};
	struct place *place = *state;
	char fingerprint[96];

	for (size_t i = 0; i < 4; i++) {
		for (size_t c = 0; c < 4; c++) {
			make(place, two_hosts, 2, fingerprint);
			file_write(file_in(place, cases[i].file), contents[c]);
			assert_refused(place, EINVAL, file_in(place, cases[i].file),
			    cases[i].advice);
			folder_remove(place->dir);
		}
	}
}

static void a_key_with_a_passphrase_is_refused_without_asking(void **state)
{
	struct place *place = *state;
	char fingerprint[96];
	EVP_PKEY *key;
	FILE *file;

	make(place, two_hosts, 2, fingerprint);
	key = key_load(file_in(place, "root.key"));
	file = fopen(file_in(place, "root.key"), "we");
	PEM_write_PKCS8PrivateKey(file, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
	(void)fclose(file);
	EVP_PKEY_free(key);
	assert_refused(place, EINVAL, "passphrase", "root.key");
}

static void a_pipe_in_place_of_a_key_does_not_hang(void **state)
{
	struct place *place = *state;
	char fingerprint[96];

	make(place, two_hosts, 2, fingerprint);
	assert_int_equal(unlink(file_in(place, "root.key")), 0);
	assert_int_equal(mkfifo(file_in(place, "root.key"), 0600), 0);
	assert_refused(place, EINVAL, "not a regular file", "root.key");
}

static void root_key_of_another_root_is_refused(void **state)
{
	struct place *place = *state;
	char fingerprint[96];
	EVP_PKEY *key = EVP_EC_gen("P-256");

	make(place, two_hosts, 2, fingerprint);
	assert_int_equal(pemfile_write_key(file_in(place, "root.key"), key, NULL), 0);
	assert_refused(place, EINVAL, "is not the key of", "waybill ca renew");
	EVP_PKEY_free(key);
}

/* What a crash between two renames leaves. */
static void half_written_intermediate_is_signed_anew(void **state)
{
	struct place *place = *state;
	char first[96], second[96];
	EVP_PKEY *key = EVP_EC_gen("P-256");

	make(place, two_hosts, 2, first);
	assert_int_equal(
	    pemfile_write_key(file_in(place, "intermediate.key"), key, NULL), 0);
	make(place, two_hosts, 2, second);
	assert_string_equal(first, second);
	assert_int_equal(unlink(file_in(place, "intermediate.pem")), 0);
	file_write(file_in(place, "root.key.new"), "left by a crash");
	file_write(file_in(place, "intermediate.pem.new"), "left by a crash");
	make(place, two_hosts, 2, second);
	assert_string_equal(first, second);
	EVP_PKEY_free(key);
}

/* Replaces the intermediate by one that was signed at now and ends at end. */
static void age_intermediate(const struct place *place, int64_t now, int64_t end)
{
	struct cert_issuer root = { cert_load(file_in(place, "root.pem")), NULL };
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct name_list names;
	X509 *cert = NULL;

	root.key = key_load(file_in(place, "root.key"));
	assert_int_equal(name_list_from_patterns(two_hosts, 2, &names, NULL), 0);
	assert_int_equal(cert_intermediate(root, key, &names, now, end, &cert, NULL), 0);
	assert_int_equal(
	    pemfile_write_key(file_in(place, "intermediate.key"), key, NULL), 0);
	assert_int_equal(
	    pemfile_write_cert(file_in(place, "intermediate.pem"), cert, NULL), 0);
	name_list_finish(&names);
	X509_free(cert);
	EVP_PKEY_free(key);
	X509_free(root.cert);
	EVP_PKEY_free(root.key);
}

static void ageing_and_expired_intermediates_are_renewed(void **state)
{
	static const int64_t left[] = { -DAY, 5 * DAY, 300 * DAY };
	struct place *place = *state;
	char first[96], second[96];
	int64_t now = (int64_t)time(NULL);
	X509 *cert;

	make(place, two_hosts, 2, first);
	for (size_t i = 0; i < 3; i++) {
		age_intermediate(place, now - 30 * DAY, now + left[i]);
		make(place, two_hosts, 2, second);
		assert_string_equal(first, second);
		cert = cert_load(file_in(place, "intermediate.pem"));
		assert_true(cert_not_after(cert) > now + 4 * CERT_YEAR_S);
		X509_free(cert);
	}
}

static void ageing_intermediate_without_root_key_serves_to_its_end(void **state)
{
	struct place *place = *state;
	char fingerprint[96];
	int64_t now = (int64_t)time(NULL);

	make(place, two_hosts, 2, fingerprint);
	age_intermediate(place, now - 30 * DAY, now + 5 * DAY);
	assert_int_equal(unlink(file_in(place, "root.key")), 0);
	make(place, two_hosts, 2, fingerprint);
}

static void expired_root_is_told(void **state)
{
	struct place *place = *state;
	char fingerprint[96];
	int64_t now = (int64_t)time(NULL);
	EVP_PKEY *key;
	X509 *root = NULL;

	make(place, two_hosts, 2, fingerprint);
	key = key_load(file_in(place, "root.key"));
	assert_int_equal(cert_root(key, now - 11 * CERT_YEAR_S, &root, NULL), 0);
	cert_save(file_in(place, "root.pem"), root);
	assert_refused(place, EKEYEXPIRED, "has expired", "waybill ca renew");
	X509_free(root);
	root = NULL;
	assert_int_equal(cert_root(key, now + CERT_YEAR_S, &root, NULL), 0);
	cert_save(file_in(place, "root.pem"), root);
	assert_refused(place, EINVAL, "not valid yet", "clock");
	X509_free(root);
	EVP_PKEY_free(key);
}

static void discarded_root_key_never_stays_on_disk(void **state)
{
	struct place *place = *state;
	char first[96], second[96];
	struct ca *ca = NULL;
	struct err err = { "" };
	X509 *cert, *root;

	place->settings.discard_root_key = true;
	make(place, two_hosts, 2, first);
	assert_int_equal(access(file_in(place, "root.key"), F_OK), -1);
	cert = cert_load(file_in(place, "intermediate.pem"));
	root = cert_load(file_in(place, "root.pem"));
	assert_true(cert_not_after(cert) == cert_not_after(root));
	X509_free(cert);
	X509_free(root);
	make(place, two_hosts, 2, second);
	assert_string_equal(first, second);
	assert_int_equal(ca_open(&place->settings, three_hosts, 3, &ca, &err), -ENOKEY);
	assert_non_null(strstr(err.text, "waybill ca renew"));
	assert_int_equal(ca_renew(&place->settings, three_hosts, 3, true, &err), -ENOKEY);
	assert_int_equal(ca_renew(&place->settings, three_hosts, 3, false, &err), 0);
	make(place, three_hosts, 3, second);
	assert_string_not_equal(first, second);
	assert_int_equal(access(file_in(place, "root.key"), F_OK), -1);
}

static void discarding_later_removes_the_key_and_lengthens_the_intermediate(void **state)
{
	struct place *place = *state;
	char first[96], second[96];
	X509 *cert, *root;

	make(place, two_hosts, 2, first);
	assert_int_equal(access(file_in(place, "root.key"), F_OK), 0);
	place->settings.discard_root_key = true;
	make(place, two_hosts, 2, second);
	assert_string_equal(first, second);
	assert_int_equal(access(file_in(place, "root.key"), F_OK), -1);
	cert = cert_load(file_in(place, "intermediate.pem"));
	root = cert_load(file_in(place, "root.pem"));
	assert_true(cert_not_after(cert) == cert_not_after(root));
	X509_free(cert);
	X509_free(root);
}

static void renew_makes_a_new_root_or_only_an_intermediate(void **state)
{
	struct place *place = *state;
	char first[96], second[96];
	X509 *a, *b;

	assert_int_equal(ca_renew(&place->settings, two_hosts, 2, true, NULL), -ENOENT);
	make(place, two_hosts, 2, first);
	a = cert_load(file_in(place, "intermediate.pem"));
	assert_int_equal(ca_renew(&place->settings, two_hosts, 2, true, NULL), 0);
	b = cert_load(file_in(place, "intermediate.pem"));
	make(place, two_hosts, 2, second);
	assert_string_equal(first, second);
	assert_int_not_equal(X509_cmp(a, b), 0);
	assert_int_equal(ca_renew(&place->settings, two_hosts, 2, false, NULL), 0);
	make(place, two_hosts, 2, second);
	assert_string_not_equal(first, second);
	X509_free(a);
	X509_free(b);
}

static void renew_mends_corrupt_files(void **state)
{
	struct place *place = *state;
	char fingerprint[96];

	make(place, two_hosts, 2, fingerprint);
	file_write(file_in(place, "root.pem"), "junk");
	file_write(file_in(place, "intermediate.key"), "junk");
	assert_int_equal(ca_renew(&place->settings, two_hosts, 2, false, NULL), 0);
	make(place, two_hosts, 2, fingerprint);
}

static void looking_makes_nothing(void **state)
{
	struct place *place = *state;
	struct ca *ca = NULL;
	struct err err = { "" };
	char fingerprint[96];
	SSL_CTX *ctx = NULL;

	assert_int_equal(ca_open_existing(&place->settings, &ca, &err), -ENOENT);
	assert_non_null(strstr(err.text, "waybill run"));
	assert_int_equal(access(place->dir, F_OK), -1);
	make(place, two_hosts, 2, fingerprint);
	assert_int_equal(ca_open_existing(&place->settings, &ca, &err), 0);
	assert_string_equal(ca_facts(ca)->fingerprint, fingerprint);
	assert_int_equal(ca_facts(ca)->host_count, 2);
	assert_int_equal(ca_leaf(ca, SLICE("api.resend.com"), &ctx, &err), -EPERM);
	ca_close(ca);
}

static void too_many_hosts_are_told(void **state)
{
	struct place *place = *state;
	static char names[1500][32];
	static const char *hosts[1500];
	struct ca *ca = NULL;
	struct err err = { "" };

	for (size_t i = 0; i < 1500; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "host-%zu.example.com", i);
		hosts[i] = names[i];
	}
	assert_int_equal(ca_open(&place->settings, hosts, 1500, &ca, &err), -E2BIG);
	assert_non_null(strstr(err.text, "wildcards"));
}

static void unwritable_folder_is_told(void **state)
{
	struct place *place = *state;
	struct ca *ca = NULL;
	struct err err = { "" };

	file_write(place->dir, "a file where the folder should be");
	assert_true(ca_open(&place->settings, two_hosts, 2, &ca, &err) < 0);
	assert_non_null(strstr(err.text, place->dir));
	place->settings.dir = "/proc/none/ca";
	assert_true(ca_open(&place->settings, two_hosts, 2, &ca, &err) < 0);
	assert_non_null(strstr(err.text, "/proc/none/ca"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(first_open_makes_files_with_tight_modes),
		CASE(facts_tell_what_clients_need),
		CASE(second_open_keeps_root_and_intermediate),
		CASE(order_and_case_of_hosts_do_not_matter),
		CASE(two_installs_have_different_roots),
		CASE(root_is_a_ca_of_ten_years),
		CASE(intermediate_is_bound_to_the_routed_hosts),
		CASE(no_hosts_still_means_a_constraint),
		CASE(new_host_means_new_intermediate_under_same_root),
		CASE(reload_adds_a_host_and_keeps_the_root),
		CASE(failed_reload_keeps_what_there_was),
		CASE(wide_keys_are_refused),
		CASE(keys_of_another_owner_are_refused),
		CASE(folder_open_to_others_is_refused),
		CASE(corrupt_files_are_named_with_advice),
		CASE(a_key_with_a_passphrase_is_refused_without_asking),
		CASE(a_pipe_in_place_of_a_key_does_not_hang),
		CASE(root_key_of_another_root_is_refused),
		CASE(half_written_intermediate_is_signed_anew),
		CASE(ageing_and_expired_intermediates_are_renewed),
		CASE(ageing_intermediate_without_root_key_serves_to_its_end),
		CASE(expired_root_is_told),
		CASE(discarded_root_key_never_stays_on_disk),
		CASE(discarding_later_removes_the_key_and_lengthens_the_intermediate),
		CASE(renew_makes_a_new_root_or_only_an_intermediate),
		CASE(renew_mends_corrupt_files),
		CASE(looking_makes_nothing),
		CASE(too_many_hosts_are_told),
		CASE(unwritable_folder_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

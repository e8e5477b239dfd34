/* SPDX-License-Identifier: MIT */
/*
 * The files of trusted certificates: whole, in one form, and only written when they
 * change.
 */
#include "tests/unit/tls_pair.h"
#include "tls/ca.h"
#include "tls/pemfile.h"
#include "tls/trust.h"

#include <errno.h>
#include <openssl/pkcs12.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static const char *const hosts[] = { "api.resend.com" };

/* Two CAs: the root of the second stands for a system's root. */
struct place {
	char *base;
	char dir[600];
	char system_root[700];
	struct buf ours;   /* PEM of our root */
	struct buf theirs; /* and of the system's */
};

static void make_ca(
    const char *base, const char *name, char ret_dir[600], struct buf *pem)
{
	struct ca_settings settings = { .dir = ret_dir };
	struct ca *ca = NULL;
	struct err err;

	(void)snprintf(ret_dir, 600, "%s/%s", base, name);
	assert_int_equal(ca_open(&settings, hosts, 1, &ca, &err), 0);
	buf_puts(pem, ca_facts(ca)->root_pem);
	ca_close(ca);
}

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	char other[600];

	place->base = folder_make();
	make_ca(place->base, "ca", place->dir, &place->ours);
	make_ca(place->base, "other", other, &place->theirs);
	(void)snprintf(
	    place->system_root, sizeof(place->system_root), "%s/roots.crt", place->base);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	folder_remove(place->base);
	free(place->base);
	buf_finish(&place->ours);
	buf_finish(&place->theirs);
	free(place);
	return 0;
}

static void put_roots(const struct place *place, const char *text)
{
	FILE *file = fopen(place->system_root, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static const char *path_of(const struct place *place, const char *name)
{
	static char path[700];

	(void)snprintf(path, sizeof(path), "%s/%s", place->dir, name);
	return path;
}

static void assert_bundle(const struct place *place, const struct buf *first)
{
	struct buf wanted = { 0 };
	struct buf text = { 0 };
	struct err err;

	if (first) {
		buf_put_slice(&wanted, buf_slice(first));
	}
	buf_put_slice(&wanted, buf_slice(&place->ours));
	assert_int_equal(
	    pemfile_read(path_of(place, "bundle.pem"), 1 << 20, "", &text, &err), 0);
	assert_true(slice_eq(buf_slice(&text), buf_slice(&wanted)));
	buf_finish(&text);
	buf_finish(&wanted);
}

static void bundle_has_whole_plain_certificates_only(void **state)
{
	struct place *place = *state;
	struct buf text = { 0 };
	struct err err;

	/* what breaks clients: a byte order mark, text, a broken block, other kinds,
	 * twice */
	buf_puts(&text, "\xef\xbb\xbf# comment\r\n");
	buf_puts(&text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	buf_puts(&text, "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
	buf_put_slice(&text, buf_slice(&place->theirs));
	buf_puts(&text, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
	buf_put_slice(&text, buf_slice(&place->ours));
	buf_put_slice(&text, buf_slice(&place->theirs));
	buf_puts(&text, "-----BEGIN CERTIFICATE-----\nMIIB\n");
	buf_putc(&text, '\0');
	put_roots(place, text.ptr);
	buf_finish(&text);
	assert_int_equal(
	    trust_write(place->dir, place->system_root, place->dir, &err), 0);
	assert_bundle(place, &place->theirs);
}

static void files_are_written_when_they_change_only(void **state)
{
	struct place *place = *state;
	struct stat before;
	struct stat after;
	struct err err;

	assert_int_equal(trust_write(place->dir, NULL, place->dir, &err), 0);
	assert_bundle(place, NULL);
	assert_int_equal(stat(path_of(place, "truststore.p12"), &before), 0);
	assert_int_equal(before.st_mode & 07777, 0644);
	assert_int_equal(trust_write(place->dir, NULL, place->dir, &err), 0);
	assert_int_equal(stat(path_of(place, "truststore.p12"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	buf_putc(&place->theirs, '\0');
	put_roots(place, place->theirs.ptr);
	place->theirs.len--;
	assert_int_equal(
	    trust_write(place->dir, place->system_root, place->dir, &err), 0);
	assert_int_equal(stat(path_of(place, "truststore.p12"), &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_bundle(place, &place->theirs);
}

static void store_opens_with_its_password(void **state)
{
	struct place *place = *state;
	STACK_OF(X509) *certs = NULL;
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	PKCS12 *p12;
	FILE *file;
	struct err err;

	assert_int_equal(trust_write(place->dir, NULL, place->dir, &err), 0);
	file = fopen(path_of(place, "truststore.p12"), "rb");
	assert_non_null(file);
	p12 = d2i_PKCS12_fp(file, NULL);
	assert_int_equal(fclose(file), 0);
	assert_non_null(p12);
	assert_int_equal(PKCS12_verify_mac(p12, TRUST_STORE_PASSWORD, -1), 1);
	assert_int_equal(PKCS12_parse(p12, TRUST_STORE_PASSWORD, &key, &cert, &certs), 1);
	assert_null(key);
	assert_int_equal(sk_X509_num(certs), 1);
	sk_X509_pop_free(certs, X509_free);
	X509_free(cert);
	PKCS12_free(p12);
}

static void another_folder_gets_the_root_too(void **state)
{
	struct place *place = *state;
	char dir[700];
	struct buf text = { 0 };
	struct err err;

	(void)snprintf(dir, sizeof(dir), "%s/clients", place->base);
	assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(trust_write(place->dir, NULL, dir, &err), 0);
	(void)snprintf(dir, sizeof(dir), "%s/clients/root.pem", place->base);
	assert_int_equal(pemfile_read(dir, 1 << 20, "", &text, &err), 0);
	assert_true(slice_eq(buf_slice(&text), buf_slice(&place->ours)));
	buf_finish(&text);
}

static void without_a_ca_it_says_what_makes_one(void **state)
{
	struct place *place = *state;
	struct err err;

	assert_int_equal(trust_write(place->base, NULL, place->base, &err), -ENOENT);
	assert_non_null(strstr(err.text, "waybill run"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(bundle_has_whole_plain_certificates_only),
		CASE(files_are_written_when_they_change_only),
		CASE(store_opens_with_its_password),
		CASE(another_folder_gets_the_root_too),
		CASE(without_a_ca_it_says_what_makes_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

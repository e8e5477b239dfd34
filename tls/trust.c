/* SPDX-License-Identifier: MIT */
/*
 * trust: see the header. The form of the bundle is what every client takes: one plain
 * CERTIFICATE block after the other, no byte order mark, none twice.
 */
#include "tls/trust.h"

#include "tls/context.h"
#include "tls/folder.h"
#include "tls/pemfile.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define ROOTS_MAX (16 * 1024 * 1024)
#define ADVICE    "update-ca-certificates makes it anew"

/* Java takes a certificate of a PKCS#12 file as trusted only with this attribute,
 * Oracle's trustedKeyUsage; its value says for what: anyExtendedKeyUsage. */
#define TRUSTED_KEY_USAGE "2.16.840.1.113894.746875.1.1"
#define MAC_ITERATIONS    2048

const char *trust_system_roots(void)
{
	static const char *const known[] = {
		"/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, Arch */
		"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
		"/etc/ssl/ca-bundle.pem",             /* openSUSE */
		"/etc/ssl/cert.pem",                  /* BSD */
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (access(known[i], R_OK) == 0) {
			return known[i];
		}
	}
	return NULL;
}

static bool is_among(STACK_OF(X509) * certs, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		if (X509_cmp(sk_X509_value(certs, i), cert) == 0) {
			return true;
		}
	}
	return false;
}

/* Takes cert. Returns false when there is no memory. */
static bool add_once(STACK_OF(X509) * certs, X509 *cert)
{
	if (is_among(certs, cert)) {
		X509_free(cert);
		return true;
	}
	if (sk_X509_push(certs, cert) <= 0) {
		X509_free(cert);
		return false;
	}
	return true;
}

/* Adds each certificate of a PEM text. Blocks that are broken, or something else (a
 * "TRUSTED CERTIFICATE" may say for what it is not trusted), are left out. */
static bool add_text(STACK_OF(X509) * certs, struct slice text)
{
	BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
	bool ok = bio != NULL;

	while (ok) {
		unsigned char *der = NULL;
		const unsigned char *at;
		char *name = NULL, *header = NULL;
		X509 *cert = NULL;
		long len = 0;

		if (PEM_read_bio(bio, &name, &header, &der, &len) != 1) {
			if (pemfile_at_end()) {
				break;
			}
			ERR_clear_error(); /* a broken block: the next may be whole */
			continue;
		}
		at = der;
		if (strcmp(name, PEM_STRING_X509) == 0) {
			cert = d2i_X509(NULL, &at, len);
		}
		if (cert) {
			ok = add_once(certs, cert);
		}
		ERR_clear_error();
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	BIO_free(bio);
	return ok;
}

/* The system's roots, and root as the last. */
static int collect(
    const char *system_roots, X509 *root, STACK_OF(X509) * certs, struct err *err)
{
	struct buf text = { 0 };
	int r = 0;

	if (system_roots) {
		r = pemfile_read(system_roots, ROOTS_MAX, ADVICE, &text, err);
	}
	if (r == 0 && text.len > 0 && !add_text(certs, buf_slice(&text))) {
		r = err_set(err, ENOMEM, "out of memory for the trusted certificates");
	}
	buf_finish(&text);
	for (int i = sk_X509_num(certs) - 1; i >= 0;
	     i--) { /* it may be installed there */
		if (X509_cmp(sk_X509_value(certs, i), root) == 0) {
			X509_free(sk_X509_delete(certs, i));
		}
	}
	if (r == 0 && (X509_up_ref(root) != 1 || !add_once(certs, root))) {
		r = err_set(err, ENOMEM, "out of memory for the trusted certificates");
	}
	return r;
}

/* Gives content, BIO_free. */
static BIO *bundle(STACK_OF(X509) * certs)
{
	BIO *bio = BIO_new(BIO_s_mem());

	for (int i = 0; bio && i < sk_X509_num(certs); i++) {
		if (PEM_write_bio_X509(bio, sk_X509_value(certs, i)) != 1) {
			BIO_free(bio);
			bio = NULL;
		}
	}
	return bio;
}

/* A certificate with its name (Java keeps one of each name) and trustedKeyUsage. */
static bool add_bag(STACK_OF(PKCS12_SAFEBAG) * *bags, X509 *cert, const char *name)
{
	PKCS12_SAFEBAG *bag = PKCS12_add_cert(bags, cert);

	/* OpenSSL wants bytes, and copies the object that they are when len is -1 */
	return bag && PKCS12_add_friendlyname_utf8(bag, name, -1) == 1 &&
	       PKCS12_add1_attr_by_txt(bag, TRUSTED_KEY_USAGE, V_ASN1_OBJECT,
	           (const unsigned char *)OBJ_nid2obj(NID_anyExtendedKeyUsage), -1) == 1;
}

/* The salt is of the content, not random: the same certificates give the same file. There
 * is nothing to protect with it, the password is known to all. */
static bool set_mac(PKCS12 *p12, STACK_OF(X509) * certs)
{
	unsigned char salt[EVP_MAX_MD_SIZE];
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned int len = 0;
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

	for (int i = 0; ok && i < sk_X509_num(certs); i++) {
		ok = X509_digest(sk_X509_value(certs, i), EVP_sha256(), digest, &len) ==
		         1 &&
		     EVP_DigestUpdate(md, digest, len) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(md, salt, &len) == 1 &&
	     PKCS12_set_mac(p12, TRUST_STORE_PASSWORD, -1, salt, 16, MAC_ITERATIONS,
	         EVP_sha256()) == 1;
	EVP_MD_CTX_free(md);
	return ok;
}

/* Not encrypted, so that no password is needed to read it. Gives content, BIO_free. */
static BIO *store(STACK_OF(X509) * certs)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	STACK_OF(PKCS7) *safes = NULL;
	PKCS12 *p12 = NULL;
	BIO *bio = NULL;
	int last = sk_X509_num(certs) - 1;
	char name[32];
	bool ok = true;

	for (int i = 0; ok && i <= last; i++) {
		(void)snprintf(
		    name, sizeof(name), i == last ? "waybill" : "system-%03d", i);
		ok = add_bag(&bags, sk_X509_value(certs, i), name);
	}
	ok = ok && PKCS12_add_safe(&safes, bags, -1, 0, NULL) == 1;
	p12 = ok ? PKCS12_add_safes(safes, 0) : NULL;
	if (p12 && set_mac(p12, certs)) {
		bio = BIO_new(BIO_s_mem());
	}
	if (bio && i2d_PKCS12_bio(bio, p12) != 1) {
		BIO_free(bio);
		bio = NULL;
	}
	PKCS12_free(p12);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return bio;
}

/* Takes content; NULL: it could not be made. */
static int put(const char *dir, const char *name, BIO *content, struct err *err)
{
	char path[PATH_MAX];
	char *data = NULL;
	struct slice wanted;
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
	int r;

	if (!content) {
		return context_err(err, ENOMEM, "cannot encode %s", name);
	}
	if (n < 0 || (size_t)n >= sizeof(path)) {
		BIO_free(content);
		return err_set(err, ENAMETOOLONG, "the path %s is too long", dir);
	}
	wanted.len = (size_t)BIO_get_mem_data(content, &data);
	wanted.ptr = data;
	r = pemfile_put(path, 0644, wanted, err);
	BIO_free(content);
	return r;
}

static int read_root(const char *ca_dir, X509 **ret_root, struct err *err)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/root.pem", ca_dir);
	int r;

	if (n < 0 || (size_t)n >= sizeof(path)) {
		return err_set(err, ENAMETOOLONG, "the path %s is too long", ca_dir);
	}
	r = pemfile_read_cert(path, "`waybill ca renew` makes a new root", ret_root, err);
	if (r == -ENOENT) {
		return err_set(err, ENOENT,
		    "there is no CA in %s yet: `waybill run` makes it on its first start",
		    ca_dir);
	}
	return r;
}

static int write_all(const char *system_roots, X509 *root, const char *ca_dir,
    const char *dir, struct err *err)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	STACK_OF(X509) *only = sk_X509_new_null();
	int r;

	if (!certs || !only || X509_up_ref(root) != 1) {
		r = err_set(err, ENOMEM, "out of memory for the trusted certificates");
	} else if (!add_once(only, root)) {
		r = err_set(err, ENOMEM, "out of memory for the trusted certificates");
	} else {
		r = collect(system_roots, root, certs, err);
	}
	if (r == 0) {
		r = put(dir, "bundle.pem", bundle(certs), err);
	}
	if (r == 0) {
		r = put(dir, "truststore.p12", store(certs), err);
	}
	if (r == 0 && strcmp(dir, ca_dir) != 0) {
		r = put(dir, "root.pem", bundle(only), err);
	}
	sk_X509_pop_free(certs, X509_free);
	sk_X509_pop_free(only, X509_free);
	return r;
}

int trust_write(
    const char *ca_dir, const char *system_roots, const char *dir, struct err *err)
{
	X509 *root = NULL;
	int r = read_root(ca_dir, &root, err);
	int lock = -1;

	if (r == 0) {
		lock = folder_lock(ca_dir, LOCK_EX, err);
		r = lock < 0 ? lock : write_all(system_roots, root, ca_dir, dir, err);
	}
	if (lock >= 0) {
		(void)close(lock); /* only locked */
	}
	X509_free(root);
	return r;
}

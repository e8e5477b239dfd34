/* SPDX-License-Identifier: MIT */
/*
 * crl: see the header. That a missing list is no fault is said in failure_on_verify.
 */
#include "tls/crl.h"

#include "base/buf.h"
#include "tls/context.h"
#include "tls/pemfile.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define CRL_FILE_MAX (64u * 1024 * 1024)

/* Returns how many, or -EINVAL. */
static int add_lists(X509_STORE *store, BIO *bio)
{
	X509_CRL *crl;
	int count = 0;

	while ((crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
		int ok = X509_STORE_add_crl(store, crl);

		X509_CRL_free(crl);
		if (ok != 1) {
			return -EINVAL;
		}
		count++;
	}
	return pemfile_at_end() ? count : -EINVAL;
}

int crl_add_file(SSL_CTX *ctx, const char *path, struct err *err)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	struct buf text = { 0 };
	BIO *bio = NULL;
	int count = -EINVAL;
	int r = pemfile_read(path, CRL_FILE_MAX, "look at upstream.crl_file", &text, err);

	if (r == 0) {
		bio = BIO_new_mem_buf(text.len ? text.ptr : "", (int)text.len);
		count = bio ? add_lists(store, bio) : -EINVAL;
		BIO_free(bio);
	}
	buf_finish(&text);
	if (r < 0) {
		return r;
	}
	if (count < 0) {
		return context_err(err, EINVAL,
		    "upstream.crl_file: %s holds a list that is broken", path);
	}
	if (count == 0) {
		return err_set(err, EINVAL,
		    "upstream.crl_file: %s holds no list in PEM form (BEGIN X509 CRL)",
		    path);
	}
	if (X509_STORE_set_flags(
	        store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) != 1) {
		return context_err(err, EIO, "cannot check upstream.crl_file: %s", path);
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "cmd/doctor.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>

static X509 *read_text(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return cert;
}

/* Is it one certificate in DER? Node and others skip such a file without a word. */
static bool is_der(const char *path)
{
	BIO *bio = BIO_new_file(path, "rb");
	X509 *cert = bio ? d2i_X509_bio(bio, NULL) : NULL;
	bool der = cert != NULL;

	X509_free(cert);
	BIO_free(bio);
	return der;
}

const char *doctor_pem_fault(const char *path, const char *wanted)
{
	X509 *ours = wanted ? read_text(wanted) : NULL;
	BIO *bio = BIO_new_file(path, "r");
	bool readable = bio != NULL;
	bool found = ours == NULL;
	size_t count = 0;
	X509 *cert;

	while (bio && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		count++;
		found = found || X509_cmp(cert, ours) == 0;
		X509_free(cert);
	}
	BIO_free(bio);
	X509_free(ours);
	ERR_clear_error();
	if (!readable) {
		return "it cannot be read";
	}
	if (count == 0) {
		bool der = is_der(path);

		ERR_clear_error();
		return der ? "it is DER, not PEM, and is skipped without a word"
		           : "there is no certificate in it, and it is skipped without a word";
	}
	return found ? NULL : "waybill's root is not in it";
}

/* SPDX-License-Identifier: MIT */
/*
 * ca: what others see of the CA: its files (material), its leaves (leaf), its facts.
 */
#include "tls/ca.h"

#include "base/buf.h"
#include "base/clock.h"
#include "tls/context.h"
#include "tls/leaf.h"
#include "tls/material.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct ca {
	struct ca_paths paths;
	bool discard_root_key;
	struct leaf_cache *leaves; /* owned; NULL: opened for looking only */
	struct ca_facts facts;     /* points into the two below */
	char *root_pem;            /* owned */
	struct name_list names;    /* owned */
};

static void date_text(const X509 *cert, char ret_text[32])
{
	time_t when = (time_t)cert_not_after(cert);
	struct tm tm;

	if (!gmtime_r(&when, &tm) || strftime(ret_text, 32, "%Y-%m-%d", &tm) == 0) {
		ret_text[0] = '\0';
	}
}

static bool fingerprint(const X509 *cert, char ret_text[96])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (X509_digest(cert, EVP_sha256(), digest, &len) != 1) {
		return false;
	}
	for (unsigned int i = 0; i < len; i++) {
		(void)snprintf(ret_text + (size_t)3 * i, 4, "%02X%s", digest[i],
		    i + 1 < len ? ":" : "");
	}
	return true;
}

/* Gives the certificate as text, or NULL. */
static char *pem_text(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	char *text = NULL;
	long len;

	if (bio && PEM_write_bio_X509(bio, cert) == 1) {
		len = BIO_get_mem_data(bio, &data);
		text = slice_dup((struct slice){ data, (size_t)len });
	}
	BIO_free(bio);
	return text;
}

/* Replaces the facts by those of material; on failure they stay as they were. */
static int set_facts(struct ca *ca, const struct ca_material *material, struct err *err)
{
	struct ca_facts facts = { .root_path = ca->paths.root_cert };
	struct name_list names = { 0 };
	char *pem = pem_text(material->root);

	if (!pem || !fingerprint(material->root, facts.fingerprint) ||
	    (material->intermediate &&
	        cert_permitted_names(material->intermediate, &names) < 0)) {
		free(pem);
		return context_err(err, ENOMEM, "out of memory for the CA");
	}
	date_text(material->root, facts.not_after);
	if (material->intermediate) {
		date_text(material->intermediate, facts.intermediate_not_after);
	}
	free(ca->root_pem);
	name_list_finish(&ca->names);
	ca->root_pem = pem;
	ca->names = names;
	facts.root_pem = ca->root_pem;
	facts.has_root_key = material->has_root_key;
	facts.host_count = ca->names.count;
	facts.hosts = (const char *const *)ca->names.names;
	ca->facts = facts;
	return 0;
}

static int create(const struct ca_settings *settings, struct ca **ret_ca, struct err *err)
{
	struct ca *ca = calloc(1, sizeof(*ca));
	int r;

	if (!ca) {
		return err_set(err, ENOMEM, "out of memory for the CA");
	}
	r = ca_paths_init(&ca->paths, settings->dir, err);
	if (r < 0) {
		free(ca);
		return r;
	}
	ca->discard_root_key = settings->discard_root_key;
	*ret_ca = ca;
	return 0;
}

void ca_close(struct ca *ca)
{
	if (!ca) {
		return;
	}
	leaf_cache_destroy(ca->leaves);
	name_list_finish(&ca->names);
	free(ca->root_pem);
	free(ca);
}

int ca_reload(struct ca *ca, const char *const *hosts, size_t host_count, struct err *err)
{
	struct ca_material material = { 0 };
	struct name_list names;
	int r;

	if (!ca->leaves) {
		return err_set(err, EPERM, "this CA was opened for looking at it only");
	}
	r = name_list_from_patterns(hosts, host_count, &names, err);
	if (r < 0) {
		return r;
	}
	r = ca_material_prepare(&ca->paths, ca->discard_root_key, &names, &material, err);
	if (r == 0) {
		r = set_facts(ca, &material, err);
	}
	if (r == 0) {
		r = leaf_cache_set_issuer(ca->leaves,
		    (struct cert_issuer){
		        material.intermediate, material.intermediate_key },
		    &names, err);
	}
	ca_material_finish(&material);
	name_list_finish(&names);
	return r;
}

int ca_open(const struct ca_settings *settings, const char *const *hosts,
    size_t host_count, struct ca **ret_ca, struct err *err)
{
	struct ca *ca = NULL;
	int r = create(settings, &ca, err);

	if (r < 0) {
		return r;
	}
	r = leaf_cache_create(LEAF_CACHE_MAX, &ca->leaves, err);
	if (r == 0) {
		r = ca_reload(ca, hosts, host_count, err);
	}
	if (r < 0) {
		ca_close(ca);
		return r;
	}
	*ret_ca = ca;
	return 0;
}

int ca_open_existing(
    const struct ca_settings *settings, struct ca **ret_ca, struct err *err)
{
	struct ca_material material = { 0 };
	struct ca *ca = NULL;
	int r = create(settings, &ca, err);

	if (r < 0) {
		return r;
	}
	r = ca_material_load(&ca->paths, &material, err);
	if (r == 0) {
		r = set_facts(ca, &material, err);
	}
	ca_material_finish(&material);
	if (r < 0) {
		ca_close(ca);
		return r;
	}
	*ret_ca = ca;
	return 0;
}

int ca_renew(const struct ca_settings *settings, const char *const *hosts,
    size_t host_count, bool only_intermediate, struct err *err)
{
	struct name_list names;
	struct ca *ca = NULL;
	int r = create(settings, &ca, err);

	if (r < 0) {
		return r;
	}
	r = name_list_from_patterns(hosts, host_count, &names, err);
	if (r == 0) {
		r = ca_material_renew(
		    &ca->paths, ca->discard_root_key, &names, only_intermediate, err);
		name_list_finish(&names);
	}
	ca_close(ca);
	return r;
}

int ca_leaf(struct ca *ca, struct slice host, SSL_CTX **ret_ctx, struct err *err)
{
	if (!ca->leaves) {
		return err_set(err, EPERM, "this CA was opened for looking at it only");
	}
	return leaf_cache_get(ca->leaves, host, wall_us() / 1000000, ret_ctx, err);
}

const struct ca_facts *ca_facts(const struct ca *ca)
{
	return &ca->facts;
}

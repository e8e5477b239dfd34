/* SPDX-License-Identifier: MIT */
/*
 * cert: see the header.
 *
 * The constraint "amocrm.ru" has no leading dot: RFC 5280 4.2.1.10 gives the form no
 * meaning for dNSName, and Java and GnuTLS read it differently. Without it a name permits
 * itself and all below it everywhere.
 */
#include "tls/cert.h"

#include "tls/context.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

/* RFC 6761 6.4: no name below "invalid" exists. Stands where no host is routed, because
 * without any permitted name everything would be permitted. */
#define NAME_NOBODY "waybill.invalid"

#define SERIAL_BITS 128
#define ROOT_YEARS  10

int cert_key_create(EVP_PKEY **ret_key, struct err *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!key) {
		return context_err(err, ENOMEM, "cannot make a P-256 key");
	}
	*ret_key = key;
	return 0;
}

static int64_t time_of(const ASN1_TIME *when)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(when, &tm) != 1) {
		return INT64_MIN;
	}
	return (int64_t)timegm(&tm);
}

int64_t cert_not_after(const X509 *cert)
{
	return time_of(X509_get0_notAfter(cert));
}

int64_t cert_not_before(const X509 *cert)
{
	return time_of(X509_get0_notBefore(cert));
}

static bool set_serial(X509 *cert)
{
	BIGNUM *number = BN_new();
	bool ok = number &&
	          BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
	          !BN_is_zero(number) &&
	          BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));

	BN_free(number);
	return ok;
}

/* A certificate with what all three kinds have; NULL on failure. */
static X509 *begin(EVP_PKEY *key, const char *common_name, int64_t from, int64_t until)
{
	X509 *cert = X509_new();
	X509_NAME *subject = X509_NAME_new();

	if (!cert || !subject || !X509_set_version(cert, X509_VERSION_3) ||
	    !set_serial(cert) ||
	    !ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)from) ||
	    !ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)until) ||
	    !X509_set_pubkey(cert, key) ||
	    !X509_NAME_add_entry_by_NID(subject, NID_organizationName, MBSTRING_ASC,
	        (const unsigned char *)"waybill", -1, -1, 0) ||
	    !X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC,
	        (const unsigned char *)common_name, -1, -1, 0) ||
	    !X509_set_subject_name(cert, subject)) {
		X509_free(cert);
		cert = NULL;
	}
	X509_NAME_free(subject);
	return cert;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool ok;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&context);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	ok = extension && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool sign(X509 *cert, EVP_PKEY *key)
{
	return X509_sign(cert, key, EVP_sha256()) > 0;
}

/* Two roots must not share a name: clients look issuers up by it. */
static bool root_name(char *ret_name, size_t size, int64_t now)
{
	unsigned char random[4];
	time_t seconds = (time_t)now;
	struct tm tm;
	char date[16];

	if (RAND_bytes(random, sizeof(random)) != 1 || !gmtime_r(&seconds, &tm) ||
	    strftime(date, sizeof(date), "%Y-%m-%d", &tm) == 0) {
		return false;
	}
	(void)snprintf(ret_name, size, "waybill root %s %02x%02x%02x%02x", date,
	    random[0], random[1], random[2], random[3]);
	return true;
}

int cert_root(EVP_PKEY *key, int64_t now, X509 **ret_cert, struct err *err)
{
	char name[64];
	X509 *cert = NULL;

	if (root_name(name, sizeof(name), now)) {
		cert = begin(
		    key, name, now - CERT_BACKDATE_S, now + ROOT_YEARS * CERT_YEAR_S);
	}
	if (!cert || !X509_set_issuer_name(cert, X509_get_subject_name(cert)) ||
	    !add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE") ||
	    !add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
	    !add_extension(cert, cert, NID_subject_key_identifier, "hash") ||
	    !sign(cert, key)) {
		X509_free(cert);
		return context_err(err, EIO, "cannot make a root certificate");
	}
	*ret_cert = cert;
	return 0;
}

/* Appends a subtree, taking base also on failure. */
static bool push_subtree(STACK_OF(GENERAL_SUBTREE) * *trees, GENERAL_NAME *base)
{
	GENERAL_SUBTREE *tree = base ? GENERAL_SUBTREE_new() : NULL;

	if (!*trees) {
		*trees = sk_GENERAL_SUBTREE_new_null();
	}
	if (!tree || !*trees) {
		GENERAL_SUBTREE_free(tree);
		GENERAL_NAME_free(base);
		return false;
	}
	GENERAL_NAME_free(tree->base);
	tree->base = base;
	if (sk_GENERAL_SUBTREE_push(*trees, tree) <= 0) {
		GENERAL_SUBTREE_free(tree);
		return false;
	}
	return true;
}

static GENERAL_NAME *dns_general_name(const char *name)
{
	GENERAL_NAME *general = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	if (!general || !text || !ASN1_STRING_set(text, name, -1)) {
		GENERAL_NAME_free(general);
		ASN1_IA5STRING_free(text);
		return NULL;
	}
	GENERAL_NAME_set0_value(general, GEN_DNS, text);
	return general;
}

/* Every address of a family: address and mask of zeros (RFC 5280 4.2.1.10). len is 8
 * or 32. */
static GENERAL_NAME *all_addresses(int len)
{
	static const unsigned char zeros[32];
	GENERAL_NAME *general = GENERAL_NAME_new();
	ASN1_OCTET_STRING *bytes = ASN1_OCTET_STRING_new();

	if (!general || !bytes || !ASN1_OCTET_STRING_set(bytes, zeros, len)) {
		GENERAL_NAME_free(general);
		ASN1_OCTET_STRING_free(bytes);
		return NULL;
	}
	GENERAL_NAME_set0_value(general, GEN_IPADD, bytes);
	return general;
}

/* A constraint on DNS alone would leave addresses free (measured): they are excluded. */
static bool add_constraints(X509 *cert, const struct name_list *names)
{
	NAME_CONSTRAINTS *constraints = NAME_CONSTRAINTS_new();
	bool ok = constraints != NULL;

	for (size_t i = 0; ok && i < names->count; i++) {
		ok = push_subtree(
		    &constraints->permittedSubtrees, dns_general_name(names->names[i]));
	}
	if (ok && names->count == 0) {
		ok = push_subtree(
		    &constraints->permittedSubtrees, dns_general_name(NAME_NOBODY));
	}
	ok = ok && push_subtree(&constraints->excludedSubtrees, all_addresses(8)) &&
	     push_subtree(&constraints->excludedSubtrees, all_addresses(32)) &&
	     X509_add1_ext_i2d(cert, NID_name_constraints, constraints, 1, 0) == 1;
	NAME_CONSTRAINTS_free(constraints);
	return ok;
}

int cert_intermediate(struct cert_issuer root, EVP_PKEY *key,
    const struct name_list *names, int64_t now, int64_t not_after, X509 **ret_cert,
    struct err *err)
{
	int64_t end = cert_not_after(root.cert);
	X509 *cert = begin(key, "waybill intermediate", now - CERT_BACKDATE_S,
	    not_after < end ? not_after : end);

	if (!cert || !X509_set_issuer_name(cert, X509_get_subject_name(root.cert)) ||
	    !add_extension(
	        cert, root.cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
	    !add_extension(
	        cert, root.cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
	    !add_extension(cert, root.cert, NID_ext_key_usage, "serverAuth") ||
	    !add_extension(cert, root.cert, NID_subject_key_identifier, "hash") ||
	    !add_extension(
	        cert, root.cert, NID_authority_key_identifier, "keyid:always") ||
	    !add_constraints(cert, names) || !sign(cert, root.key)) {
		X509_free(cert);
		return context_err(err, EIO, "cannot sign an intermediate certificate");
	}
	if (i2d_X509(cert, NULL) > CERT_CHAIN_MAX) {
		X509_free(cert);
		return err_set(err, E2BIG,
		    "%zu routed host names make a certificate that clients refuse (over %d bytes): "
		    "route them with wildcards such as *.example.com",
		    names->count, CERT_CHAIN_MAX);
	}
	*ret_cert = cert;
	return 0;
}

static bool add_san(X509 *cert, const char *name)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *dns = dns_general_name(name);
	bool ok = names && dns && sk_GENERAL_NAME_push(names, dns) > 0;

	if (!ok) {
		GENERAL_NAME_free(dns);
	}
	ok = ok && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

int cert_leaf(struct cert_issuer issuer, EVP_PKEY *key, const char *name, int64_t now,
    X509 **ret_cert, struct err *err)
{
	int64_t from = now - CERT_BACKDATE_S;
	int64_t until =
	    from + CERT_LEAF_LIFE_S - 1; /* both ends count (RFC 5280 4.1.2.5) */
	int64_t end = cert_not_after(issuer.cert);
	X509 *cert;

	if (end <= now) {
		return err_set(err, EKEYEXPIRED,
		    "the intermediate certificate has expired: restart waybill to have it renewed");
	}
	/* A common name has at most 64 characters (RFC 5280 A.1); what counts is the SAN.
	 */
	cert = begin(key, strlen(name) <= 64 ? name : "waybill leaf", from,
	    until < end ? until : end);
	if (!cert || !X509_set_issuer_name(cert, X509_get_subject_name(issuer.cert)) ||
	    !add_extension(
	        cert, issuer.cert, NID_basic_constraints, "critical,CA:FALSE") ||
	    !add_extension(
	        cert, issuer.cert, NID_key_usage, "critical,digitalSignature") ||
	    !add_extension(cert, issuer.cert, NID_ext_key_usage, "serverAuth") ||
	    !add_extension(
	        cert, issuer.cert, NID_authority_key_identifier, "keyid:always") ||
	    !add_san(cert, name) || !sign(cert, issuer.key)) {
		X509_free(cert);
		return context_err(err, EIO, "cannot make a certificate for %s", name);
	}
	*ret_cert = cert;
	return 0;
}

static int add_permitted(const GENERAL_SUBTREE *tree, struct name_list *list)
{
	char name[NAME_SIZE];
	int len;

	if (tree->base->type != GEN_DNS) {
		return 0;
	}
	len = ASN1_STRING_length(tree->base->d.dNSName);
	if (len <= 0 || len >= NAME_SIZE) {
		return 0;
	}
	memcpy(name, ASN1_STRING_get0_data(tree->base->d.dNSName), (size_t)len);
	name[len] = '\0';
	return strcmp(name, NAME_NOBODY) == 0 ? 0 : name_list_add(list, name);
}

int cert_permitted_names(X509 *cert, struct name_list *ret_list)
{
	NAME_CONSTRAINTS *constraints =
	    X509_get_ext_d2i(cert, NID_name_constraints, NULL, NULL);
	struct name_list list = { 0 };
	int count =
	    constraints ? sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees) : 0;
	int r = 0;

	for (int i = 0; i < count && r == 0; i++) {
		r = add_permitted(
		    sk_GENERAL_SUBTREE_value(constraints->permittedSubtrees, i), &list);
	}
	NAME_CONSTRAINTS_free(constraints);
	if (r < 0) {
		name_list_finish(&list);
		return r;
	}
	name_list_sort(&list);
	*ret_list = list;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * material: see the header. Source: DESIGN section 7, reliability.md T8 and T9.
 */
#include "tls/material.h"

#include "base/clock.h"
#include "tls/folder.h"
#include "tls/pemfile.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define ADVICE_ROOT                                                                              \
	"restore it from a backup, or run `waybill ca renew` to make a new root, which clients " \
	"must then trust"
#define ADVICE_INTERMEDIATE "remove it, and the next start signs a new one"

/* An intermediate lives five years and is signed anew in its last one, so that a process
 * that is neither restarted nor reloaded for a year still has a valid one. Without the
 * root's key there is no renewing: it then lives as long as the root. */
#define INTERMEDIATE_LIFE_S  (5 * CERT_YEAR_S)
#define INTERMEDIATE_RENEW_S CERT_YEAR_S

static int64_t now_s(void)
{
	return wall_us() / 1000000;
}

static bool join(char ret_path[PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(ret_path, PATH_MAX, "%s/%s", dir, name);

	return n > 0 && n < PATH_MAX;
}

int ca_paths_init(struct ca_paths *paths, const char *dir, struct err *err)
{
	if (!join(paths->root_cert, dir, "root.pem") ||
	    !join(paths->root_key, dir, "root.key") ||
	    !join(paths->intermediate_cert, dir, "intermediate.pem") ||
	    !join(paths->intermediate_key, dir, "intermediate.key")) {
		return err_set(
		    err, ENAMETOOLONG, "the path %s is too long for the CA", dir);
	}
	(void)snprintf(
	    paths->dir, sizeof(paths->dir), "%s", dir); /* shorter than the above */
	return 0;
}

void ca_material_finish(struct ca_material *material)
{
	X509_free(material->root);
	EVP_PKEY_free(material->root_key);
	X509_free(material->intermediate);
	EVP_PKEY_free(material->intermediate_key);
	*material = (struct ca_material){ 0 };
}

static bool belongs(X509 *cert, EVP_PKEY *key)
{
	bool ok = X509_check_private_key(cert, key) == 1;

	ERR_clear_error();
	return ok;
}

static int check_root(const char *path, X509 *root, struct err *err)
{
	int64_t now = now_s();

	if (X509_check_ca(root) != 1) {
		return err_set(err, EINVAL, "the certificate in %s is not a CA: %s", path,
		    ADVICE_ROOT);
	}
	if (cert_not_after(root) <= now) {
		return err_set(err, EKEYEXPIRED,
		    "the root in %s has expired: run `waybill ca renew` to make a new one, which "
		    "clients must then trust",
		    path);
	}
	if (cert_not_before(root) > now) {
		return err_set(err, EINVAL,
		    "the root in %s is not valid yet: is this machine's clock right?",
		    path);
	}
	return 0;
}

static int load_root(
    const struct ca_paths *paths, struct ca_material *material, struct err *err)
{
	int r = pemfile_read_cert(paths->root_cert, ADVICE_ROOT, &material->root, err);

	if (r == -ENOENT) {
		return err_set(err, ENOENT,
		    "there is no CA in %s yet: `waybill run` makes it on its first start",
		    paths->dir);
	}
	if (r == 0) {
		r = check_root(paths->root_cert, material->root, err);
	}
	if (r < 0) {
		return r;
	}
	material->has_root_key = folder_has(paths->root_key);
	if (!material->has_root_key) {
		return 0;
	}
	r = pemfile_read_key(paths->root_key, ADVICE_ROOT, &material->root_key, err);
	if (r == 0 && !belongs(material->root, material->root_key)) {
		r = err_set(err, EINVAL, "%s is not the key of %s: %s", paths->root_key,
		    paths->root_cert, ADVICE_ROOT);
	}
	return r;
}

static void drop_intermediate(struct ca_material *material)
{
	X509_free(material->intermediate);
	EVP_PKEY_free(material->intermediate_key);
	material->intermediate = NULL;
	material->intermediate_key = NULL;
}

/* A pair that does not fit, together or under the root, is what a crash between two files
 * leaves: it counts as none. */
static int load_intermediate(
    const struct ca_paths *paths, struct ca_material *material, struct err *err)
{
	EVP_PKEY *root_public = X509_get0_pubkey(material->root);
	int r;

	if (!folder_has(paths->intermediate_cert) ||
	    !folder_has(paths->intermediate_key)) {
		return 0;
	}
	r = pemfile_read_key(paths->intermediate_key, ADVICE_INTERMEDIATE,
	    &material->intermediate_key, err);
	if (r == 0) {
		r = pemfile_read_cert(paths->intermediate_cert, ADVICE_INTERMEDIATE,
		    &material->intermediate, err);
	}
	if (r < 0) {
		return r;
	}
	if (!belongs(material->intermediate, material->intermediate_key) ||
	    !root_public || X509_verify(material->intermediate, root_public) != 1) {
		ERR_clear_error();
		drop_intermediate(material);
	}
	return 0;
}

static int load_unlocked(
    const struct ca_paths *paths, struct ca_material *material, struct err *err)
{
	int r = load_root(paths, material, err);

	return r < 0 ? r : load_intermediate(paths, material, err);
}

int ca_material_load(
    const struct ca_paths *paths, struct ca_material *ret_material, struct err *err)
{
	struct ca_material material = { 0 };
	int r, lock;

	if (!folder_has(paths->root_cert)) {
		return err_set(err, ENOENT,
		    "there is no CA in %s yet: `waybill run` makes it on its first start",
		    paths->dir);
	}
	lock = folder_lock(paths->dir, LOCK_SH, err);
	if (lock < 0) {
		return lock;
	}
	r = load_unlocked(paths, &material, err);
	(void)close(lock); /* only locked */
	if (r < 0) {
		ca_material_finish(&material);
		return r;
	}
	*ret_material = material;
	return 0;
}

/* Makes a new key and certificate for the intermediate, in memory. */
static int sign_intermediate(struct ca_material *material, bool discard_root_key,
    const struct name_list *names, struct err *err)
{
	struct cert_issuer root = { material->root, material->root_key };
	int64_t now = now_s();
	int64_t end =
	    discard_root_key ? cert_not_after(material->root) : now + INTERMEDIATE_LIFE_S;
	int r;

	drop_intermediate(material);
	r = cert_key_create(&material->intermediate_key, err);
	if (r == 0) {
		r = cert_intermediate(root, material->intermediate_key, names, now, end,
		    &material->intermediate, err);
	}
	if (r < 0) {
		drop_intermediate(material);
	}
	return r;
}

static int save_intermediate(
    const struct ca_paths *paths, const struct ca_material *material, struct err *err)
{
	int r =
	    pemfile_write_key(paths->intermediate_key, material->intermediate_key, err);

	return r < 0 ? r
	             : pemfile_write_cert(
	                   paths->intermediate_cert, material->intermediate, err);
}

/* Makes all of it anew. With discard_root_key the root's key never reaches the disk. */
static int create_all(const struct ca_paths *paths, bool discard_root_key,
    const struct name_list *names, struct ca_material *material, struct err *err)
{
	int r = cert_key_create(&material->root_key, err);

	if (r == 0) {
		r = cert_root(material->root_key, now_s(), &material->root, err);
	}
	if (r == 0) {
		r = sign_intermediate(material, discard_root_key, names, err);
	}
	if (r == 0 && !discard_root_key) {
		r = pemfile_write_key(paths->root_key, material->root_key, err);
	}
	if (r == 0) {
		r = save_intermediate(paths, material, err);
	}
	if (r == 0) {
		r = pemfile_write_cert(paths->root_cert, material->root, err);
	}
	if (r == 0) {
		material->has_root_key = folder_has(paths->root_key);
	}
	return r;
}

/* Ends what needs the root's key: forgets it, and removes its file when so configured. */
static int end_root_key(const struct ca_paths *paths, bool discard_root_key,
    struct ca_material *material, struct err *err)
{
	EVP_PKEY_free(material->root_key);
	material->root_key = NULL;
	if (discard_root_key && material->has_root_key) {
		material->has_root_key = false;
		return pemfile_remove(paths->root_key, err);
	}
	return 0;
}

enum fitness { FITNESS_GOOD, FITNESS_AGEING, FITNESS_UNFIT };

/* Is the intermediate there, valid, for exactly these names, and does it last? One that
 * outlives its root's key must last as long as the root. */
static enum fitness judge_intermediate(const struct ca_material *material,
    bool discard_root_key, const struct name_list *names)
{
	struct name_list permitted;
	int64_t now = now_s();
	int64_t end, root_end;
	bool same;

	if (!material->intermediate ||
	    cert_permitted_names(material->intermediate, &permitted)) {
		return FITNESS_UNFIT;
	}
	same = name_list_equal(&permitted, names);
	name_list_finish(&permitted);
	end = cert_not_after(material->intermediate);
	root_end = cert_not_after(material->root);
	if (!same || end <= now || cert_not_before(material->intermediate) > now) {
		return FITNESS_UNFIT;
	}
	/* A day's difference: one that ends with the root cannot be made longer. */
	if ((discard_root_key || end - now < INTERMEDIATE_RENEW_S) &&
	    root_end - end > CERT_DAY_S) {
		return FITNESS_AGEING;
	}
	return FITNESS_GOOD;
}

static int no_root_key(
    const struct ca_paths *paths, bool discard_root_key, struct err *err)
{
	return err_set(err, ENOKEY,
	    "%s is gone%s, so no intermediate can be signed for the routed hosts: run `waybill ca "
	    "renew` to make a new root, which clients must then trust",
	    paths->root_key, discard_root_key ? " (ca.root_key: discard)" : "");
}

static int prepare_unlocked(const struct ca_paths *paths, bool discard_root_key,
    const struct name_list *names, struct ca_material *material, struct err *err)
{
	enum fitness fitness;
	int r;

	if (!folder_has(paths->root_cert)) {
		r = create_all(paths, discard_root_key, names, material, err);
		return r < 0 ? r : end_root_key(paths, discard_root_key, material, err);
	}
	r = load_unlocked(paths, material, err);
	if (r < 0) {
		return r;
	}
	fitness = judge_intermediate(material, discard_root_key, names);
	if (fitness == FITNESS_UNFIT && !material->root_key) {
		return no_root_key(paths, discard_root_key, err);
	}
	if (fitness != FITNESS_GOOD && material->root_key) {
		r = sign_intermediate(material, discard_root_key, names, err);
		if (r == 0) {
			r = save_intermediate(paths, material, err);
		}
	}
	return r < 0 ? r : end_root_key(paths, discard_root_key, material, err);
}

int ca_material_prepare(const struct ca_paths *paths, bool discard_root_key,
    const struct name_list *names, struct ca_material *ret_material, struct err *err)
{
	struct ca_material material = { 0 };
	int lock, r = folder_create(paths->dir, err);

	if (r < 0) {
		return r;
	}
	lock = folder_lock(paths->dir, LOCK_EX, err);
	if (lock < 0) {
		return lock;
	}
	r = prepare_unlocked(paths, discard_root_key, names, &material, err);
	(void)close(lock); /* only locked */
	if (r < 0) {
		ca_material_finish(&material);
		return r;
	}
	*ret_material = material;
	return 0;
}

int ca_material_renew(const struct ca_paths *paths, bool discard_root_key,
    const struct name_list *names, bool only_intermediate, struct err *err)
{
	struct ca_material material = { 0 };
	int lock, r = folder_create(paths->dir, err);

	if (r < 0) {
		return r;
	}
	lock = folder_lock(paths->dir, LOCK_EX, err);
	if (lock < 0) {
		return lock;
	}
	if (only_intermediate) {
		r = load_root(paths, &material, err);
		if (r == 0 && !material.root_key) {
			r = no_root_key(paths, discard_root_key, err);
		}
		if (r == 0) {
			r = sign_intermediate(&material, discard_root_key, names, err);
		}
		if (r == 0) {
			r = save_intermediate(paths, &material, err);
		}
	} else {
		r = create_all(paths, discard_root_key, names, &material, err);
	}
	if (r == 0) {
		r = end_root_key(paths, discard_root_key, &material, err);
	}
	(void)close(lock); /* only locked */
	ca_material_finish(&material);
	return r;
}

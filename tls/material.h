/* SPDX-License-Identifier: MIT */
/*
 * material: the CA's files on disk: loading, making, signing anew.
 *
 * Files: root.pem, root.key, intermediate.pem, intermediate.key. The folder is locked
 * (flock) while any of it runs, so that two commands never mix their files. root.pem is
 * written last when all is new: without it there is no CA.
 */
#ifndef TLS_MATERIAL_H
#define TLS_MATERIAL_H

#include "tls/ca.h"
#include "tls/cert.h"
#include "tls/names.h"

#include <limits.h>

struct ca_paths {
	char dir[PATH_MAX];
	char root_cert[PATH_MAX];
	char root_key[PATH_MAX];
	char intermediate_cert[PATH_MAX];
	char intermediate_key[PATH_MAX];
};

/* Owned; the root's key is only held while something is signed. */
struct ca_material {
	X509 *root;
	EVP_PKEY *root_key; /* NULL: not there */
	X509 *intermediate; /* NULL: none that is usable, then its key is NULL too */
	EVP_PKEY *intermediate_key;
	bool has_root_key; /* the file is there */
};

MUST_CHECK int ca_paths_init(struct ca_paths *paths, const char *dir, struct err *err);

/* Zeroed memory is fine. */
void ca_material_finish(struct ca_material *material);

/* Loads what is there and checks it. -ENOENT: no CA yet. Nothing is written. */
MUST_CHECK int ca_material_load(
    const struct ca_paths *paths, struct ca_material *ret_material, struct err *err);

/* Loads the CA and makes or signs anew what is missing, unfit for names, or near its end.
 */
MUST_CHECK int ca_material_prepare(const struct ca_paths *paths, bool discard_root_key,
    const struct name_list *names, struct ca_material *ret_material, struct err *err);

/* Signs a new intermediate; unless only_intermediate, under a new root. */
MUST_CHECK int ca_material_renew(const struct ca_paths *paths, bool discard_root_key,
    const struct name_list *names, bool only_intermediate, struct err *err);

#endif

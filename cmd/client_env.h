/* SPDX-License-Identifier: MIT */
/*
 * client_env: the environment in which a program's calls come to the proxy and it trusts
 * the CA. One table of variables (client_env.c), used by `waybill env` and `waybill
 * exec`.
 *
 * Pure: what is known comes in, names and values go out.
 */
#ifndef CMD_CLIENT_ENV_H
#define CMD_CLIENT_ENV_H

#include "base/buf.h"
#include "base/err.h"

/* Where the proxy and the files are, as the client sees them. All borrowed. */
struct client_place {
	const char *proxy_host; /* without brackets */
	int proxy_port;
	const char *user; /* NULL: the proxy wants no credentials */
	const char *secret;
	const char *hosts; /* the routed ones, with commas between */

	const char *ports; /* that CONNECT may ask for; NULL: only 443 */

	const char *root;        /* PEM: our root */
	const char *bundle;      /* PEM: the system's roots and ours */
	const char *truststore;  /* PKCS#12: the same */
	const char *php_dir;     /* a folder with an .ini file */
	const char *wgetrc;      /* NULL: the caller has one of its own */
	const char *preload_cjs; /* for Node; NULL: not wanted */
	const char *connect_so;  /* for any program; NULL: not wanted */

	/* The caller's environment: getenv, or a test's. */
	const char *(*present)(const char *name);
};

#define CLIENT_ENV_MAX 48

struct client_variable {
	const char *name; /* static */
	char *value;      /* owned */
};

struct client_env {
	struct client_variable item[CLIENT_ENV_MAX];
	size_t count;
};

/*
 * Fills in the environment. Lists that the caller has are kept and ours appended, once.
 * Returns 0, -ENOMEM, or -EINVAL: a value cannot stand in an environment. Free with
 * client_env_finish, also after a failure.
 */
MUST_CHECK int client_env_make(
    const struct client_place *place, struct client_env *ret_env, struct err *err);
void client_env_finish(struct client_env *env); /* zeroed memory is fine */

/* Writes an environment in one form. Returns 0, or -EINVAL: the form cannot hold a value.
 */
struct client_format {
	const char *name;
	int (*put)(struct buf *out, const struct client_env *env, struct err *err);
};

/* NULL: there is none of this name. */
const struct client_format *client_format_find(const char *name);

/* sh, fish, … : for messages. */
extern const char client_format_names[];

#endif

/* SPDX-License-Identifier: MIT */
/*
 * client_files: the files that clients read, beside the CA or in a folder for them.
 *
 * root.pem, bundle.pem, truststore.p12 (tls/trust.h); php/waybill.ini and wgetrc for
 * those that take a bundle from no variable. No secret in any.
 */
#ifndef CMD_CLIENT_FILES_H
#define CMD_CLIENT_FILES_H

#include "cmd/settings.h"

#define CLIENT_PHP_DIR "php"
#define CLIENT_WGETRC  "wgetrc"

/*
 * Makes the CA where there is none and state_dir is this user's, and the files where they
 * are missing or stale.
 *
 * files      a folder to put them into, made; NULL: ca.publish as it is, else
 *            state_dir/ca
 * files_at   where clients see that folder; NULL: where it is
 * Gives      the folder's whole path, and the routed hosts with commas between; free
 * both.
 */
MUST_CHECK int client_files_ensure(const struct settings *settings, const char *files,
    const char *files_at, char **ret_folder, char **ret_hosts, struct err *err);

/* Copies the file at path into folder, under its own name. */
MUST_CHECK int client_files_copy(const char *path, const char *folder, struct err *err);

/* The same beside a CA that is there, and in ca.publish: for `waybill run`. */
MUST_CHECK int client_files_write(const struct settings *settings, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * settings: the configuration file, read whole and checked (conf/waybill.yaml has every
 * key).
 *
 * Plain data, immutable after settings_load; all of it belongs to the settings.
 */
#ifndef CMD_SETTINGS_H
#define CMD_SETTINGS_H

#include "base/err.h"
#include "base/slice.h"
#include "proxy/settings.h"
#include "record/recorder.h"
#include "sql/store.h"

struct settings {
	const char *listen_host; /* numeric, without brackets */
	int listen_port;         /* 0: the kernel chooses */
	const char *admin_host;  /* numeric; loopback unless admin_allow_remote */
	int admin_port;          /* 0: the kernel chooses */
	bool admin_allow_remote;
	const char *const *admin_hosts; /* names it is called by: NAME or NAME:PORT */
	size_t admin_host_count;
	bool admin_print_link; /* with the reading key, on standard output */

	const char *state_dir; /* as written: relative to the working directory */
	const char
	    *database; /* "sqlite" or a postgresql:// URL, which may hold a password */
	int workers;   /* at least 1; auto is the number of usable cores */
	const char *services; /* glob pattern, relative to the file's folder made whole */

	uint64_t capture_max_body; /* bytes */
	enum capture_payload capture_payload;

	int64_t record_hold_max_ns;
	int64_t record_pending_after_ns;
	int64_t record_retry_window_ns;
	uint64_t record_queue; /* bytes */
	enum store_sync record_sync;

	int64_t retention_success_ns;
	int64_t retention_all_ns;

	const struct connect_to *connect_to; /* in file order */
	size_t connect_to_count;
	const char *upstream_ca_file;  /* NULL: only the system's roots */
	const char *upstream_crl_file; /* NULL: revocation is not checked */
	int64_t connect_timeout_ns;
	int64_t response_timeout_ns;
	bool via;

	const struct address_range *clients;
	size_t client_count;
	const struct credential *credentials;
	size_t credential_count;
	bool private_upstreams;
	const int *connect_ports;
	size_t connect_port_count;
	enum tls_reject_policy on_tls_reject;

	struct proxy_limits limits;

	bool discard_root_key; /* ca.root_key: discard */
	const char
	    *ca_publish; /* a folder for what clients read; NULL: state_dir/ca only */

	struct settings_block *blocks; /* owned: the memory behind all pointers above */
};

/*
 * Reads the file at path. On failure err holds FILE:LINE:COLUMN: message and a caret.
 * Returns 0, -EINVAL (the file is wrong), another -errno (it cannot be read) or -ENOMEM.
 */
MUST_CHECK int settings_load(
    const char *path, struct settings **ret_settings, struct err *err);

/* The same from memory: path stands in for the file's, in messages and for relative
 * paths. */
MUST_CHECK int settings_parse(
    const char *path, struct slice text, struct settings **ret_settings, struct err *err);

/* conf/waybill.yaml below the working directory, else /etc/waybill/waybill.yaml, else
 * NULL. */
const char *settings_default_path(void);

/* Is the database the store itself, not a PostgreSQL server? */
bool settings_is_sqlite(const struct settings *settings);

/* Overwrites the secrets first. NULL is fine. */
void settings_free(struct settings *settings);

#endif

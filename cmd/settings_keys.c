/* SPDX-License-Identifier: MIT */
/*
 * settings_keys: the keys of the file and their values, section by section.
 */
#include "cmd/settings_read.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { WORKERS_MAX = 256 };

static const int64_t longest_ns = INT64_C(3650) * 86400 * 1000000000; /* ten years */
static const uint64_t body_max = UINT64_C(256) << 20;

/* A word of a small set, by its place in it. Returns 0 or -EINVAL. */
static int read_word(struct settings_reader *reader, const struct yaml_node *node,
    const char *const *words, const char *expected, int *ret)
{
	for (int i = 0; words[i] && yaml_kind(node) == YAML_SCALAR; i++) {
		if (strcmp(yaml_text(node), words[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	return yaml_error(node, reader->err, "expected %s", expected);
}

/* A duration that is not zero (unless zero_fits), nor beyond reason. */
static int read_duration(struct settings_reader *reader, const struct yaml_node *node,
    bool zero_fits, int64_t *ret_ns)
{
	int64_t ns = 0;
	int r = yaml_duration(node, &ns, reader->err);

	if (r != 0) {
		return r;
	}
	if ((ns == 0 && !zero_fits) || ns > longest_ns) {
		return yaml_error(node, reader->err,
		    "expected a duration %s, at most 3650d",
		    zero_fits ? "of 0s or more" : "of more than 0s");
	}
	*ret_ns = ns;
	return 0;
}

static int read_listen(struct settings_reader *reader, const struct yaml_node *node)
{
	reader->listen = node;
	return settings_read_listen(
	    reader, node, &reader->settings->listen_host, &reader->settings->listen_port);
}

static int read_state_dir(struct settings_reader *reader, const struct yaml_node *node)
{
	return settings_read_text(reader, node, &reader->settings->state_dir);
}

static int read_database(struct settings_reader *reader, const struct yaml_node *node)
{
	struct slice text = slice_of(yaml_text(node));

	if (!slice_eq(text, SLICE("sqlite")) &&
	    !slice_starts(text, SLICE("postgresql://")) &&
	    !slice_starts(text, SLICE("postgres://"))) {
		return yaml_error(node, reader->err,
		    "expected sqlite or postgresql://USER@HOST:PORT/DATABASE");
	}
	return settings_read_text(reader, node, &reader->settings->database);
}

static int read_workers(struct settings_reader *reader, const struct yaml_node *node)
{
	int64_t n = 0;

	if (yaml_kind(node) == YAML_SCALAR && strcmp(yaml_text(node), "auto") == 0) {
		return 0; /* the default */
	}
	if (yaml_integer(node, 1, WORKERS_MAX, &n, NULL) != 0) {
		return yaml_error(node, reader->err,
		    "expected auto or a number of threads from 1 to %d", WORKERS_MAX);
	}
	reader->settings->workers = (int)n;
	return 0;
}

static int read_services(struct settings_reader *reader, const struct yaml_node *node)
{
	return settings_read_text(reader, node, &reader->settings->services);
}

static int read_max_body(struct settings_reader *reader, const struct yaml_node *node)
{
	uint64_t size = 0;
	int r = yaml_size(node, &size, reader->err);

	if (r == 0 && size > body_max) {
		return yaml_error(node, reader->err, "at most 256MiB");
	}
	if (r == 0) {
		reader->settings->capture_max_body = size;
	}
	return r;
}

static int read_payload(struct settings_reader *reader, const struct yaml_node *node)
{
	static const char *const words[] = {
		[PAYLOAD_BODY] = "body", [PAYLOAD_EXCHANGE] = "exchange", NULL
	};
	int word = 0;
	int r = read_word(reader, node, words, "body or exchange", &word);

	if (r == 0) {
		reader->settings->capture_payload = (enum capture_payload)word;
	}
	return r;
}

static int read_hold_max(struct settings_reader *reader, const struct yaml_node *node)
{
	return read_duration(reader, node, true, &reader->settings->record_hold_max_ns);
}

static int read_pending_after(
    struct settings_reader *reader, const struct yaml_node *node)
{
	return read_duration(
	    reader, node, false, &reader->settings->record_pending_after_ns);
}

static int read_retry_window(struct settings_reader *reader, const struct yaml_node *node)
{
	return read_duration(
	    reader, node, true, &reader->settings->record_retry_window_ns);
}

static int read_queue(struct settings_reader *reader, const struct yaml_node *node)
{
	uint64_t size = 0;
	int r = yaml_size(node, &size, reader->err);

	if (r == 0 && size == 0) {
		return yaml_error(
		    node, reader->err, "a queue of no bytes would lose every call");
	}
	if (r == 0) {
		reader->settings->record_queue = size;
	}
	return r;
}

static int read_sync(struct settings_reader *reader, const struct yaml_node *node)
{
	static const char *const words[] = {
		[STORE_SYNC_OFF] = "off",
		[STORE_SYNC_NORMAL] = "normal",
		[STORE_SYNC_FULL] = "full",
		NULL,
	};
	int word = 0;
	int r = read_word(reader, node, words, "off, normal or full", &word);

	if (r == 0) {
		reader->settings->record_sync = (enum store_sync)word;
	}
	return r;
}

static int read_success(struct settings_reader *reader, const struct yaml_node *node)
{
	return read_duration(
	    reader, node, false, &reader->settings->retention_success_ns);
}

static int read_all(struct settings_reader *reader, const struct yaml_node *node)
{
	return read_duration(reader, node, false, &reader->settings->retention_all_ns);
}

/* Relative to the file when it is there, else to the working directory. */
static int read_file(
    struct settings_reader *reader, const struct yaml_node *node, const char **ret_path)
{
	const char *slash = strrchr(reader->path, '/');
	const char *text = yaml_text(node);
	char beside[4096];
	int n = 0;

	if (yaml_is_null(node)) {
		return 0;
	}
	if (slash && text[0] != '/') {
		n = snprintf(beside, sizeof(beside), "%.*s%s",
		    (int)(slash + 1 - reader->path), reader->path, text);
		if (n > 0 && (size_t)n < sizeof(beside) && text[0] &&
		    access(beside, F_OK) == 0) {
			*ret_path = settings_keep(reader, slice_of(beside));
			return *ret_path ? 0 : -ENOMEM;
		}
	}
	if (yaml_kind(node) == YAML_SCALAR && text[0] && access(text, R_OK) != 0) {
		return yaml_error(
		    node, reader->err, "cannot read this file: %s", strerror(errno));
	}
	return settings_read_text(reader, node, ret_path);
}

static int read_ca_file(struct settings_reader *reader, const struct yaml_node *node)
{
	return read_file(reader, node, &reader->settings->upstream_ca_file);
}

static int read_crl_file(struct settings_reader *reader, const struct yaml_node *node)
{
	return read_file(reader, node, &reader->settings->upstream_crl_file);
}

static int read_connect_timeout(
    struct settings_reader *reader, const struct yaml_node *node)
{
	return read_duration(reader, node, false, &reader->settings->connect_timeout_ns);
}

static int read_response_timeout(
    struct settings_reader *reader, const struct yaml_node *node)
{
	return read_duration(reader, node, false, &reader->settings->response_timeout_ns);
}

static int read_via(struct settings_reader *reader, const struct yaml_node *node)
{
	return yaml_bool(node, &reader->settings->via, reader->err);
}

static int read_root_key(struct settings_reader *reader, const struct yaml_node *node)
{
	static const char *const words[] = { "keep", "discard", NULL };
	int word = 0;
	int r = read_word(reader, node, words, "keep or discard", &word);

	if (r == 0) {
		reader->settings->discard_root_key = word == 1;
	}
	return r;
}

static int read_publish(struct settings_reader *reader, const struct yaml_node *node)
{
	return yaml_is_null(node)
	           ? 0
	           : settings_read_text(reader, node, &reader->settings->ca_publish);
}

static const struct settings_key ca_keys[] = {
	{ "publish", read_publish },
	{ "root_key", read_root_key },
	{ NULL, NULL },
};

static const struct settings_key capture_keys[] = {
	{ "max_body", read_max_body },
	{ "payload", read_payload },
	{ NULL, NULL },
};

static const struct settings_key record_keys[] = {
	{ "hold_max", read_hold_max },
	{ "pending_after", read_pending_after },
	{ "queue", read_queue },
	{ "retry_window", read_retry_window },
	{ "sync", read_sync },
	{ NULL, NULL },
};

static const struct settings_key retention_keys[] = {
	{ "all", read_all },
	{ "success", read_success },
	{ NULL, NULL },
};

static const struct settings_key upstream_keys[] = {
	{ "ca_file", read_ca_file },
	{ "connect_timeout", read_connect_timeout },
	{ "connect_to", settings_read_connect_to },
	{ "crl_file", read_crl_file },
	{ "response_timeout", read_response_timeout },
	{ "via", read_via },
	{ NULL, NULL },
};

static int read_access(struct settings_reader *reader, const struct yaml_node *node)
{
	return settings_read_mapping(reader, node, settings_access_keys);
}

/* Accepted as a mapping, whatever is in it: its keys belong to alerts/. */
static int read_alerts(struct settings_reader *reader, const struct yaml_node *node)
{
	if (yaml_kind(node) != YAML_MAPPING && !yaml_is_null(node)) {
		return yaml_error(node, reader->err, "expected a mapping (key: value)");
	}
	return 0;
}

static int read_ca(struct settings_reader *reader, const struct yaml_node *node)
{
	return settings_read_mapping(reader, node, ca_keys);
}

static int read_capture(struct settings_reader *reader, const struct yaml_node *node)
{
	return settings_read_mapping(reader, node, capture_keys);
}

static int read_record(struct settings_reader *reader, const struct yaml_node *node)
{
	return settings_read_mapping(reader, node, record_keys);
}

static int read_retention(struct settings_reader *reader, const struct yaml_node *node)
{
	int r = settings_read_mapping(reader, node, retention_keys);

	if (r == 0 &&
	    reader->settings->retention_all_ns < reader->settings->retention_success_ns) {
		const struct yaml_node *all = yaml_get(node, "all");

		return yaml_error(all ? all : yaml_get(node, "success"), reader->err,
		    "retention.all must not be shorter than retention.success");
	}
	return r;
}

static int read_upstream(struct settings_reader *reader, const struct yaml_node *node)
{
	return settings_read_mapping(reader, node, upstream_keys);
}

const struct settings_key settings_top_keys[] = {
	{ "access", read_access },
	{ "admin", settings_read_admin },
	{ "alerts", read_alerts },
	{ "ca", read_ca },
	{ "capture", read_capture },
	{ "database", read_database },
	{ "limits", settings_read_limits },
	{ "listen", read_listen },
	{ "record", read_record },
	{ "retention", read_retention },
	{ "services", read_services },
	{ "state_dir", read_state_dir },
	{ "upstream", read_upstream },
	{ "workers", read_workers },
	{ NULL, NULL },
};

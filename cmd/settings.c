/* SPDX-License-Identifier: MIT */
/*
 * settings: defaults, loading, and what can only be judged when the whole file is read.
 */
#include "cmd/settings.h"

#include "cmd/address.h"
#include "cmd/settings_read.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* A piece of memory of the settings. */
struct settings_block {
	struct settings_block *next;
	size_t size;
	max_align_t data[];
};

static const int64_t ms_ns = 1000000;
static const int64_t second_ns = INT64_C(1000000000);
static const int64_t day_ns = INT64_C(86400) * 1000000000;

void *settings_allocate(struct settings_reader *reader, size_t count, size_t size)
{
	struct settings_block *block = NULL;
	size_t bytes = 0;

	if (!__builtin_mul_overflow(count, size, &bytes) && bytes < SIZE_MAX / 2) {
		block = calloc(1, sizeof(*block) + bytes);
	}
	if (!block) {
		(void)err_set(reader->err, ENOMEM, "%s: out of memory", reader->path);
		return NULL;
	}
	block->size = bytes;
	block->next = reader->settings->blocks;
	reader->settings->blocks = block;
	return block->data;
}

const char *settings_keep(struct settings_reader *reader, struct slice text)
{
	char *copy = settings_allocate(reader, text.len + 1, 1);

	if (copy && text.len > 0) {
		memcpy(copy, text.ptr, text.len);
	}
	return copy;
}

int settings_read_mapping(struct settings_reader *reader, const struct yaml_node *node,
    const struct settings_key *keys)
{
	const char *names[32] = { NULL };
	size_t count = 0;
	int r = 0;

	for (; keys[count].name; count++) {
		names[count] = keys[count].name;
	}
	r = yaml_only(node, names, reader->err);
	for (size_t i = 0; i < count && r == 0; i++) {
		const struct yaml_node *value = yaml_get(node, keys[i].name);

		r = value ? keys[i].read(reader, value) : 0;
	}
	return r;
}

int settings_read_text(
    struct settings_reader *reader, const struct yaml_node *node, const char **ret_text)
{
	const char *text = yaml_text(node);

	if (yaml_kind(node) != YAML_SCALAR || text[0] == '\0') {
		return yaml_error(node, reader->err, "a value is expected here");
	}
	text = settings_keep(reader, slice_of(text));
	if (!text) {
		return -ENOMEM;
	}
	*ret_text = text;
	return 0;
}

/* The cores this process may run on. */
static int count_cores(void)
{
	cpu_set_t cores;

	CPU_ZERO(&cores);
	if (sched_getaffinity(0, sizeof(cores), &cores) == 0 && CPU_COUNT(&cores) > 0) {
		return CPU_COUNT(&cores);
	}
	return 1;
}

static void set_defaults(struct settings *settings)
{
	static const struct address_range local[] = {
		{ { [10] = 0xFF, [11] = 0xFF, [12] = 127 }, 96 + 8 },
		{ { [15] = 1 }, 128 },
	};
	static const int https = 443;

	*settings = (struct settings){
		.listen_host = "127.0.0.1",
		.listen_port = 8080,
		.admin_host = "127.0.0.1",
		.admin_port = 8081,
		.admin_print_link = true,
		.state_dir = "var",
		.database = "sqlite",
		.workers = count_cores(),
		.services = "services/*.yaml",
		.capture_max_body = 64 * 1024,
		.capture_payload = PAYLOAD_BODY,
		.record_hold_max_ns = 50 * ms_ns,
		.record_pending_after_ns = 5 * second_ns,
		.record_retry_window_ns = 600 * second_ns,
		.record_queue = 64 * 1024 * 1024,
		.record_sync = STORE_SYNC_NORMAL,
		.retention_success_ns = 90 * day_ns,
		.retention_all_ns = 180 * day_ns,
		.connect_timeout_ns = 10 * second_ns,
		.response_timeout_ns = 120 * second_ns,
		.clients = local,
		.client_count = sizeof(local) / sizeof(local[0]),
		.connect_ports = &https,
		.connect_port_count = 1,
		.limits = settings_limits_default,
	};
}

/* Adds s to text, each byte that glob(3) would take as a pattern after a backslash. */
static size_t put_escaped(char *text, struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (strchr("*?[\\", s.ptr[i])) {
			text[n++] = '\\';
		}
		text[n++] = s.ptr[i];
	}
	return n;
}

/* Makes services relative to the file: its folder goes in front, as plain text. */
static int place_services(struct settings_reader *reader)
{
	struct settings *settings = reader->settings;
	const char *slash = strrchr(reader->path, '/');
	struct slice folder = { reader->path,
		slash ? (size_t)(slash - reader->path) + 1 : 0 };
	size_t len = strlen(settings->services);
	char *text = NULL;

	if (folder.len == 0 || settings->services[0] == '/') {
		return 0;
	}
	text = settings_allocate(reader, 2 * folder.len + len + 1, 1);
	if (!text) {
		return -ENOMEM;
	}
	memcpy(text + put_escaped(text, folder), settings->services, len);
	settings->services = text;
	return 0;
}

/*
 * An address that others can reach needs a word on who may use it: else it would be a
 * proxy for everybody. With credentials alone, they are that word, and clients may come
 * from anywhere.
 */
static int check_exposure(struct settings_reader *reader)
{
	static const struct address_range anywhere = { { 0 }, 0 };
	struct settings *settings = reader->settings;
	uint8_t address[16];

	if (reader->clients_given ||
	    !address_is_numeric(settings->listen_host, address) ||
	    address_is_loopback(address)) {
		return 0;
	}
	if (settings->credential_count == 0) {
		return yaml_error(reader->listen, reader->err,
		    "other machines can reach this address: say who may use the proxy with "
		    "access.clients or access.credentials, or listen on 127.0.0.1");
	}
	settings->clients = &anywhere;
	settings->client_count = 1;
	return 0;
}

/* The same for the admin port: its keys would cross the network in the clear. */
static int check_admin_exposure(struct settings_reader *reader)
{
	struct settings *settings = reader->settings;
	uint8_t address[16];

	if (settings->admin_allow_remote ||
	    !address_is_numeric(settings->admin_host, address) ||
	    address_is_loopback(address)) {
		return 0;
	}
	return yaml_error(reader->admin_listen, reader->err,
	    "the admin port shows every row, and has no TLS: it listens on 127.0.0.1 or "
	    "[::1] only; reach it from elsewhere through a tunnel, such as ssh -L, or in a "
	    "container set admin.allow_remote: true");
}

static int read_settings(const char *path, const struct yaml *yaml,
    struct settings **ret_settings, struct err *err)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	struct settings_reader reader = {
		.settings = settings, .path = path, .err = err
	};
	int r = 0;

	if (!settings) {
		return err_set(err, ENOMEM, "%s: out of memory", path);
	}
	set_defaults(settings);
	r = settings_read_mapping(&reader, yaml_root(yaml), settings_top_keys);
	if (r == 0) {
		r = check_exposure(&reader);
	}
	if (r == 0) {
		r = check_admin_exposure(&reader);
	}
	if (r == 0) {
		r = place_services(&reader);
	}
	if (r != 0) {
		settings_free(settings);
		return r;
	}
	*ret_settings = settings;
	return 0;
}

int settings_load(const char *path, struct settings **ret_settings, struct err *err)
{
	struct yaml *yaml = NULL;
	int r = yaml_load(path, &yaml, err);

	if (r == 0) {
		r = read_settings(path, yaml, ret_settings, err);
	}
	yaml_destroy(yaml);
	return r;
}

int settings_parse(
    const char *path, struct slice text, struct settings **ret_settings, struct err *err)
{
	struct yaml *yaml = NULL;
	int r = yaml_parse(path, text, &yaml, err);

	if (r == 0) {
		r = read_settings(path, yaml, ret_settings, err);
	}
	yaml_destroy(yaml);
	return r;
}

const char *settings_default_path(void)
{
	static const char *const places[] = { "conf/waybill.yaml",
		"/etc/waybill/waybill.yaml" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], F_OK) == 0) {
			return places[i];
		}
	}
	return NULL;
}

bool settings_is_sqlite(const struct settings *settings)
{
	return strcmp(settings->database, "sqlite") == 0;
}

void settings_free(struct settings *settings)
{
	if (!settings) {
		return;
	}
	while (settings->blocks) {
		struct settings_block *block = settings->blocks;

		settings->blocks = block->next;
		explicit_bzero(block->data, block->size);
		free(block);
	}
	free(settings);
}

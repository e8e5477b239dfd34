/* SPDX-License-Identifier: MIT */
/*
 * settings_limits: the section limits: how much a peer may send, hold, and take its time.
 */
#include "cmd/settings_read.h"

static const int64_t second_ns = INT64_C(1000000000);

const struct proxy_limits settings_limits_default = {
	.gate = { .request_line = 16 << 10,
	    .head = 64 << 10,
	    .fields = 100,
	    .chunk_line = 4 << 10 },
	.head_timeout_ns = INT64_C(10) * 1000000000,
	.handshake_timeout_ns = INT64_C(10) * 1000000000,
	.idle_timeout_ns = INT64_C(60) * 1000000000,
	.progress_bytes = 1 << 10,
	.progress_window_ns = INT64_C(30) * 1000000000,
	.buffer = 256 << 10,
	.connections = 0,
	.memory = 256 << 20,
};

static const char *const names[] = {
	"body_progress",
	"body_window",
	"buffer",
	"client_connections",
	"client_rate",
	"connections",
	"fields",
	"handshake_timeout",
	"head",
	"head_timeout",
	"idle_timeout",
	"memory",
	"request_line",
	NULL,
};

/* A size between the two, both included. */
static int read_size(struct settings_reader *reader, const struct yaml_node *node,
    uint64_t low, uint64_t high, uint64_t *ret_size)
{
	uint64_t size = *ret_size;
	int r = yaml_size(node, &size, reader->err);

	if (r == 0 && (size < low || size > high)) {
		return yaml_error(node, reader->err,
		    "expected a size from %lluB to %lluKiB", (unsigned long long)low,
		    (unsigned long long)high >> 10);
	}
	if (r == 0) {
		*ret_size = size;
	}
	return r;
}

static int read_bytes(struct settings_reader *reader, const struct yaml_node *node,
    uint64_t low, uint64_t high, size_t *ret_size)
{
	uint64_t size = *ret_size;
	int r = read_size(reader, node, low, high, &size);

	*ret_size = (size_t)size;
	return r;
}

/* From a tenth of a second to a day. */
static int read_time(
    struct settings_reader *reader, const struct yaml_node *node, int64_t *ret_ns)
{
	int64_t ns = *ret_ns;
	int r = yaml_duration(node, &ns, reader->err);

	if (r == 0 && (ns < second_ns / 10 || ns > 86400 * second_ns)) {
		return yaml_error(
		    node, reader->err, "expected a duration from 100ms to 1d");
	}
	if (r == 0) {
		*ret_ns = ns;
	}
	return r;
}

/* A number of connections, or the word for the default. */
static int read_connections(struct settings_reader *reader, const struct yaml_node *node,
    const char *word, int64_t *ret_count)
{
	if (!node ||
	    (yaml_kind(node) == YAML_SCALAR && strcmp(yaml_text(node), word) == 0)) {
		return 0;
	}
	if (yaml_integer(node, 1, 10000000, ret_count, NULL) != 0) {
		return yaml_error(
		    node, reader->err, "expected %s or a number of connections", word);
	}
	return 0;
}

/* What one client may use. */
static int read_client(struct settings_reader *reader, const struct yaml_node *node,
    struct proxy_limits *limits)
{
	int r = read_connections(reader, yaml_get(node, "client_connections"), "none",
	    &limits->client_connections);

	return r ? r
	         : yaml_rate(
	               yaml_get(node, "client_rate"), &limits->client_rate, reader->err);
}

static int read_gate(struct settings_reader *reader, const struct yaml_node *node,
    struct gate_limits *limits)
{
	const struct yaml_node *line = yaml_get(node, "request_line");
	int64_t fields = (int64_t)limits->fields;
	int r =
	    read_bytes(reader, yaml_get(node, "head"), 1 << 10, 1 << 20, &limits->head);

	if (r == 0) {
		r = read_bytes(reader, line, 256, 1 << 20, &limits->request_line);
	}
	if (r == 0) {
		r = yaml_integer(
		    yaml_get(node, "fields"), 10, 10000, &fields, reader->err);
	}
	limits->fields = (size_t)fields;
	if (r == 0 && line && limits->request_line > limits->head) {
		return yaml_error(line, reader->err,
		    "limits.request_line must not be larger than limits.head");
	}
	if (limits->request_line > limits->head) {
		limits->request_line = limits->head;
	}
	return r;
}

static int read_times(struct settings_reader *reader, const struct yaml_node *node,
    struct proxy_limits *limits)
{
	int r =
	    read_time(reader, yaml_get(node, "head_timeout"), &limits->head_timeout_ns);

	if (r == 0) {
		r = read_time(reader, yaml_get(node, "handshake_timeout"),
		    &limits->handshake_timeout_ns);
	}
	if (r == 0) {
		r = read_time(
		    reader, yaml_get(node, "idle_timeout"), &limits->idle_timeout_ns);
	}
	if (r == 0) {
		r = read_time(
		    reader, yaml_get(node, "body_window"), &limits->progress_window_ns);
	}
	return r;
}

int settings_read_limits(struct settings_reader *reader, const struct yaml_node *node)
{
	struct proxy_limits *limits = &reader->settings->limits;
	int r = yaml_only(node, names, reader->err);

	if (r == 0) {
		r = read_gate(reader, node, &limits->gate);
	}
	if (r == 0) {
		r = read_times(reader, node, limits);
	}
	if (r == 0) {
		r = read_size(reader, yaml_get(node, "body_progress"), 0, 1 << 30,
		    &limits->progress_bytes);
	}
	if (r == 0) {
		r = read_size(reader, yaml_get(node, "buffer"), 64 << 10, 64 << 20,
		    &limits->buffer);
	}
	if (r == 0) {
		r = read_size(reader, yaml_get(node, "memory"), 1 << 20,
		    UINT64_C(1) << 40, &limits->memory);
	}
	if (r == 0) {
		r = read_connections(
		    reader, yaml_get(node, "connections"), "auto", &limits->connections);
	}
	if (r == 0) {
		r = read_client(reader, node, limits);
	}
	return r;
}

/* SPDX-License-Identifier: MIT */
/*
 * test_settings: the configuration file: defaults, values, and what is refused where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/address.h"
#include "cmd/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const int64_t second_ns = INT64_C(1000000000);

static struct settings *parse_at(const char *path, const char *text)
{
	struct settings *settings = NULL;
	struct err err = { .text = "" };

	if (settings_parse(path, slice_of(text), &settings, &err) != 0) {
		fail_msg("%s", err.text);
	}
	return settings;
}

static struct settings *parse(const char *text)
{
	return parse_at("conf/t.yaml", text);
}

/* The text is refused at that place (LINE:COLUMN) with a message that holds these words.
 */
static void refused(const char *text, const char *place, const char *words)
{
	struct settings *settings = NULL;
	struct err err = { .text = "" };
	char begin[64];

	(void)snprintf(begin, sizeof(begin), "t.yaml:%s: ", place);
	assert_int_equal(
	    settings_parse("t.yaml", slice_of(text), &settings, &err), -EINVAL);
	assert_null(settings);
	if (strncmp(err.text, begin, strlen(begin)) != 0 || !strstr(err.text, words) ||
	    err.text[strlen(err.text) - 1] != '^') {
		fail_msg("%s\nwanted %s… %s\ngot %s", text, begin, words, err.text);
	}
}

static void assert_same_ranges(const struct settings *a, const struct settings *b)
{
	assert_int_equal(a->client_count, b->client_count);
	for (size_t i = 0; i < a->client_count; i++) {
		assert_memory_equal(a->clients[i].address, b->clients[i].address, 16);
		assert_int_equal(a->clients[i].bits, b->clients[i].bits);
	}
}

static void assert_same(const struct settings *a, const struct settings *b)
{
	assert_string_equal(a->listen_host, b->listen_host);
	assert_int_equal(a->listen_port, b->listen_port);
	assert_string_equal(a->admin_host, b->admin_host);
	assert_int_equal(a->admin_port, b->admin_port);
	assert_int_equal(a->admin_allow_remote, b->admin_allow_remote);
	assert_int_equal(a->admin_host_count, b->admin_host_count);
	assert_int_equal(a->admin_print_link, b->admin_print_link);
	assert_string_equal(a->state_dir, b->state_dir);
	assert_string_equal(a->database, b->database);
	assert_int_equal(a->workers, b->workers);
	assert_string_equal(a->services, b->services);
	assert_int_equal(a->capture_max_body, b->capture_max_body);
	assert_int_equal(a->capture_payload, b->capture_payload);
	assert_int_equal(a->record_hold_max_ns, b->record_hold_max_ns);
	assert_int_equal(a->record_pending_after_ns, b->record_pending_after_ns);
	assert_int_equal(a->record_retry_window_ns, b->record_retry_window_ns);
	assert_int_equal(a->record_queue, b->record_queue);
	assert_int_equal(a->record_sync, b->record_sync);
	assert_int_equal(a->retention_success_ns, b->retention_success_ns);
	assert_int_equal(a->retention_all_ns, b->retention_all_ns);
	assert_int_equal(a->connect_to_count, b->connect_to_count);
	assert_null(a->upstream_ca_file);
	assert_null(b->upstream_ca_file);
	assert_int_equal(a->connect_timeout_ns, b->connect_timeout_ns);
	assert_int_equal(a->response_timeout_ns, b->response_timeout_ns);
	assert_int_equal(a->via, b->via);
	assert_same_ranges(a, b);
	assert_int_equal(a->credential_count, b->credential_count);
	assert_int_equal(a->private_upstreams, b->private_upstreams);
	assert_int_equal(a->connect_port_count, b->connect_port_count);
	assert_int_equal(a->connect_ports[0], b->connect_ports[0]);
	assert_int_equal(a->discard_root_key, b->discard_root_key);
	assert_int_equal(a->on_tls_reject, b->on_tls_reject);
	assert_memory_equal(&a->limits, &b->limits, sizeof(a->limits));
}

static void the_shipped_file_says_what_an_empty_one_means(void **state)
{
	struct settings *empty = parse_at("conf/waybill.yaml", "");
	struct settings *shipped = NULL;
	struct err err = { .text = "" };

	(void)state;
	if (settings_load("conf/waybill.yaml", &shipped, &err) != 0) {
		fail_msg("%s", err.text);
	}
	assert_same(empty, shipped);
	settings_free(empty);
	settings_free(shipped);
}

static void the_defaults_are_those_of_the_contract(void **state)
{
	struct settings *s = parse("");

	(void)state;
	assert_string_equal(s->listen_host, "127.0.0.1");
	assert_int_equal(s->listen_port, 8080);
	assert_int_equal(s->admin_port, 8081);
	assert_string_equal(s->state_dir, "var");
	assert_true(settings_is_sqlite(s));
	assert_true(s->workers >= 1);
	assert_string_equal(s->services, "conf/services/*.yaml");
	assert_int_equal(s->capture_max_body, 65536);
	assert_int_equal(s->record_hold_max_ns, 50000000);
	assert_int_equal(s->record_retry_window_ns, 600 * second_ns);
	assert_int_equal(s->record_queue, 64 << 20);
	assert_int_equal(s->retention_all_ns, 180 * 86400 * second_ns);
	assert_int_equal(s->response_timeout_ns, 120 * second_ns);
	assert_int_equal(s->client_count, 2);
	assert_int_equal(s->clients[0].bits, 104);
	assert_int_equal(s->clients[0].address[12], 127);
	assert_int_equal(s->connect_ports[0], 443);
	settings_free(s);
}

static void the_admin_port_listens_wider_when_told_to(void **state)
{
	struct settings *s = parse("admin: {listen: 0.0.0.0:1, allow_remote: true}\n");

	(void)state;
	assert_string_equal(s->admin_host, "0.0.0.0");
	assert_true(s->admin_allow_remote);
	settings_free(s);
}

static void every_key_is_read(void **state)
{
	struct settings *s = parse(
	    "listen: '[::1]:0'\nadmin: {listen: 'localhost:9', print_link: false,\n"
	    "  hosts: [a.test, 'b:80']}\nstate_dir: /x/y\n"
	    "database: postgresql://u@h/d\nworkers: 3\nservices: /s/*.yaml\n"
	    "capture: {max_body: 1MiB, payload: exchange}\n"
	    "record: {hold_max: 0s, pending_after: 1s, retry_window: 0s, queue: 1KiB, sync: full}\n"
	    "retention: {success: 1d, all: 2d}\n"
	    "upstream: {connect_timeout: 1s, response_timeout: 2s, via: true, ca_file: ~}\n"
	    "access: {clients: [10.0.0.0/8, 'fc00::/7', 1.2.3.4], private_upstreams: true,\n"
	    "  connect_ports: [443, 8443], credentials: {bob: pass word}}\n"
	    "ca: {root_key: discard}\nalerts: {telegram: {chat: 1}}\n"
	    "limits: {request_line: 1KiB, head: 2KiB, fields: 20, head_timeout: 1s,\n"
	    "  handshake_timeout: 2s, idle_timeout: 3s, body_progress: 0, body_window: 4s,\n"
	    "  buffer: 64KiB, connections: 50, memory: 8MiB}\n");

	(void)state;
	assert_string_equal(s->listen_host, "::1");
	assert_int_equal(s->listen_port, 0);
	assert_string_equal(s->admin_host, "127.0.0.1");
	assert_int_equal(s->admin_port, 9);
	assert_false(s->admin_print_link);
	assert_int_equal(s->admin_host_count, 2);
	assert_string_equal(s->admin_hosts[1], "b:80");
	assert_string_equal(s->state_dir, "/x/y");
	assert_false(settings_is_sqlite(s));
	assert_int_equal(s->workers, 3);
	assert_string_equal(s->services, "/s/*.yaml");
	assert_int_equal(s->capture_max_body, 1 << 20);
	assert_int_equal(s->capture_payload, PAYLOAD_EXCHANGE);
	assert_int_equal(s->record_hold_max_ns, 0);
	assert_int_equal(s->record_queue, 1024);
	assert_int_equal(s->record_sync, STORE_SYNC_FULL);
	assert_int_equal(s->retention_success_ns, 86400 * second_ns);
	assert_true(s->via);
	assert_int_equal(s->client_count, 3);
	assert_int_equal(s->clients[1].bits, 7);
	assert_int_equal(s->clients[2].bits, 128);
	assert_true(s->private_upstreams);
	assert_int_equal(s->connect_port_count, 2);
	assert_int_equal(s->connect_ports[1], 8443);
	assert_string_equal(s->credentials[0].user, "bob");
	assert_string_equal(s->credentials[0].secret, "pass word");
	assert_true(s->discard_root_key);
	assert_int_equal(s->limits.gate.request_line, 1024);
	assert_int_equal(s->limits.gate.head, 2048);
	assert_int_equal(s->limits.gate.fields, 20);
	assert_int_equal(s->limits.head_timeout_ns, second_ns);
	assert_int_equal(s->limits.handshake_timeout_ns, 2 * second_ns);
	assert_int_equal(s->limits.idle_timeout_ns, 3 * second_ns);
	assert_int_equal(s->limits.progress_bytes, 0);
	assert_int_equal(s->limits.progress_window_ns, 4 * second_ns);
	assert_int_equal(s->limits.buffer, 65536);
	assert_int_equal(s->limits.connections, 50);
	assert_int_equal(s->limits.memory, 8 << 20);
	settings_free(s);
}

static void the_default_limits_are_those_of_the_gate(void **state)
{
	struct settings *s = parse("limits:\n");

	(void)state;
	assert_memory_equal(
	    &s->limits.gate, &gate_limits_default, sizeof(gate_limits_default));
	assert_int_equal(s->on_tls_reject, TLS_REJECT_RECORD);
	settings_free(s);
	/* a smaller head takes the request line with it */
	s = parse("limits: {head: 4KiB, connections: auto}\n"
	          "access: {on_tls_reject: tunnel}\n");
	assert_int_equal(s->limits.gate.request_line, 4096);
	assert_int_equal(s->limits.connections, 0);
	assert_int_equal(s->on_tls_reject, TLS_REJECT_TUNNEL);
	settings_free(s);
}

static void wrong_limits_are_refused_at_their_place(void **state)
{
	(void)state;
	refused("limits: {heads: 1KiB}\n", "1:10", "did you mean 'head'?");
	refused("limits: [a]\n", "1:9", "expected a mapping");
	refused("limits: {head: 10B}\n", "1:16", "expected a size from 1024B");
	refused("limits: {head: 2MiB}\n", "1:16", "to 1024KiB");
	refused("limits: {fields: 3}\n", "1:18", "10");
	refused("limits: {head: 1KiB, request_line: 2KiB}\n", "1:36", "limits.head");
	refused("limits: {head_timeout: 0s}\n", "1:24", "from 100ms");
	refused("limits: {idle_timeout: 2d}\n", "1:24", "to 1d");
	refused("limits: {buffer: 1KiB}\n", "1:18", "expected a size from");
	refused("limits: {connections: 0}\n", "1:23", "auto or a number");
	refused("limits: {memory: 1KiB}\n", "1:18", "expected a size from");
	refused("access: {on_tls_reject: allow}\n", "1:25", "record or tunnel");
}

static void sections_without_content_keep_their_defaults(void **state)
{
	struct settings *a = parse("");
	struct settings *b = parse(
	    "admin:\nca:\ncapture:\nrecord:\nretention:\nupstream:\naccess:\nalerts:\n");

	(void)state;
	assert_same(a, b);
	settings_free(a);
	settings_free(b);
}

static void connect_to_entries_are_normalised(void **state)
{
	struct settings *s =
	    parse("upstream:\n  connect_to:\n    API.Resend.com.:443: 127.0.0.1:9443\n"
	          "    ':80': Stand-In.local:8080\n    a.b: '[::1]:1'\n    '': x:2\n");

	(void)state;
	assert_int_equal(s->connect_to_count, 4);
	assert_string_equal(s->connect_to[0].host, "api.resend.com");
	assert_int_equal(s->connect_to[0].port, 443);
	assert_string_equal(s->connect_to[0].target_host, "127.0.0.1");
	assert_int_equal(s->connect_to[0].target_port, 9443);
	assert_string_equal(s->connect_to[1].host, "");
	assert_int_equal(s->connect_to[1].port, 80);
	assert_string_equal(s->connect_to[1].target_host, "stand-in.local");
	assert_string_equal(s->connect_to[2].host, "a.b");
	assert_int_equal(s->connect_to[2].port, 0);
	assert_string_equal(s->connect_to[2].target_host, "::1");
	assert_string_equal(s->connect_to[3].host, "");
	assert_int_equal(s->connect_to[3].port, 0);
	settings_free(s);
}

static void an_open_address_needs_a_word_on_who_may_use_it(void **state)
{
	struct settings *s = NULL;

	(void)state;
	refused("listen: 0.0.0.0:8080\n", "1:9", "access.clients or access.credentials");
	refused("listen: '[::]:8080'\n", "1:9", "access.clients or access.credentials");
	refused("listen: 192.168.0.1:1\naccess: {credentials: {}}\n", "1:9",
	    "access.clients");
	s = parse("listen: 0.0.0.0:8080\naccess: {clients: [10.0.0.0/8]}\n");
	assert_int_equal(s->client_count, 1);
	settings_free(s);
	s = parse("listen: 0.0.0.0:8080\naccess: {credentials: {a: b}}\n");
	assert_int_equal(s->client_count, 1);
	assert_int_equal(s->clients[0].bits, 0); /* from anywhere, with the credentials */
	settings_free(s);
	s = parse("listen: 127.9.9.9:8080\naccess: {credentials: {a: b}}\n");
	assert_int_equal(s->client_count, 2);
	settings_free(s);
}

static void unknown_keys_are_refused_at_their_place(void **state)
{
	(void)state;
	refused("listen: 127.0.0.1:1\nworker: 2\n", "2:1",
	    "unknown key 'worker'; did you mean 'workers'?");
	refused("record:\n  hold_mx: 1s\n", "2:3", "did you mean 'hold_max'?");
	refused("upstream: {proxy: x}\n", "1:12", "unknown key 'proxy'");
	refused("access: {allow: []}\n", "1:10", "unknown key 'allow'");
	refused("[a]\n", "1:1", "expected a mapping");
	refused("capture: 3\n", "1:10", "expected a mapping");
	refused("alerts: [a]\n", "1:9", "expected a mapping");
}

static void wrong_values_are_refused_at_their_place(void **state)
{
	(void)state;
	refused("listen: 8080\n", "1:9", "expected HOST:PORT");
	refused("listen: :8080\n", "1:9", "expected HOST:PORT");
	refused("listen:\n", "1:1", "expected HOST:PORT");
	refused("listen: [1]\n", "1:9", "expected HOST:PORT");
	refused("listen: example.com:80\n", "1:9", "numeric address");
	refused("listen: 127.0.0.1:65536\n", "1:9", "0 to 65535");
	refused("listen: ::1:80\n", "1:9", "brackets");
	refused("listen: '[::1]8080'\n", "1:9", "after ]");
	refused("admin: {listen: 0.0.0.0:1}\n", "1:17", "tunnel");
	refused("admin: {hosts: waybill}\n", "1:16", "list");
	refused("admin: {hosts: [a, 'b:x']}\n", "1:20", "port");
	refused("admin: {hosts: [':80']}\n", "1:17", "NAME");
	refused("admin: {allow_remote: maybe}\n", "1:23", "");
	refused("state_dir: ''\n", "1:12", "a value is expected");
	refused("state_dir: {a: b}\n", "1:12", "a value is expected");
	refused("database: mysql://x\n", "1:11", "postgresql://");
	refused("workers: 0\n", "1:10", "auto or a number");
	refused("workers: many\n", "1:10", "auto or a number");
	refused("capture: {max_body: 64KB}\n", "1:21", "expected a size");
	refused("capture: {max_body: 1TiB}\n", "1:21", "at most 256MiB");
	refused("capture: {payload: all}\n", "1:20", "body or exchange");
	refused("record: {hold_max: 50}\n", "1:20", "expected a duration");
	refused("record: {pending_after: 0s}\n", "1:25", "more than 0s");
	refused("record: {queue: 0}\n", "1:17", "no bytes");
	refused("record: {sync: true}\n", "1:16", "off, normal or full");
	refused("retention: {success: 200d}\n", "1:22", "must not be shorter");
	refused("retention: {success: 9d, all: 1d}\n", "1:31", "must not be shorter");
	refused("upstream: {via: yes}\n", "1:17", "true or false");
	refused("upstream: {ca_file: /nonexistent/ca.pem}\n", "1:21",
	    "cannot read this file");
	refused("ca: {root_key: burn}\n", "1:16", "keep or discard");
	refused("state_dir: ${WAYBILL_TEST_NOT_SET}\n", "1:12",
	    "WAYBILL_TEST_NOT_SET is not set");
}

static void wrong_access_and_connect_to_are_refused_at_their_place(void **state)
{
	(void)state;
	refused("access: {clients: 127.0.0.1}\n", "1:19", "expected a list");
	refused("access: {clients: []}\n", "1:19", "expected a list");
	refused(
	    "access: {clients: [127.0.0.1, 10.0.0.1/8]}\n", "1:31", "bits set beyond");
	refused("access: {clients: [10.0.0.0/33]}\n", "1:20", "0 to 32");
	refused("access: {clients: ['fc00::/129']}\n", "1:20", "0 to 128");
	refused("access: {clients: [10.0.0.0/]}\n", "1:20", "0 to 32");
	refused("access: {clients: [localhost]}\n", "1:20", "expected an address");
	refused("access: {clients: [[127.0.0.1]]}\n", "1:20", "expected an address");
	refused("access: {connect_ports: 443}\n", "1:25", "expected a list");
	refused("access: {connect_ports: [443, 0]}\n", "1:31", "1 to 65535");
	refused("access: {credentials: {'a:b': c}}\n", "1:24", "no ':'");
	refused("access: {credentials: {a: ''}}\n", "1:27", "not empty");
	refused("access: {credentials: {a: }}\n", "1:24", "not empty");
	refused("access: {credentials: [a]}\n", "1:23", "expected a mapping");
	refused("access: {private_upstreams: maybe}\n", "1:29", "true or false");
	refused("upstream: {connect_to: [a]}\n", "1:24", "expected a mapping");
	refused("upstream: {connect_to: {a.b:443: c.d}}\n", "1:34", "expected HOST:PORT");
	refused("upstream: {connect_to: {a.b:443: 'c.d:0'}}\n", "1:34", "1 to 65535");
	refused("upstream: {connect_to: {a/b: 'c.d:1'}}\n", "1:25", "no host name");
	refused("upstream: {connect_to: {a.b:x: 'c.d:1'}}\n", "1:25", "the port");
	refused("upstream: {connect_to: {a.b:1: x:1, A.B.:1: y:1}}\n", "1:37",
	    "the same host and port");
}

static void paths_are_relative_to_the_file_or_the_working_directory(void **state)
{
	char folder[256];
	char path[512];
	char pem[512];
	struct settings *s = NULL;
	FILE *file = NULL;

	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s/waybill[conf]XXXXXX",
	    getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/t.yaml", folder);
	(void)snprintf(pem, sizeof(pem), "%s/roots.pem", folder);
	file = fopen(pem, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	s = parse_at(path, "upstream: {ca_file: roots.pem}\n");
	assert_string_equal(s->upstream_ca_file, pem);
	assert_string_equal(s->state_dir, "var");
	assert_non_null(strstr(s->services, "/waybill\\[conf]"));
	settings_free(s);
	s = parse_at(path, "upstream: {ca_file: conf/waybill.yaml}\n");
	assert_string_equal(s->upstream_ca_file, "conf/waybill.yaml");
	settings_free(s);
	s = parse_at("t.yaml", "services: x.yaml\n");
	assert_string_equal(s->services, "x.yaml");
	settings_free(s);
	assert_int_equal(unlink(pem), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void a_missing_file_is_named(void **state)
{
	struct settings *settings = NULL;
	struct err err = { .text = "" };

	(void)state;
	assert_int_equal(settings_load("/nonexistent/w.yaml", &settings, &err), -ENOENT);
	assert_string_equal(
	    err.text, "/nonexistent/w.yaml: cannot read: No such file or directory");
	assert_string_equal(settings_default_path(), "conf/waybill.yaml");
	settings_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_file_says_what_an_empty_one_means),
		cmocka_unit_test(the_defaults_are_those_of_the_contract),
		cmocka_unit_test(the_admin_port_listens_wider_when_told_to),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(the_default_limits_are_those_of_the_gate),
		cmocka_unit_test(wrong_limits_are_refused_at_their_place),
		cmocka_unit_test(sections_without_content_keep_their_defaults),
		cmocka_unit_test(connect_to_entries_are_normalised),
		cmocka_unit_test(an_open_address_needs_a_word_on_who_may_use_it),
		cmocka_unit_test(unknown_keys_are_refused_at_their_place),
		cmocka_unit_test(wrong_values_are_refused_at_their_place),
		cmocka_unit_test(wrong_access_and_connect_to_are_refused_at_their_place),
		cmocka_unit_test(paths_are_relative_to_the_file_or_the_working_directory),
		cmocka_unit_test(a_missing_file_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

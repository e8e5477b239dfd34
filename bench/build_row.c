/* SPDX-License-Identifier: MIT */
/*
 * build_row: CPU time for the row of a typical call (2.5 KB of JSON in all), and for
 * hostile bodies of 1 MiB.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/cpu_clock.h"
#include "record/build.h"

#define SERVICE                                                                          \
	"service: bench\n"                                                               \
	"hosts: [api.example.com]\n"                                                     \
	"success: {status: [200-299], json: required}\n"                                 \
	"routes:\n"                                                                      \
	"  - {methods: [POST], path: /v1/messages, action: send}\n"

static struct call *make_call(struct route_table *table, const struct buf *body)
{
	struct call *call = call_create(1 << 20);

	if (!call) {
		return NULL;
	}
	buf_puts(&call->method, "POST");
	buf_puts(&call->scheme, "https");
	buf_puts(&call->host, "api.example.com");
	buf_puts(&call->target, "/v1/messages?trace=1");
	buf_puts(&call->request_fields,
	    "Host: api.example.com\r\nContent-Type: application/json\r\n"
	    "Authorization: Bearer re_FAKE0001_notArealKey000000000001\r\n"
	    "User-Agent: bench/1.0\r\nAccept: */*\r\n");
	buf_puts(
	    &call->response_fields, "Content-Type: application/json\r\nDate: now\r\n");
	call->status = 200;
	call->table = route_table_ref(table);
	capture_add(&call->request, body->ptr, body->len);
	capture_add(&call->response, body->ptr, body->len);
	if (route_match(route_table_host(table, SLICE("api.example.com")), SLICE("POST"),
	        buf_slice(&call->target), &call->match) != 0) {
		call_destroy(call);
		return NULL;
	}
	return call;
}

static void measure(
    const char *name, struct route_table *table, const struct buf *body, int rounds)
{
	struct record_settings settings = { .max_body = 65536 };
	struct call *call = make_call(table, body);
	int64_t begun = 0;

	if (!call) {
		return;
	}
	begun = cpu_ns();
	for (int i = 0; i < rounds; i++) {
		struct row row;
		struct build_notes notes;

		if (row_build(call, &settings, &row, &notes) != 0) {
			break;
		}
		row_finish(&row);
	}
	printf("%-16s %8zu bytes each way  %10.1f us of CPU per row\n", name, body->len,
	    (double)(cpu_ns() - begun) / 1e3 / rounds);
	call_destroy(call);
}

static void repeat(
    struct buf *body, const char *begin, const char *part, size_t len, const char *end)
{
	buf_truncate(body, 0);
	buf_puts(body, begin);
	while (body->len < len) {
		buf_puts(body, part);
	}
	buf_puts(body, end);
}

int main(void)
{
	enum { MIB = 1 << 20 };
	struct route_table *table = NULL;
	struct err err;
	struct buf body = { 0 };

	if (route_table_parse("bench", SLICE(SERVICE), &table, &err) != 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	repeat(&body, "[",
	    "{\"id\":31650001,\"name\":\"Aigerim S.\",\"phone\":\"+77000000001\",\"price\":150000.50,"
	    "\"tags\":[\"tripwire\",\"school\"],\"html\":\"<p>\xD0\xA1\xD3\x99\xD0\xBB\xD0\xB5\xD0\xBC</p>\\n\","
	    "\"ok\":true,\"url\":\"https://school.example.test/lead?utm=1\"},",
	    1000, "null]");
	measure("typical", table, &body, 20000);
	repeat(&body, "", "[", MIB - 8, "");
	measure("deep arrays", table, &body, 10);
	repeat(&body, "{\"a\":0", ",\"token\":\"aaaaaaaaaaaa\"", MIB - 64, "}");
	measure("same secrets", table, &body, 10);
	repeat(&body, "{\"a\":\"", "\\u0061\\n", MIB - 64, "\"}");
	measure("escapes", table, &body, 10);
	repeat(&body, "{\"a\":\"", "=", MIB - 64, "\"}");
	measure("separators", table, &body, 10);
	repeat(&body, "[\"", "1", MIB - 64, "\"]");
	measure("digits", table, &body, 10);
	repeat(&body, "[0", ",{\"x\":\"://a:b@c?token=abcdefgh&key=12345678\"}", MIB - 64,
	    "]");
	measure("urls", table, &body, 10);
	buf_finish(&body);
	route_table_unref(table);
	return 0;
}

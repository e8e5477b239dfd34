/* SPDX-License-Identifier: MIT */
/*
 * json_redact: CPU time to redact hostile JSON, in milliseconds per MB. The bound is 5
 * (reliability.md A8). Everything that is done to a body counts: reading, the search for
 * secrets by name, place and form, masking, writing.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cpu_clock.h"
#include "record/build.h"

#define SERVICE                                                                            \
	"service: bench\n"                                                                 \
	"hosts: [api.example.com]\n"                                                       \
	"success: {status: [200-299], json: required, body: [{at: /error, is: absent}]}\n" \
	"error: {code: [/error/code, /errors/*/code], message: [/error/message, /**]}\n"   \
	"partial: [/errors]\n"                                                             \
	"secrets: {response: [/auth/key, /items/*/key, /a/*/b/*/c/*/d]}\n"                 \
	"routes:\n"                                                                        \
	"  - {methods: [POST], path: /v1/messages, action: send}\n"

enum {
	BODY_BYTES = 1000 * 1000,
	LEVELS = 128, /* containers in containers, as deep as they are read */
	ROUNDS = 10,
};

/* A body: begin, then part over and over (a %d in it counts), then end. */
struct shape {
	const char *name;
	const char *begin;
	const char *part;
	const char *end;
	unsigned int levels;  /* of arrays around a part */
	unsigned int secrets; /* so many different ones come first */
};

static const struct shape shapes[] = {
	{ "typical", "[",
	    "{\"id\":31650001,\"name\":\"Aigerim S.\",\"phone\":\"+77000000001\","
	    "\"price\":150000.50,\"tags\":[\"tripwire\",\"school\"],"
	    "\"html\":\"<p>\xD0\xA1\xD3\x99\xD0\xBB\xD0\xB5\xD0\xBC</p>\\n\",\"ok\":true,"
	    "\"url\":\"https://school.example.test/lead?utm=1\"},",
	    "null]", 0, 0 },
	{ "endless arrays", "", "[", "", 0, 0 },
	{ "endless objects", "", "{\"a\":", "", 0, 0 },
	{ "deep arrays", "[", "0", "0]", LEVELS - 1, 0 },
	{ "empty arrays", "[", "[],", "0]", 0, 0 },
	{ "empty objects", "[", "{},", "0]", 0, 0 },
	{ "small numbers", "[", "1,", "0]", 0, 0 },
	{ "numbers", "[", "-12345.678e-9,", "0]", 0, 0 },
	{ "card-like numbers", "[", "4111111111111112,", "0]", 0, 0 },
	{ "one number", "[1", "234567890", "]", 0, 0 },
	{ "small names", "{", "\"a\":1,", "\"z\":0}", 0, 0 },
	{ "many names", "{", "\"name%d\":1,", "\"z\":0}", 0, 0 },
	{ "dotted name", "{\"", "code.", "\":0}", 0, 0 },
	{ "long names", "{",
	    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":0,",
	    "\"z\":0}", 0, 0 },
	{ "half names", "{", "\"passwortoke_secre_apike\":0,", "\"z\":0}", 0, 0 },
	{ "same secret", "{", "\"token\":\"aaaaaaaaaaaa\",", "\"z\":0}", 0, 0 },
	{ "many secrets", "{\"token\":[", "\"aaaaaaaa%d\",", "0]}", 0, 0 },
	{ "small strings", "[", "\"ab\",", "0]", 0, 0 },
	{ "empty strings", "[", "\"\",", "0]", 0, 0 },
	{ "long string", "[\"", "The quick brown fox jumps over the lazy dog. ", "\"]", 0,
	    0 },
	{ "escapes", "[\"", "\\n", "\"]", 0, 0 },
	{ "unicode escapes", "[\"", "\\u0061", "\"]", 0, 0 },
	{ "control escapes", "[\"", "\\u0001", "\"]", 0, 0 },
	{ "surrogates", "[\"", "\\ud83d\\ude00", "\"]", 0, 0 },
	{ "lone surrogates", "[\"", "\\ud800", "\"]", 0, 0 },
	{ "escaped quotes", "[\"", "\\\"", "\"]", 0, 0 },
	{ "quoted quotes", "[\"", "\\\\\\\"", "\"]", 0, 0 },
	{ "invalid UTF-8", "[\"", "\xFF", "\"]", 0, 0 },
	{ "letters", "[\"", "\xD1\x8F", "\"]", 0, 0 },
	{ "emoji", "[\"", "\xF0\x9F\x98\x80", "\"]", 0, 0 },
	{ "separators", "[\"", "=", "\"]", 0, 0 },
	{ "assignments", "[\"", "a=", "\"]", 0, 0 },
	{ "colons", "[\"", "://", "\"]", 0, 0 },
	{ "queries", "[\"", "?a=1&b=2", "\"]", 0, 0 },
	{ "encoded queries", "[\"", "token%3Da%26", "\"]", 0, 0 },
	{ "elements", "[\"", "<a b='c' d='efg'>", "\"]", 0, 0 },
	{ "brackets", "[\"", "\\\"code\\\":{", "\"]", 0, 0 },
	{ "pairs", "[", "{\"name\":\"pin\",\"value\":\"abcdef\"},", "0]", 0, 0 },
	{ "entities", "[\"http://h/?token=a%26b%26c%26d\",\"", "&amp;", "\"]", 0, 0 },
	{ "secret queries", "[", "\"http://h/?token=abcdefgh&key=12345678\",", "0]", 0,
	    0 },
	{ "user names", "[", "\"x://a:bcdefghi@h\",", "0]", 0, 0 },
	{ "digits", "[\"", "1", "\"]", 0, 0 },
	{ "card digits", "[\"", "4111 1111 1111 1112 ", "\"]", 0, 0 },
	{ "dots", "[\"", "eyJ.", "\"]", 0, 0 },
	{ "words", "[\"", "eyJhbGciOiJIUzI1NiJ9.", "\"]", 0, 0 },
	{ "dashes", "[\"", "-----BEGIN ", "\"]", 0, 0 },
	{ "JSON in strings", "[", "\"{\\\"a\\\":{\\\"b\\\":1}}\",", "0]", 0, 0 },
	{ "broken inside", "[", "\"[[[[[[[[[[[[[[[[\",", "0]", 0, 0 },
	{ "base64", "[", "\"eyJhIjp7ImIiOjF9fQ==\",", "0]", 0, 0 },
	{ "pointers", "{\"items\":[", "{\"key\":\"abcdef%d\"},", "0]}", 0, 0 },
	{ "starred pointers", "{\"a\":[", "{\"b\":[{\"c\":[{\"d\":1}]}]},", "0]}", 0, 0 },
	{ "blanks", "[", " \n", "0]", 0, 0 },
	{ "among secrets", ",\"t\":\"", "secretaa", "\"}", 0, 8000 },
	{ "nearly secrets", ",\"t\":[0", ",\"secretaa%d\"", "]}", 0, 8000 },
};

static void put_part(struct buf *body, const struct shape *shape, int number)
{
	const char *mark = strstr(shape->part, "%d");

	for (unsigned int i = 0; i < shape->levels; i++) {
		buf_putc(body, '[');
	}
	if (mark) {
		buf_put(body, shape->part, (size_t)(mark - shape->part));
		buf_printf(body, "%d%s", number, mark + 2);
	} else {
		buf_puts(body, shape->part);
	}
	for (unsigned int i = 0; i < shape->levels; i++) {
		buf_putc(body, ']');
	}
	if (shape->levels) {
		buf_putc(body, ',');
	}
}

static void put_secrets(struct buf *body, const struct shape *shape)
{
	for (unsigned int i = 0; i < shape->secrets; i++) {
		buf_printf(body, "%s\"secretaa%uz\"", i ? "," : "{\"token\":[", i * 7919);
	}
	buf_puts(body, shape->secrets ? "]" : "");
}

static struct call *make_call(struct route_table *table, const struct buf *body)
{
	struct call *call = call_create(2 * BODY_BYTES);

	if (!call) {
		return NULL;
	}
	buf_puts(&call->method, "POST");
	buf_puts(&call->scheme, "https");
	buf_puts(&call->host, "api.example.com");
	buf_puts(&call->target, "/v1/messages");
	buf_puts(&call->request_fields,
	    "Authorization: Bearer re_FAKE0001_notArealKey0001\r\n");
	buf_puts(&call->response_fields, "Content-Type: application/json\r\n");
	call->status = 200;
	call->table = route_table_ref(table);
	capture_add(&call->response, body->ptr, body->len);
	if (route_match(route_table_host(table, SLICE("api.example.com")), SLICE("POST"),
	        buf_slice(&call->target), &call->match) != 0) {
		call_destroy(call);
		return NULL;
	}
	return call;
}

/* The best of a few rounds: what others do on the machine is not meant. */
static double measure(struct route_table *table, const struct buf *body)
{
	struct record_settings settings = { .max_body = 2 * BODY_BYTES };
	double best = -1;

	for (int i = 0; i < ROUNDS; i++) {
		struct call *call = make_call(table, body);
		struct build_notes notes;
		struct row row;
		int64_t begun = cpu_ns();
		double took = 0;

		if (!call || row_build(call, &settings, &row, &notes) != 0) {
			call_destroy(call);
			return -1;
		}
		took = (double)(cpu_ns() - begun) / 1e6;
		best = best < 0 || took < best ? took : best;
		row_finish(&row);
		call_destroy(call);
	}
	return best / ((double)body->len / 1e6);
}

int main(int argc, char **argv)
{
	struct route_table *table = NULL;
	struct buf body = { 0 };
	struct err err;
	double worst = 0;

	/* memory stays with the process, as it does in one that serves call after call:
	 * new pages cost what the kernel takes for them, some 4 ms per MB on a slow
	 * machine */
	(void)mallopt(M_MMAP_THRESHOLD, 64 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
	if (route_table_parse("bench", SLICE(SERVICE), &table, &err) != 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("%-20s %10s\n", "body of 1 MB", "ms per MB");
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *shape = &shapes[i];
		double cost = 0;

		if (argc > 1 && strcmp(argv[1], shape->name) != 0) {
			continue;
		}
		buf_truncate(&body, 0);
		put_secrets(&body, shape);
		buf_puts(&body, shape->begin);
		for (int part = 0; body.len < BODY_BYTES; part++) {
			put_part(&body, shape, part);
		}
		buf_puts(&body, shape->end);
		cost = measure(table, &body);
		printf("%-20s %10.2f%s\n", shape->name, cost, cost > 5 ? "  over 5" : "");
		worst = cost > worst ? cost : worst;
	}
	printf("%-20s %10.2f\n", "the worst", worst);
	buf_finish(&body);
	route_table_unref(table);
	return 0;
}

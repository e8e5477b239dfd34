/* SPDX-License-Identifier: MIT */
/* The reader over whole messages and cut ones: events, limits, ends, and what it leaves.
 */
#include "proxy/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants some of the above first */
#include <cmocka.h>

/* What came of one message. */
struct outcome {
	struct reader reader;
	struct buf body;
	enum reader_event last; /* READER_MORE: input ran out */
	bool head;
	size_t used;
};

/* Reads one message, at most `at_once` bytes at a time. */
static void read_message(struct outcome *outcome, struct slice input, size_t at_once)
{
	outcome->last = READER_MORE;
	while (outcome->last != READER_END && outcome->last != READER_BAD) {
		struct slice part = { input.ptr + outcome->used,
			input.len - outcome->used };
		struct slice body = { NULL, 0 };
		size_t used = 0;

		part.len = part.len > at_once ? at_once : part.len;
		outcome->last = reader_step(&outcome->reader, part, &used, &body);
		assert_true(used <= part.len);
		outcome->used += used;
		outcome->head |= outcome->last == READER_HEAD;
		if (outcome->last == READER_BODY) {
			assert_true(body.len > 0 && body.ptr >= part.ptr &&
			            body.ptr + body.len <= part.ptr + part.len);
			buf_put_slice(&outcome->body, body);
		}
		if (outcome->last == READER_MORE && outcome->used == input.len) {
			return;
		}
	}
}

static void begin(struct outcome *outcome, enum reader_role role)
{
	*outcome = (struct outcome){ .last = READER_MORE };
	reader_init(&outcome->reader, role, &gate_limits_default);
}

static void end(struct outcome *outcome)
{
	reader_finish(&outcome->reader);
	buf_finish(&outcome->body);
}

/* The status of a refusal, 0 when the message ends, -1 when more is wanted; the same for
 * any cut. */
static int verdict(enum reader_role role, struct slice input)
{
	int found[3];

	for (size_t i = 0; i < 3; i++) {
		static const size_t cuts[] = { 1, 7, SIZE_MAX };
		struct outcome outcome;

		begin(&outcome, role);
		read_message(&outcome, input, cuts[i]);
		found[i] = outcome.last == READER_BAD   ? outcome.reader.bad_status
		           : outcome.last == READER_END ? 0
		                                        : -1;
		end(&outcome);
	}
	assert_int_equal(found[0], found[2]);
	assert_int_equal(found[1], found[2]);
	return found[2];
}

static int request(const char *text)
{
	return verdict(READER_REQUEST, slice_of(text));
}

static int response(const char *text)
{
	return verdict(READER_RESPONSE, slice_of(text));
}

static void reads_one_message_and_leaves_the_next(void **state)
{
	const char *two = "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nxyz"
	                  "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";

	(void)state;
	for (size_t at_once = 1; at_once < 100; at_once++) {
		struct outcome outcome;

		begin(&outcome, READER_REQUEST);
		assert_true(reader_idle(&outcome.reader));
		read_message(&outcome, slice_of(two), at_once);
		assert_int_equal(outcome.last, READER_END);
		assert_true(slice_eq(buf_slice(&outcome.body), SLICE("xyz")));
		assert_true(slice_eq(outcome.reader.head.target, SLICE("/a")));
		assert_true(slice_eq(outcome.reader.head.fields,
		    SLICE("Host: h\r\nContent-Length: 3\r\n")));
		assert_int_equal(two[outcome.used], 'G');
		reader_reset(&outcome.reader, false);
		assert_true(reader_idle(&outcome.reader));
		read_message(&outcome, slice_of(two), at_once);
		assert_int_equal(outcome.last, READER_END);
		assert_true(slice_eq(outcome.reader.head.method, SLICE("GET")));
		assert_int_equal((int)outcome.used, (int)strlen(two));
		end(&outcome);
	}
}

static void chunks_are_decoded_and_trailers_sifted(void **state)
{
	const char *text =
	    "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "2;n=v\r\nxy\r\n0001 ; \"q\"\r\nz\r\n0\r\n"
	    "X-Sum: 1\r\nContent-Length: 9\r\nConnection: close\r\n"
	    "Authorization: x\r\nX-End:\r\n\r\n!";

	(void)state;
	for (size_t at_once = 1; at_once < 200; at_once += 3) {
		struct outcome outcome;

		begin(&outcome, READER_REQUEST);
		read_message(&outcome, slice_of(text), at_once);
		assert_int_equal(outcome.last, READER_END);
		assert_true(slice_eq(buf_slice(&outcome.body), SLICE("xyz")));
		assert_true(slice_eq(buf_slice(&outcome.reader.trailers),
		    SLICE("X-Sum: 1\r\nX-End:\r\n")));
		assert_int_equal(text[outcome.used], '!');
		assert_true(outcome.reader.head.keep_alive);
		end(&outcome);
	}
}

static void methods_that_http_parser_does_not_know_pass(void **state)
{
	(void)state;
	assert_int_equal(
	    request("QUERY / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"), 0);
	assert_int_equal(request("get / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	assert_int_equal(request("GETX http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	assert_int_equal(request("* / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	assert_int_equal(request("M-SEARCH / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	assert_int_equal(request("SOURCE / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
}

static void legal_oddities_pass_http_parser(void **state)
{
	(void)state;
	assert_int_equal(request("PUT /{|}\"<>^`[] HTTP/1.1\r\nHost: h\r\n"
	                         "Content-Length:\t3 \t\r\n\r\nxyz"),
	    0);
	assert_int_equal(
	    request("PUT / HTTP/1.1\r\nHost: h\r\n"
	            "Transfer-Encoding: chunked\t\r\n\r\n3\t;a\r\nxyz\r\n0\r\n\r\n"),
	    0);
	assert_int_equal(request("GET http://[::1]:81?q HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	assert_int_equal(request("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	assert_int_equal(request("CONNECT h:443 HTTP/1.0\r\n\r\n"), 0);
	assert_int_equal(request("GET / HTTP/1.7\r\nHost: h\r\n\r\n"), 0);
	assert_int_equal(request("GET / HTTP/1.1\r\nTransfer-Encoding-Not: a\r\n"
	                         "Host: h\r\nTransfer-EncodingX: chunked\r\n\r\n"),
	    0);
	assert_int_equal(response("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), 0);
	assert_int_equal(response("HTTP/1.1 999 \xe4\r\nContent-Length: 0\r\n\r\n"), 0);
	assert_int_equal(
	    request("GET / HTTP/1.1\r\nHost: h\r\n!#$%&'*+-.^_`|~: \xff\r\n\r\n"), 0);
}

static void upgrade_and_connect_end_where_their_head_says(void **state)
{
	static const char connect[] =
	    "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n\x16\x03\x01";
	struct outcome outcome;

	(void)state;
	begin(&outcome, READER_REQUEST);
	read_message(&outcome, slice_of(connect), SIZE_MAX);
	assert_int_equal(outcome.last, READER_END);
	assert_int_equal(connect[outcome.used], 0x16);
	end(&outcome);
	assert_int_equal(request("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
	                         "Connection: upgrade\r\n\r\n"),
	    0);
	assert_int_equal(request("PUT / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n"
	                         "Connection: upgrade\r\nContent-Length: 3\r\n\r\nxy"),
	    -1);
	assert_int_equal(
	    request("PUT / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n"
	            "Connection: upgrade\r\nTransfer-Encoding: chunked\r\n\r\n"
	            "1\r\nx\r\n0\r\n\r\n"),
	    0);
	assert_int_equal(
	    response("HTTP/1.1 101 S\r\nUpgrade: w\r\nConnection: upgrade\r\n\r\n"), 0);
}

static void responses_without_body_end_at_their_head(void **state)
{
	struct outcome outcome;

	(void)state;
	assert_int_equal(response("HTTP/1.1 204 N\r\nContent-Length: 3\r\n\r\n"), 0);
	assert_int_equal(
	    response("HTTP/1.1 304 N\r\nTransfer-Encoding: chunked\r\n\r\n"), 0);
	assert_int_equal(response("HTTP/1.1 100 C\r\n\r\n"), 0);
	assert_int_equal(response("HTTP/1.1 103 E\r\nContent-Length: 9\r\n\r\n"), 0);
	assert_int_equal(response("HTTP/1.1 200 O\r\nContent-Length: 9\r\n\r\n"), -1);
	begin(&outcome, READER_RESPONSE);
	reader_reset(&outcome.reader, true);
	read_message(
	    &outcome, SLICE("HTTP/1.1 200 O\r\nContent-Length: 9\r\n\r\n"), SIZE_MAX);
	assert_int_equal(outcome.last, READER_END);
	end(&outcome);
}

static void eof_ends_only_what_lasts_until_close(void **state)
{
	static const struct {
		const char *text;
		bool complete;
	} cases[] = {
		{ "HTTP/1.1 200 O\r\n\r\nxyz", true },
		{ "HTTP/1.0 200 O\r\n\r\n", true },
		{ "HTTP/1.1 200 O\r\nContent-Length: 3\r\n\r\nxyz", true },
		{ "HTTP/1.1 200 O\r\nContent-Length: 3\r\n\r\nxy", false },
		{ "HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n",
		    false },
		{ "HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", false },
		{ "HTTP/1.1 200 O\r\n", false },
		{ "HTTP/1.1 2", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome;

		begin(&outcome, READER_RESPONSE);
		read_message(&outcome, slice_of(cases[i].text), SIZE_MAX);
		assert_int_equal(reader_eof(&outcome.reader), cases[i].complete);
		assert_int_equal(reader_idle(&outcome.reader), cases[i].text[0] == 0);
		end(&outcome);
	}
}

static void few_empty_lines_before_a_request_are_skipped(void **state)
{
	(void)state;
	assert_int_equal(request("\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
	assert_int_equal(request("\r\n\r\n\r\n\r\n\r\n"), 400);
	assert_int_equal(request("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
	assert_int_equal(request("\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
	assert_int_equal(response("\r\nHTTP/1.1 200 O\r\n\r\n"), 502);
}

static void first_line_is_judged_before_the_head_is_whole(void **state)
{
	(void)state;
	assert_int_equal(request("GET /\r\n"), 400);
	assert_int_equal(request("GET / HTTP/2.0\r\n"), 505);
	assert_int_equal(request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
	assert_int_equal(request("\x16\x03\x01"), 400);
	assert_int_equal(response("{\"error\":1}\n"), 502);
}

static void refusal_stays(void **state)
{
	struct outcome outcome;
	struct slice body;
	size_t used = 99;

	(void)state;
	begin(&outcome, READER_REQUEST);
	read_message(&outcome, SLICE("GET /\r\n"), SIZE_MAX);
	assert_int_equal(outcome.last, READER_BAD);
	assert_int_equal(
	    reader_step(&outcome.reader, SLICE("GET / HTTP/1.1\r\n"), &used, &body),
	    READER_BAD);
	assert_int_equal((int)used, 0);
	assert_false(reader_eof(&outcome.reader));
	assert_non_null(outcome.reader.bad_reason);
	end(&outcome);
}

/* "before", n times "fill", "after". */
static struct buf filled(
    const char *before, const char *fill, size_t n, const char *after)
{
	struct buf b = { 0 };

	buf_puts(&b, before);
	for (size_t i = 0; i < n; i++) {
		buf_puts(&b, fill);
	}
	buf_puts(&b, after);
	assert_false(b.failed);
	return b;
}

static void limits_hold_to_the_byte(void **state)
{
	static const struct {
		enum reader_role role;
		const char *before, *fill;
		size_t n;
		const char *after;
		int status;
	} cases[] = {
		{ READER_REQUEST, "GET /", "b", 16384 - 14,
		    " HTTP/1.1\r\nHost: h\r\n\r\n", 0 },
		{ READER_REQUEST, "GET /", "b", 16384 - 13,
		    " HTTP/1.1\r\nHost: h\r\n\r\n", 414 },
		{ READER_REQUEST, "GET / HTTP/1.1\r\nHost: h\r\n", "A: b\r\n", 99, "\r\n",
		    0 },
		{ READER_REQUEST, "GET / HTTP/1.1\r\nHost: h\r\n", "A: b\r\n", 100,
		    "\r\n", 431 },
		{ READER_REQUEST, "GET / HTTP/1.1\r\nHost: h\r\nA: ", "b", 65536 - 32,
		    "\r\n\r\n", 0 },
		{ READER_REQUEST, "GET / HTTP/1.1\r\nHost: h\r\nA: ", "b", 65536 - 31,
		    "\r\n\r\n", 431 },
		{ READER_RESPONSE, "HTTP/1.1 204 N\r\nA: ", "b", 65536, "\r\n\r\n", 502 },
		{ READER_RESPONSE,
		    "HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x",
		    4096 - 4, "\r\nx\r\n0\r\n\r\n", 0 },
		{ READER_RESPONSE,
		    "HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x",
		    4096 - 3, "\r\nx\r\n0\r\n\r\n", 502 },
		{ READER_RESPONSE, "HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\n",
		    "1;123\r\nx\r\n", 4096, "0\r\n\r\n", 0 },
		{ READER_RESPONSE, "HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\n",
		    "1;123\r\nx\r\n", 4097, "0\r\n\r\n", 502 },
		{ READER_RESPONSE,
		    "HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
		    "A: b\r\n", 100, "\r\n", 0 },
		{ READER_RESPONSE,
		    "HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
		    "A: b\r\n", 101, "\r\n", 502 },
		{ READER_RESPONSE,
		    "HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", "b",
		    65536, "\r\n\r\n", 502 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf text =
		    filled(cases[i].before, cases[i].fill, cases[i].n, cases[i].after);

		assert_int_equal(
		    verdict(cases[i].role, buf_slice(&text)), cases[i].status);
		buf_finish(&text);
	}
}

static void endless_input_is_not_kept(void **state)
{
	struct buf text = filled("GET / HTTP/1.1\r\nA: ", "x", 1 << 20, "");
	struct outcome outcome;

	(void)state;
	begin(&outcome, READER_REQUEST);
	read_message(&outcome, buf_slice(&text), SIZE_MAX);
	assert_int_equal(outcome.last, READER_BAD);
	assert_true(outcome.reader.head_bytes.len <= gate_limits_default.head);
	assert_true(outcome.used <= gate_limits_default.head);
	end(&outcome);
	buf_finish(&text);
}

static void chunk_ends_are_checked(void **state)
{
#define CHUNKED "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	(void)state;
	assert_int_equal(request(CHUNKED "3\r\nxyzQQ0\r\n\r\n"), 400);
	assert_int_equal(request(CHUNKED "3\r\nxyz\n0\r\n\r\n"), 400);
	assert_int_equal(request(CHUNKED "3\r\nxyz\r\r\n"), 400);
	assert_int_equal(request(CHUNKED "3\rQxyz\r\n0\r\n\r\n"), 400);
	assert_int_equal(request(CHUNKED "3\nxyz\r\n0\r\n\r\n"), 400);
	assert_int_equal(request(CHUNKED "3\r\nxyzz\r\n"), 400);
	assert_int_equal(request(CHUNKED "\r\n"), 400);
	assert_int_equal(request(CHUNKED "0\r\nGET / HTTP/1.1\r\n"), 400);
	assert_int_equal(request(CHUNKED "0\r\n X: y\r\n"), 400);
	assert_int_equal(request(CHUNKED "0\r\n"), -1);
#undef CHUNKED
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_one_message_and_leaves_the_next),
		cmocka_unit_test(chunks_are_decoded_and_trailers_sifted),
		cmocka_unit_test(methods_that_http_parser_does_not_know_pass),
		cmocka_unit_test(legal_oddities_pass_http_parser),
		cmocka_unit_test(upgrade_and_connect_end_where_their_head_says),
		cmocka_unit_test(responses_without_body_end_at_their_head),
		cmocka_unit_test(eof_ends_only_what_lasts_until_close),
		cmocka_unit_test(few_empty_lines_before_a_request_are_skipped),
		cmocka_unit_test(first_line_is_judged_before_the_head_is_whole),
		cmocka_unit_test(refusal_stays),
		cmocka_unit_test(limits_hold_to_the_byte),
		cmocka_unit_test(endless_input_is_not_kept),
		cmocka_unit_test(chunk_ends_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

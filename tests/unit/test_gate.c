/* SPDX-License-Identifier: MIT */
/* What lines the gate lets through, and how it frames messages. */
#include "proxy/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the four above first */
#include <cmocka.h>

static struct refusal refusal;

/* 0 when the gate lets it through, else the status. */
static int request_line(const char *text, struct head *head)
{
	return gate_request_line(slice_of(text), head, &refusal) ? 0 : refusal.status;
}

static int status_line(const char *text, struct head *head)
{
	return gate_status_line(slice_of(text), head, &refusal) ? 0 : refusal.status;
}

static int request_fields(const char *text, struct head *head)
{
	char copy[1024];
	size_t len = strlen(text);

	memcpy(copy, text, len + 1);
	return gate_request_fields(copy, len, head, &refusal) ? 0 : refusal.status;
}

static int response_fields(const char *text, bool bodiless, struct head *head)
{
	char copy[1024];
	size_t len = strlen(text);

	memcpy(copy, text, len + 1);
	return gate_response_fields(copy, len, bodiless, head, &refusal) ? 0
	                                                                 : refusal.status;
}

static void any_token_is_a_method(void **state)
{
	struct head head;

	(void)state;
	assert_int_equal(request_line("QUERY / HTTP/1.1", &head), 0);
	assert_true(slice_eq(head.method, SLICE("QUERY")));
	assert_true(slice_eq(head.target, SLICE("/")));
	assert_int_equal(head.minor, 1);
	assert_int_equal(request_line("get /?q={|} HTTP/1.0", &head), 0);
	assert_int_equal(head.minor, 0);
	assert_int_equal(request_line("!#$%&'*+-.^_`|~09aZ / HTTP/1.1", &head), 0);
	assert_int_equal(request_line("GET: / HTTP/1.1", &head), 400);
	assert_int_equal(request_line("G(T / HTTP/1.1", &head), 400);
	assert_int_equal(request_line("G\xc3\xa9T / HTTP/1.1", &head), 400);
}

static void request_line_has_two_single_spaces(void **state)
{
	struct head head;

	(void)state;
	assert_int_equal(request_line("", &head), 400);
	assert_int_equal(request_line("GET", &head), 400);
	assert_int_equal(request_line("GET /", &head), 400);
	assert_int_equal(request_line("GET / ", &head), 400);
	assert_int_equal(request_line(" GET / HTTP/1.1", &head), 400);
	assert_int_equal(request_line("GET  / HTTP/1.1", &head), 400);
	assert_int_equal(request_line("GET /  HTTP/1.1", &head), 400);
	assert_int_equal(request_line("GET / HTTP/1.1 ", &head), 400);
	assert_int_equal(request_line("GET\t/ HTTP/1.1", &head), 400);
	assert_int_equal(request_line("GET / x HTTP/1.1", &head), 400);
}

static void target_bytes_are_those_of_a_uri(void **state)
{
	struct head head;

	(void)state;
	assert_int_equal(request_line("GET /a#b HTTP/1.1", &head), 400);
	assert_int_equal(request_line("GET /a\\b HTTP/1.1", &head), 400);
	assert_int_equal(request_line("GET /\x80 HTTP/1.1", &head), 400);
	assert_int_equal(request_line("GET /\x7f HTTP/1.1", &head), 400);
	assert_int_equal(request_line("GET /\t HTTP/1.1", &head), 400);
}

static void later_versions_are_505_and_no_versions_400(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ "HTTP/1.0", 0 },
		{ "HTTP/1.1", 0 },
		{ "HTTP/1.2", 0 },
		{ "HTTP/1.9", 0 },
		{ "HTTP/2.0", 505 },
		{ "HTTP/2", 505 },
		{ "HTTP/3.0", 505 },
		{ "HTTP/9.9", 505 },
		{ "HTTP/0.9", 400 },
		{ "HTTP/1", 400 },
		{ "HTTP/1.", 400 },
		{ "HTTP/1.1111", 400 },
		{ "HTTP/11.1", 400 },
		{ "HTTP/1,1", 400 },
		{ "HTTP/1.x", 400 },
		{ "HTTP/x.1", 400 },
		{ "Http/1.1", 400 },
		{ "HTTPS/1.1", 400 },
		{ "ICY", 400 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[64];
		struct head head;

		(void)snprintf(line, sizeof(line), "GET / %s", cases[i].text);
		assert_int_equal(request_line(line, &head), cases[i].status);
	}
}

static void status_is_three_digits_from_100(void **state)
{
	struct head head;

	(void)state;
	assert_int_equal(status_line("HTTP/1.1 200 OK", &head), 0);
	assert_int_equal(head.status, 200);
	assert_true(slice_eq(head.reason, SLICE("OK")));
	assert_int_equal(status_line("HTTP/1.0 404 Not Found \xe9\t", &head), 0);
	assert_int_equal(status_line("HTTP/1.1 200 ", &head), 0);
	assert_int_equal(status_line("HTTP/1.1 999", &head), 0);
	assert_int_equal((int)head.reason.len, 0);
	assert_int_not_equal(status_line("HTTP/1.1 099 X", &head), 0);
	assert_int_not_equal(status_line("HTTP/1.1 20 X", &head), 0);
	assert_int_not_equal(status_line("HTTP/1.1 2000 X", &head), 0);
	assert_int_not_equal(status_line("HTTP/1.1  200 X", &head), 0);
	assert_int_not_equal(status_line("HTTP/1.1 +20 X", &head), 0);
	assert_int_not_equal(status_line("HTTP/1.1", &head), 0);
	assert_int_not_equal(status_line("HTTP/2.0 200 X", &head), 0);
	assert_int_not_equal(status_line("HTTP/1.1 200 a\x1b[0m", &head), 0);
}

static void field_line_is_token_colon_value(void **state)
{
	struct field field;

	(void)state;
	assert_true(gate_field_line(SLICE("X-A:\t b \xc3\xa9 "), &field, &refusal));
	assert_true(slice_eq(field.name, SLICE("X-A")));
	assert_true(slice_eq(field.value, SLICE("b \xc3\xa9")));
	assert_true(gate_field_line(SLICE("X-Empty:"), &field, &refusal));
	assert_false(gate_field_line(SLICE(" X: folded"), &field, &refusal));
	assert_false(gate_field_line(SLICE("\tX: folded"), &field, &refusal));
	assert_false(gate_field_line(SLICE("X : a"), &field, &refusal));
	assert_false(gate_field_line(SLICE("X\t: a"), &field, &refusal));
	assert_false(gate_field_line(SLICE(": a"), &field, &refusal));
	assert_false(gate_field_line(SLICE(":path: a"), &field, &refusal));
	assert_false(gate_field_line(SLICE("X a"), &field, &refusal));
	assert_false(gate_field_line(SLICE("\x80: a"), &field, &refusal));
	assert_false(gate_field_line(SLICE("X: a\0b"), &field, &refusal));
	assert_false(gate_field_line(SLICE("X: \x7f"), &field, &refusal));
	assert_false(gate_field_line(SLICE("X: a\rb"), &field, &refusal));
}

static void content_length_is_one_number(void **state)
{
	static const char *const bad[] = { "+3", "-3", "0x3", "3,3", "3 3", "", " ", "3.",
		"3_", "3\xa0", "9223372036854775808", "36893488147419103235", "3;q" };
	struct head head = { .minor = 1, .method = SLICE("PUT") };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[128];

		(void)snprintf(
		    text, sizeof(text), "Host: a\r\nContent-Length: %s\r\n", bad[i]);
		assert_int_equal(request_fields(text, &head), 400);
	}
	assert_int_equal(
	    request_fields("Host: a\r\nContent-Length: 9223372036854775807\r\n", &head),
	    0);
	assert_int_equal(head.framing, FRAMING_LENGTH);
	assert_true(head.length == INT64_MAX);
	assert_int_equal(
	    request_fields("Host: a\r\ncontent-length:\t003 \t\r\n", &head), 0);
	assert_true(head.length == 3);
	assert_int_equal(
	    request_fields(
	        "Host: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n", &head),
	    400);
}

static void transfer_encoding_is_one_chunked(void **state)
{
	static const struct {
		const char *fields;
		int status;
	} cases[] = {
		{ "Transfer-Encoding: chunked\r\n", 0 },
		{ "transfer-encoding:CHUNKED\t\r\n", 0 },
		{ "Transfer-Encoding: gzip\r\n", 501 },
		{ "Transfer-Encoding: identity\r\n", 501 },
		{ "Transfer-Encoding: xchunked\r\n", 501 },
		{ "Transfer-Encoding: gzip, chunked\r\n", 400 },
		{ "Transfer-Encoding: chunked, chunked\r\n", 400 },
		{ "Transfer-Encoding: chunked;q=1\r\n", 400 },
		{ "Transfer-Encoding: \"chunked\"\r\n", 400 },
		{ "Transfer-Encoding: chunked\xa0\r\n", 400 },
		{ "Transfer-Encoding: \r\n", 400 },
		{ "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400 },
		{ "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400 },
		{ "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct head head = { .minor = 1, .method = SLICE("PUT") };
		struct head old = { .minor = 0, .method = SLICE("PUT") };
		char text[160];

		(void)snprintf(text, sizeof(text), "Host: a\r\n%s", cases[i].fields);
		assert_int_equal(request_fields(text, &head), cases[i].status);
		assert_int_equal(request_fields(text, &old), 400);
	}
}

static void request_has_one_valid_host(void **state)
{
	struct head head = { .minor = 1, .method = SLICE("GET") };
	struct head old = { .minor = 0, .method = SLICE("CONNECT") };

	(void)state;
	assert_int_equal(request_fields("Host: api.resend.com\r\n", &head), 0);
	assert_int_equal(request_fields("HOST: [::1]:8080\r\n", &head), 0);
	assert_int_equal(request_fields("", &old), 0);
	assert_int_equal(request_fields("", &head), 400);
	assert_int_equal(request_fields("Host:\r\n", &head), 400);
	assert_int_equal(request_fields("Host: a\r\nHost: a\r\n", &head), 400);
	assert_int_equal(request_fields("Host: a\r\nHost: a\r\n", &old), 400);
	assert_int_equal(request_fields("Host: a,b\r\n", &head), 400);
	assert_int_equal(request_fields("Host: a b\r\n", &head), 400);
	assert_int_equal(request_fields("Host: u@a\r\n", &head), 400);
	assert_int_equal(request_fields("Host: a/\r\n", &head), 400);
	assert_int_equal(request_fields("Host: a:0\r\n", &head), 400);
	assert_int_equal(request_fields("Host: a:65536\r\n", &head), 400);
}

static void connect_has_no_body(void **state)
{
	struct head head = { .minor = 1, .method = SLICE("CONNECT") };

	(void)state;
	assert_int_equal(request_fields("Host: a\r\nContent-Length: 0\r\n", &head), 0);
	assert_int_equal(request_fields("Host: a\r\nContent-Length: 3\r\n", &head), 400);
	assert_int_equal(
	    request_fields("Host: a\r\nTransfer-Encoding: chunked\r\n", &head), 400);
}

static void connection_decides_keep_alive(void **state)
{
	struct head head = { .minor = 1, .method = SLICE("GET"), .status = 200 };
	struct head old = { .minor = 0, .method = SLICE("GET"), .status = 200 };

	(void)state;
	assert_int_equal(request_fields("Host: a\r\n", &head), 0);
	assert_true(head.keep_alive);
	assert_int_equal(request_fields("Host: a\r\nConnection: x, Close\r\n", &head), 0);
	assert_false(head.keep_alive);
	assert_int_equal(request_fields("Host: a\r\nConnection: closed\r\n", &head), 0);
	assert_true(head.keep_alive);
	assert_int_equal(request_fields("Connection: keep-alive\r\n", &old), 0);
	assert_false(old.keep_alive);
	assert_int_equal(
	    response_fields(
	        "Connection: keep-alive\r\nContent-Length: 1\r\n", false, &old),
	    0);
	assert_true(old.keep_alive);
	assert_int_equal(response_fields("Content-Length: 1\r\n", false, &old), 0);
	assert_false(old.keep_alive);
	assert_int_equal(response_fields("", false, &head), 0);
	assert_int_equal(head.framing, FRAMING_UNTIL_CLOSE);
	assert_false(head.keep_alive);
}

static void only_100_continue_with_a_body_is_expected(void **state)
{
	struct head head = { .minor = 1, .method = SLICE("PUT") };
	struct head old = { .minor = 0, .method = SLICE("PUT") };

	(void)state;
	assert_int_equal(
	    request_fields(
	        "Host: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n", &head),
	    0);
	assert_true(head.expect_continue);
	assert_int_equal(
	    request_fields(
	        "Host: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n", &old),
	    0);
	assert_false(old.expect_continue);
	assert_int_equal(request_fields("Host: a\r\nExpect: 100-continue\r\n", &head), 0);
	assert_false(head.expect_continue);
	assert_int_equal(
	    request_fields(
	        "Host: a\r\nExpect: 200-maybe\r\nContent-Length: 3\r\n", &head),
	    0);
	assert_false(head.expect_continue);
}

static void some_responses_have_no_body_whatever_they_say(void **state)
{
	static const int bodiless[] = { 100, 101, 103, 199, 204, 304 };

	(void)state;
	for (size_t i = 0; i < sizeof(bodiless) / sizeof(bodiless[0]); i++) {
		struct head head = { .minor = 1, .status = bodiless[i] };

		assert_int_equal(
		    response_fields("Content-Length: 7\r\n", false, &head), 0);
		assert_int_equal(head.framing, FRAMING_NONE);
		assert_true(head.length == 0);
	}
	for (int answers_head = 0; answers_head < 2; answers_head++) {
		struct head head = { .minor = 1, .status = 200 };

		assert_int_equal(response_fields("Transfer-Encoding: chunked\r\n",
		                     answers_head == 1, &head),
		    0);
		assert_int_equal(
		    head.framing, answers_head ? FRAMING_NONE : FRAMING_CHUNKED);
	}
}

static void chunk_line_is_hexadecimal_with_extensions(void **state)
{
	static const char *const bad[] = { "", " 3", "3 ", "3\t", "3 q", "0x3", "+3",
		"-3", "zz", "\3773", "3\xa0", "00000000000000003", "8000000000000000",
		";a", "3;\x01" };
	uint64_t size = 0;
	size_t digits = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(gate_chunk_line(slice_of(bad[i]), &size, &digits, &refusal));
		assert_int_equal(refusal.status, 400);
	}
	assert_true(gate_chunk_line(SLICE("fF;a=\"b;c\""), &size, &digits, &refusal));
	assert_true(size == 255 && digits == 2);
	assert_true(gate_chunk_line(SLICE("3 \t; a = b"), &size, &digits, &refusal));
	assert_true(size == 3 && digits == 1);
	assert_true(gate_chunk_line(SLICE("7fffffffffffffff"), &size, &digits, &refusal));
	assert_true(size == INT64_MAX);
	assert_true(gate_chunk_line(SLICE("0000000000000000"), &size, &digits, &refusal));
	assert_true(size == 0);
}

static void trailers_neither_frame_nor_route_nor_authenticate(void **state)
{
	static const char *const bad[] = { "Content-Length", "content-type", "HOST",
		"Cookie", "Set-Cookie", "Set-Cookie2", "Transfer-Encoding", "TE",
		"Trailer", "Connection", "Authorization", "Proxy-Authorization",
		"X-Forwarded-For", "X-Waybill-Entity" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(gate_trailer_allowed(slice_of(bad[i])));
	}
	assert_true(gate_trailer_allowed(SLICE("X-Sum")));
	assert_true(gate_trailer_allowed(SLICE("ETag")));
	assert_true(gate_trailer_allowed(SLICE("Server-Timing")));
	assert_true(gate_trailer_allowed(SLICE("Digest")));
}

static void scan_stops_at_a_bare_cr_or_lf_and_at_control_bytes(void **state)
{
	size_t used = 0;

	(void)state;
	assert_int_equal(gate_scan(SLICE("ab\r\ncd"), false, &used), GATE_SCAN_LINE);
	assert_int_equal((int)used, 4);
	assert_int_equal(gate_scan(SLICE("\ncd"), true, &used), GATE_SCAN_LINE);
	assert_int_equal((int)used, 1);
	assert_int_equal(gate_scan(SLICE("ab\r"), false, &used), GATE_SCAN_MORE);
	assert_int_equal((int)used, 3);
	assert_int_equal(gate_scan(SLICE("ab\n"), false, &used), GATE_SCAN_BAD);
	assert_int_equal((int)used, 3);
	assert_int_equal(gate_scan(SLICE("ab\r\r\n"), false, &used), GATE_SCAN_BAD);
	assert_int_equal(gate_scan(SLICE("x"), true, &used), GATE_SCAN_BAD);
	assert_int_equal(gate_scan(SLICE("a\0b\r\n"), false, &used), GATE_SCAN_BAD);
	assert_int_equal((int)used, 2);
	assert_int_equal(gate_scan(SLICE("a\x1b"), false, &used), GATE_SCAN_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_token_is_a_method),
		cmocka_unit_test(request_line_has_two_single_spaces),
		cmocka_unit_test(target_bytes_are_those_of_a_uri),
		cmocka_unit_test(later_versions_are_505_and_no_versions_400),
		cmocka_unit_test(status_is_three_digits_from_100),
		cmocka_unit_test(field_line_is_token_colon_value),
		cmocka_unit_test(content_length_is_one_number),
		cmocka_unit_test(transfer_encoding_is_one_chunked),
		cmocka_unit_test(request_has_one_valid_host),
		cmocka_unit_test(connect_has_no_body),
		cmocka_unit_test(connection_decides_keep_alive),
		cmocka_unit_test(only_100_continue_with_a_body_is_expected),
		cmocka_unit_test(some_responses_have_no_body_whatever_they_say),
		cmocka_unit_test(chunk_line_is_hexadecimal_with_extensions),
		cmocka_unit_test(trailers_neither_frame_nor_route_nor_authenticate),
		cmocka_unit_test(scan_stops_at_a_bare_cr_or_lf_and_at_control_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

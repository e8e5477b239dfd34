/* SPDX-License-Identifier: MIT */
/* Which request targets and authorities are understood, and as what. */
#include "proxy/target.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka wants some of the above first */
#include <cmocka.h>

static struct target target;

static int parse(const char *method, const char *text)
{
	const char *reason = NULL;
	int rc = target_parse(slice_of(method), slice_of(text), &target, &reason);

	assert_true((rc == 0) == (reason == NULL));
	return rc;
}

static bool is(struct slice got, const char *expected)
{
	return slice_eq(got, slice_of(expected));
}

static void origin_form_is_a_path(void **state)
{
	(void)state;
	assert_int_equal(parse("GET", "/a//b?x=/../{y}"), 0);
	assert_int_equal(target.form, TARGET_ORIGIN);
	assert_true(is(target.path_and_query, "/a//b?x=/../{y}"));
	assert_int_equal((int)target.host.len, 0);
	assert_int_equal(target.port, 0);
}

static void absolute_form_gives_host_port_and_path(void **state)
{
	(void)state;
	assert_int_equal(parse("POST", "http://API.resend.com/emails?x=1"), 0);
	assert_int_equal(target.form, TARGET_ABSOLUTE_HTTP);
	assert_true(is(target.host, "API.resend.com"));
	assert_int_equal(target.port, 80);
	assert_false(target.port_given);
	assert_true(is(target.path_and_query, "/emails?x=1"));
	assert_int_equal(parse("POST", "HTTPS://a.example.:8443/x@y:z"), 0);
	assert_int_equal(target.form, TARGET_ABSOLUTE_HTTPS);
	assert_true(is(target.host, "a.example"));
	assert_true(is(target.authority, "a.example.:8443"));
	assert_true(target.trailing_dot && target.port_given);
	assert_int_equal(target.port, 8443);
	assert_int_equal(parse("GET", "https://a:/"), 0);
	assert_int_equal(target.port, 443);
	assert_int_equal(parse("GET", "http://[2001:db8::1]:81/"), 0);
	assert_true(target.host_is_ipv6 && is(target.host, "2001:db8::1"));
	assert_int_equal(target.port, 81);
}

static void absent_path_is_made_up(void **state)
{
	(void)state;
	assert_int_equal(parse("GET", "http://a"), 0);
	assert_true(is(target.path_and_query, "/") && !target.add_slash);
	assert_int_equal(parse("GET", "http://a:81?x=/y"), 0);
	assert_true(is(target.path_and_query, "?x=/y") && target.add_slash);
	assert_int_equal(target.port, 81);
	assert_int_equal(parse("OPTIONS", "http://a"), 0);
	assert_true(is(target.path_and_query, "*") && !target.add_slash);
	assert_int_equal(parse("OPTIONS", "http://a/"), 0);
	assert_true(is(target.path_and_query, "/"));
}

static void asterisk_is_for_options_only(void **state)
{
	(void)state;
	assert_int_equal(parse("OPTIONS", "*"), 0);
	assert_int_equal(target.form, TARGET_ASTERISK);
	assert_int_equal(parse("GET", "*"), -EINVAL);
	assert_int_equal(parse("options", "*"), -EINVAL);
}

static void connect_takes_host_and_port_only(void **state)
{
	static const char *const bad[] = { "a", "a:", "a:0", "a:65536", "a:http",
		"a:443:443", "a:00443x", "a:443/", "u@a:443", "[::1:443", "[::1]",
		"::1:443", "[]:443", ":443", "http://a:443", "a:443?x", "a b:443", "*",
		"/", "[::1%25eth0]:443", "[v1.x]:443", "[1.2.3.4]:443", "a..b:443",
		".a:443", ".:443", "a,b:443", "a%41:443", "a:+443", "a:443#", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse("CONNECT", bad[i]), -EINVAL);
	}
	assert_int_equal(parse("CONNECT", "api.resend.com:443"), 0);
	assert_int_equal(target.form, TARGET_AUTHORITY);
	assert_true(is(target.host, "api.resend.com"));
	assert_int_equal(target.port, 443);
	assert_int_equal(parse("CONNECT", "[::1]:8443"), 0);
	assert_true(is(target.host, "::1"));
	assert_int_equal(parse("CONNECT", "under_score:1"), 0);
	assert_int_equal(parse("CONNECT", "127.0.0.1:65535"), 0);
}

static void other_targets_are_refused(void **state)
{
	static const char *const bad[] = { "", "a", "a:80", "ftp://a/", "ws://a/",
		"wss://a/", "http:/a", "http:a", "http://", "http:///x", "http://:80/",
		"http://?x", "http://u@a/", "http://u:p@a/", "http://a:70000/",
		"http://a:8 0/", "http://a/#f", "/#", "/a\\b", "http://a\\b/",
		"http://a\\@b/", "/\x80", "/\x7f", "/ ", "\t/", "http://a..b/",
		"http://[::1/", "http://[::1]x/", "http://a:80:80/", "http://a%2eb/",
		"http://a,b/" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse("GET", bad[i]), -EINVAL);
	}
}

static void host_length_is_bounded(void **state)
{
	char text[400] = "http://";

	(void)state;
	memset(text + 7, 'a', 64);
	assert_int_equal(parse("GET", text), -EINVAL);
	text[7 + 63] = 0;
	assert_int_equal(parse("GET", text), 0);
	for (size_t i = 7; i < 7 + 257; i++) {
		text[i] = (i & 1) ? 'a' : '.';
	}
	assert_int_equal(parse("GET", text), -EINVAL);
	text[7 + 255] = 0;
	assert_int_equal(parse("GET", text), 0);
}

static void authority_has_a_default_port(void **state)
{
	struct slice host;
	int port = 0;

	(void)state;
	assert_true(authority_parse(SLICE("a.b."), 443, &host, &port));
	assert_true(is(host, "a.b"));
	assert_int_equal(port, 443);
	assert_true(authority_parse(SLICE("a:"), 80, &host, &port));
	assert_int_equal(port, 80);
	assert_true(authority_parse(SLICE("[::1]:9"), 80, &host, &port));
	assert_true(is(host, "::1"));
	assert_int_equal(port, 9);
	assert_false(authority_parse(SLICE("a"), 0, &host, &port));
	assert_false(authority_parse(SLICE(""), 80, &host, &port));
	assert_false(authority_parse((struct slice){ NULL, 0 }, 80, &host, &port));
	assert_false(authority_parse(SLICE("a, b"), 80, &host, &port));
	assert_false(authority_parse(SLICE("a\0"), 80, &host, &port));
}

static void hosts_are_equal_but_for_case_and_dot(void **state)
{
	(void)state;
	assert_true(host_equal(SLICE("A.Example"), SLICE("a.example.")));
	assert_false(host_equal(SLICE("a.example"), SLICE("a.example.com")));
	assert_false(host_equal(SLICE("a"), SLICE("")));
}

static void numbers_that_resolve_as_addresses_are_told(void **state)
{
	static const char *const disguised[] = { "127.1", "2130706433", "0177.0.0.1",
		"0x7f.1", "0x7f000001", "0X7F.0.0.1", "1.2.3.4.5", "127.0.0.256",
		"127.1.", "a.1" };
	static const char *const plain[] = { "127.0.0.1", "127.0.0.1.", "a.example",
		"::1", "1a", "0xg", "a.0x1.b", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(disguised) / sizeof(disguised[0]); i++) {
		assert_true(host_is_disguised_ipv4(slice_of(disguised[i])));
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		assert_false(host_is_disguised_ipv4(slice_of(plain[i])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origin_form_is_a_path),
		cmocka_unit_test(absolute_form_gives_host_port_and_path),
		cmocka_unit_test(absent_path_is_made_up),
		cmocka_unit_test(asterisk_is_for_options_only),
		cmocka_unit_test(connect_takes_host_and_port_only),
		cmocka_unit_test(other_targets_are_refused),
		cmocka_unit_test(host_length_is_bounded),
		cmocka_unit_test(authority_has_a_default_port),
		cmocka_unit_test(hosts_are_equal_but_for_case_and_dot),
		cmocka_unit_test(numbers_that_resolve_as_addresses_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_preface: the PROXY protocol's line, strictly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/preface.h"

#define LINE "PROXY TCP4 192.0.2.1 203.0.113.10 50000 443\r\n"

static void a_line_names_the_destination(void **state)
{
	struct preface preface;

	(void)state;
	assert_int_equal(
	    preface_read(SLICE(LINE "\x16\x03\x01"), &preface), PREFACE_READ);
	assert_string_equal(preface.host, "203.0.113.10");
	assert_int_equal(preface.port, 443);
	assert_int_equal(preface.len, sizeof(LINE) - 1);
	assert_int_equal(
	    preface_read(
	        SLICE("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n"), &preface),
	    PREFACE_READ);
	assert_string_equal(preface.host, "2001:db8::2");
	assert_int_equal(preface.port, 65535);
}

static void each_beginning_may_become_one(void **state)
{
	struct preface preface;

	(void)state;
	for (size_t len = 0; len < sizeof(LINE) - 1; len++) {
		assert_int_equal(
		    preface_read((struct slice){ LINE, len }, &preface), PREFACE_MORE);
	}
}

static void other_beginnings_are_none(void **state)
{
	static const char *const lines[] = { "GET / HTTP/1.1\r\n",
		"POST http://a/ HTTP/1.1", "PROXY http://a.example/ HTTP/1.1\r\n",
		"PROXY TCP5 ", "PROXY TCP45", "proxy TCP4 ", "PROXY UNKNOWN\r\n",
		"PROXY  TCP4 ", "\r\n\r\n" };
	struct preface preface;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(
		    preface_read(slice_of(lines[i]), &preface), PREFACE_NONE);
	}
}

static void broken_lines_are_refused(void **state)
{
	static const char *const lines[] = {
		"PROXY TCP4 192.0.2.1 203.0.113.10 50000 443\n",
		"PROXY TCP4 \r\n",
		"PROXY TCP4 192.0.2.1 203.0.113.10 50000\r\n",
		"PROXY TCP4 192.0.2.1 203.0.113.10 50000 443 \r\n",
		"PROXY TCP4 192.0.2.1 203.0.113.10 50000 443 x\r\n",
		"PROXY TCP4  192.0.2.1 203.0.113.10 50000 443\r\n",
		"PROXY TCP4 192.0.2.1 203.0.113.10 50000 0443\r\n",
		"PROXY TCP4 192.0.2.1 203.0.113.10 50000 0\r\n",
		"PROXY TCP4 192.0.2.1 203.0.113.10 50000 65536\r\n",
		"PROXY TCP4 192.0.2.1 203.0.113.10 50000 -1\r\n",
		"PROXY TCP4 192.0.2.1 203.0.113.10 5e4 443\r\n",
		"PROXY TCP4 192.0.2.1 api.resend.com 50000 443\r\n",
		"PROXY TCP4 192.0.2.1 203.0.113 50000 443\r\n",
		"PROXY TCP4 192.0.2.1 2001:db8::2 50000 443\r\n",
		"PROXY TCP6 192.0.2.1 203.0.113.10 50000 443\r\n",
		"PROXY TCP6 2001:db8::1%eth0 2001:db8::2 1 443\r\n",
		"PROXY TCP4 192.0.2.1 203.0.113.10 50000 443\r\r\n",
		/* as long as may be, and no end in sight */
		("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 65535655350000000000"),
	};
	struct preface preface;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(preface_read(slice_of(lines[i]), &preface), PREFACE_BAD);
	}
	assert_int_equal(
	    preface_read((struct slice){ "PROXY TCP4 192.0.2.1\0 203.0.113.10"
	                                 " 50000 443\r\n",
	                     46 },
	        &preface),
	    PREFACE_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_names_the_destination),
		cmocka_unit_test(each_beginning_may_become_one),
		cmocka_unit_test(other_beginnings_are_none),
		cmocka_unit_test(broken_lines_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

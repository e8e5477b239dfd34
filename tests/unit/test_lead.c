/* SPDX-License-Identifier: MIT */
/* What libwaybill-connect.so leads, and that the proxy reads its line. */
#include "clients/connect/lead.h"
#include "proxy/preface.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants some of the above first */
#include <cmocka.h>

static struct lead_address address_of(const char *text, int port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	struct lead_address address;

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		assert_true(
		    lead_address_read((struct sockaddr *)&v4, sizeof(v4), &address));
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
		assert_true(
		    lead_address_read((struct sockaddr *)&v6, sizeof(v6), &address));
	}
	assert_int_equal(address.port, port);
	return address;
}

static void only_global_addresses_are_led(void **state)
{
	static const struct {
		const char *text;
		bool global;
	} cases[] = {
		{ "8.8.8.8", true },
		{ "1.0.0.1", true },
		{ "203.0.113.10", true },
		{ "223.255.255.255", true },
		{ "172.15.255.255", true },
		{ "172.32.0.0", true },
		{ "100.128.0.0", true },
		{ "198.20.0.1", true },
		{ "0.0.0.0", false },
		{ "10.255.255.255", false },
		{ "100.64.0.1", false },
		{ "127.0.0.1", false },
		{ "169.254.169.254", false },
		{ "172.16.0.1", false },
		{ "172.31.255.255", false },
		{ "192.0.0.8", false },
		{ "192.168.1.1", false },
		{ "198.19.255.255", false },
		{ "224.0.0.1", false },
		{ "255.255.255.255", false },
		{ "::ffff:8.8.8.8", true },
		{ "::ffff:10.0.0.1", false },
		{ "2606:4700::1", true },
		{ "2a00::1", true },
		{ "2001:db8::10", true },
		{ "3fff:ffff::1", true },
		{ "::", false },
		{ "::1", false },
		{ "::8.8.8.8", false },
		{ "64:ff9b::808:808", false },
		{ "2001:0:1::1", false },
		{ "2002:808:808::1", false },
		{ "4000::1", false },
		{ "fc00::1", false },
		{ "fe80::1", false },
		{ "ff02::1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lead_address address = address_of(cases[i].text, 443);

		if (lead_is_global(&address) != cases[i].global) {
			fail_msg("%s", cases[i].text);
		}
	}
}

static void what_is_no_address_is_not_read(void **state)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr other = { .sa_family = AF_UNSPEC };
	struct lead_address address;

	(void)state;
	assert_false(lead_address_read((struct sockaddr *)&v4, 0, &address));
	assert_false(lead_address_read((struct sockaddr *)&v4, sizeof(v4) - 1, &address));
	assert_true(lead_address_read((struct sockaddr *)&v6, 24, &address));
	assert_false(lead_address_read((struct sockaddr *)&v6, 23, &address));
	assert_false(lead_address_read(&other, sizeof(other), &address));
}

static void the_proxy_reads_the_line(void **state)
{
	static const struct {
		const char *source;
		const char *asked;
		const char *line;
	} cases[] = {
		{ "127.0.0.1", "203.0.113.10",
		    "PROXY TCP4 127.0.0.1 203.0.113.10 65535 443\r\n" },
		{ "::1", "255.255.255.255",
		    "PROXY TCP4 127.0.0.1 255.255.255.255 65535 443\r\n" },
		{ "::ffff:127.0.0.1", "8.8.8.8",
		    "PROXY TCP4 127.0.0.1 8.8.8.8 65535 443\r\n" },
		{ "127.0.0.1", "2001:db8::10",
		    "PROXY TCP6 0:0:0:0:0:ffff:7f00:1 2001:db8:0:0:0:0:0:10 65535 443\r\n" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 443\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lead_address source = address_of(cases[i].source, 65535);
		struct lead_address asked = address_of(cases[i].asked, 443);
		struct preface preface;
		char line[LEAD_LINE_MAX];
		size_t len = lead_line(&source, &asked, line);

		assert_int_equal((int)len, (int)strlen(cases[i].line));
		assert_memory_equal(line, cases[i].line, len);
		assert_int_equal(
		    preface_read((struct slice){ line, len }, &preface), PREFACE_READ);
		assert_int_equal(preface.port, 443);
		asked = address_of(preface.host, 443);
		source = address_of(cases[i].asked, 443);
		assert_memory_equal(asked.bytes, source.bytes, 16);
	}
}

static void the_proxys_address_is_found_in_both_forms(void **state)
{
	static const struct {
		const char *text;
		const char *host; /* NULL: none */
		const char *port;
	} cases[] = {
		{ "127.0.0.1:8080", "127.0.0.1", "8080" },
		{ "waybill:80", "waybill", "80" },
		{ "[::1]:8080", "::1", "8080" },
		{ "http://127.0.0.1:8080", "127.0.0.1", "8080" },
		{ "http://user:p%40s@s:1@[::1]:8080/x@y", "::1", "8080" },
		{ "http://h:1?x:2@z", "h", "1" },
		{ "", NULL, NULL },
		{ "127.0.0.1", NULL, NULL },
		{ "127.0.0.1:", NULL, NULL },
		{ ":8080", NULL, NULL },
		{ "h:123456", NULL, NULL },
		{ "h:80a", NULL, NULL },
		{ "[::1]", NULL, NULL },
		{ "[::1:8080", NULL, NULL },
		{ "http://", NULL, NULL },
		{ "https://h:1", NULL, NULL },
		{ "a-name-that-is-too-long-for-its-buffer:1", NULL, NULL },
	};

	char host[32];
	char port[6];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = lead_split(cases[i].text, host, sizeof(host), port);

		if (found != (cases[i].host != NULL)) {
			fail_msg("%s", cases[i].text);
		}
		if (found) {
			assert_string_equal(host, cases[i].host);
			assert_string_equal(port, cases[i].port);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_global_addresses_are_led),
		cmocka_unit_test(what_is_no_address_is_not_read),
		cmocka_unit_test(the_proxy_reads_the_line),
		cmocka_unit_test(the_proxys_address_is_found_in_both_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

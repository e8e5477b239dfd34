/* SPDX-License-Identifier: MIT */
#include "proxy/access.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool reachable(const struct proxy_settings *settings, const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		return access_address(settings, (struct sockaddr *)&v4);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return access_address(settings, (struct sockaddr *)&v6);
}

static void public_addresses_are_reachable(void **state)
{
	static const char *const addresses[] = { "8.8.8.8", "172.15.255.255",
		"172.32.0.1", "100.63.255.255", "100.128.0.1", "169.253.0.1",
		"192.167.1.1", "198.17.0.1", "2606:4700::1111", "2a00:1450::1",
		"223.255.255.255", "192.88.98.1", "2001:30::1", "3fff:1000::1",
		"2606:4700::5efe:808:808" };
	struct proxy_settings settings = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		assert_true(reachable(&settings, addresses[i]));
	}
}

static void private_and_translated_addresses_are_not(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "127.255.255.254",
		"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3", "192.0.0.8",
		"198.18.0.1", "198.19.255.255", "224.0.0.1", "255.255.255.255",
		"240.0.0.1", "::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
		"::127.0.0.1", "fc00::1", "fd12::1", "fe80::1", "fec0::1", "ff02::1",
		"64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1",
		"2001:db8::1", "192.88.99.1", "::ffff:0:10.0.0.1", "2001:10::1",
		"2001:2f::1", "3fff:fff::1", "5f00::1", "2606:4700::5efe:a00:1",
		"2606:4700::200:5efe:7f00:1" };
	struct proxy_settings settings = { 0 };
	struct proxy_settings open = { .private_upstreams = true };

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		assert_false(reachable(&settings, addresses[i]));
		assert_true(reachable(&open, addresses[i]));
	}
}

static bool own(const struct proxy_settings *settings, const char *text, int port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		return access_own(settings, 8080, (struct sockaddr *)&v4, port);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return access_own(settings, 8080, (struct sockaddr *)&v6, port);
}

static void own_listeners_are_known_by_address_and_port(void **state)
{
	static const char *const here[] = { "127.0.0.1", "127.9.9.9", "0.0.0.0",
		"::ffff:127.0.0.1", "::" };
	atomic_int admin_port = 8081;
	struct proxy_settings settings = { .private_upstreams = true,
		.admin_port = &admin_port };
	struct proxy_settings alone = { .private_upstreams = true };

	(void)state;
	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
		assert_true(own(&settings, here[i], 8080));
		assert_true(own(&settings, here[i], 8081));
		assert_false(own(&settings, here[i], 8082));
		assert_false(own(&alone, here[i], 8081));
	}
	assert_false(own(&settings, "192.0.2.1", 8080));
	assert_false(own(&settings, "2001:db8::1", 8081));
}

static void a_client_is_known_by_its_range(void **state)
{
	static const struct address_range ranges[] = {
		{ { [10] = 0xff, 0xff, 127 }, 104 },
		{ { [15] = 1 }, 128 },
		{ { [10] = 0xff, 0xff, 10, 1, 2, 128 }, 121 },
	};
	struct proxy_settings settings = { .clients = ranges, .client_count = 3 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_addr = in6addr_loopback };

	(void)state;
	assert_true(access_client(&settings, (struct sockaddr *)&v6));
	v4.sin_addr.s_addr = inet_addr("127.9.9.9");
	assert_true(access_client(&settings, (struct sockaddr *)&v4));
	v4.sin_addr.s_addr = inet_addr("10.1.2.200");
	assert_true(access_client(&settings, (struct sockaddr *)&v4));
	v4.sin_addr.s_addr = inet_addr("10.1.2.127");
	assert_false(access_client(&settings, (struct sockaddr *)&v4));
	/* an IPv4 client of a dual-stack listener comes as a mapped address */
	(void)inet_pton(AF_INET6, "::ffff:127.0.0.1", &v6.sin6_addr);
	assert_true(access_client(&settings, (struct sockaddr *)&v6));
}

static void credentials_are_compared_raw_and_percent_decoded(void **state)
{
	static const struct credential known[] = { { "app", "s3cret" },
		{ "us%er", "p:w" } };
	struct proxy_settings settings = { .credentials = known, .credential_count = 2 };
	struct proxy_settings open = { 0 };

	(void)state;
	assert_true(access_credentials(&open, (struct slice){ NULL, 0 }));
	assert_false(access_credentials(&settings, (struct slice){ NULL, 0 }));
	assert_true(access_credentials(&settings, SLICE("Basic YXBwOnMzY3JldA==")));
	assert_true(access_credentials(&settings, SLICE("basic  YXBwOnMzY3JldA==")));
	assert_false(access_credentials(&settings, SLICE("Basic YXBwOnMzY3JlZA==")));
	assert_false(access_credentials(&settings, SLICE("Basic YXBwOnMzY3Jl")));
	assert_false(access_credentials(&settings, SLICE("Bearer YXBwOnMzY3JldA==")));
	assert_false(access_credentials(&settings, SLICE("Basic ")));
	assert_false(access_credentials(&settings, SLICE("Basic ====")));
	assert_true(
	    access_credentials(&settings, SLICE("Basic dXMlZXI6cDp3"))); /* us%er */
	assert_true(
	    access_credentials(&settings, SLICE("Basic dXMlMjVlcjpwOnc="))); /* us%25er */
}

static void connect_to_takes_any_host_or_port_where_it_is_left_out(void **state)
{
	static const struct connect_to entries[] = { { "api.resend.com", 443, "127.0.0.1",
		                                         1 },
		{ "", 8443, "127.0.0.1", 2 }, { "any.port", 0, "127.0.0.1", 3 } };
	struct proxy_settings settings = { .connect_to = entries, .connect_to_count = 3 };

	(void)state;
	assert_int_equal(
	    access_connect_to(&settings, SLICE("API.Resend.com."), 443)->target_port, 1);
	assert_null(access_connect_to(&settings, SLICE("api.resend.com"), 80));
	assert_int_equal(
	    access_connect_to(&settings, SLICE("x.y"), 8443)->target_port, 2);
	assert_int_equal(
	    access_connect_to(&settings, SLICE("any.port"), 99)->target_port, 3);
	assert_true(access_port(&settings, SLICE("any.port"), 99));
	assert_false(access_port(&settings, SLICE("other.port"), 99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_addresses_are_reachable),
		cmocka_unit_test(private_and_translated_addresses_are_not),
		cmocka_unit_test(own_listeners_are_known_by_address_and_port),
		cmocka_unit_test(a_client_is_known_by_its_range),
		cmocka_unit_test(credentials_are_compared_raw_and_percent_decoded),
		cmocka_unit_test(connect_to_takes_any_host_or_port_where_it_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

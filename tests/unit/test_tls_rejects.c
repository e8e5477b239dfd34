/* SPDX-License-Identifier: MIT */
#include "proxy/tls_reject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000000)

static const int64_t start = 5 * SECOND; /* a clock that began just now */

static void once_a_minute_for_each_client_and_host(void **state)
{
	struct tls_rejects *rejects = tls_rejects_create();

	(void)state;
	assert_true(tls_rejects_note(rejects, "10.0.0.1", "a.b", start, false));
	assert_false(tls_rejects_note(rejects, "10.0.0.1", "a.b", start, false));
	assert_true(tls_rejects_note(rejects, "10.0.0.2", "a.b", start, false));
	assert_true(tls_rejects_note(rejects, "10.0.0.1", "b.b", start, false));
	assert_false(
	    tls_rejects_note(rejects, "10.0.0.1", "a.b", start + 60 * SECOND - 1, false));
	assert_true(
	    tls_rejects_note(rejects, "10.0.0.1", "a.b", start + 60 * SECOND, false));
	assert_false(tls_rejects_tunnels(rejects, "10.0.0.1", "a.b", start));
	tls_rejects_destroy(rejects);
}

static void tunnelled_for_ten_minutes(void **state)
{
	struct tls_rejects *rejects = tls_rejects_create();

	(void)state;
	assert_true(tls_rejects_note(rejects, "::1", "a.b", start, true));
	assert_true(tls_rejects_tunnels(rejects, "::1", "a.b", start));
	assert_true(tls_rejects_tunnels(rejects, "::1", "a.b", start + 599 * SECOND));
	assert_false(tls_rejects_tunnels(rejects, "::1", "a.b", start + 600 * SECOND));
	assert_false(tls_rejects_tunnels(rejects, "::2", "a.b", start));
	assert_false(tls_rejects_tunnels(rejects, "::1", "a.c", start));
	tls_rejects_destroy(rejects);
	tls_rejects_destroy(NULL);
}

static void a_flood_of_hosts_is_bounded_and_passes(void **state)
{
	struct tls_rejects *rejects = tls_rejects_create();
	int noted = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		char host[64];

		(void)snprintf(host, sizeof(host), "h%d.amocrm.ru", i);
		noted += tls_rejects_note(rejects, "10.0.0.9", host, start, false);
	}
	assert_int_equal(noted, 512);
	/* their time is over: others take their places */
	assert_true(
	    tls_rejects_note(rejects, "10.0.0.1", "a.b", start + 60 * SECOND, true));
	assert_true(tls_rejects_tunnels(rejects, "10.0.0.1", "a.b", start + 61 * SECOND));
	tls_rejects_destroy(rejects);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_a_minute_for_each_client_and_host),
		cmocka_unit_test(tunnelled_for_ten_minutes),
		cmocka_unit_test(a_flood_of_hosts_is_bounded_and_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

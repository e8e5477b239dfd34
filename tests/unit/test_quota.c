/* SPDX-License-Identifier: MIT */
/*
 * What one client address may use, and rates in general.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/yaml.h"
#include "proxy/quota.h"
#include "proxy/settings.h"

#define SECOND INT64_C(1000000000)

static const int64_t start = 5 * SECOND; /* a clock that began just now */

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage made = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&made;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&made;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
		v6->sin6_family = AF_INET6;
	}
	return made;
}

static struct quota_client *enter(struct quota *quota, const char *text, int64_t now)
{
	struct sockaddr_storage from = address(text);
	struct quota_client *client = NULL;

	return quota_enter(quota, (struct sockaddr *)&from, now, &client) ? client : NULL;
}

static void as_many_at_once_as_fit_in_the_period_then_evenly(void **state)
{
	struct rate_limit limit = { .interval_ns = SECOND / 5, .period_ns = SECOND };
	struct rate rate = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(rate_take(&rate, &limit, start), 0);
	}
	assert_int_equal(rate_take(&rate, &limit, start), SECOND / 5);
	assert_int_equal(rate_take(&rate, &limit, start + SECOND / 5 - 1), 1);
	assert_int_equal(rate_take(&rate, &limit, start + SECOND / 5), 0);
	assert_int_equal(rate_take(&rate, &limit, start + SECOND / 5), SECOND / 5);
	/* a rest gives a period's worth back, and never more */
	for (int i = 0; i < 5; i++) {
		assert_int_equal(rate_take(&rate, &limit, start + 60 * SECOND), 0);
	}
	assert_true(rate_take(&rate, &limit, start + 60 * SECOND) > 0);
	limit.interval_ns = 0;
	assert_int_equal(rate_take(&rate, &limit, start), 0);
}

static void rates_are_read(void **state)
{
	static const char text[] = "good: [5/s, 20/m, 1000/h, none]\n"
	                           "bad: [0/s, 5, 5/d, /s, -1/s, 5 /s, ~, 1000001/s]\n";
	struct yaml *yaml = NULL;
	struct rate_limit limit = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(yaml_parse("t.yaml", slice_of(text), &yaml, &err), 0);
	for (size_t i = 0; i < 4; i++) {
		static const int64_t interval[] = { SECOND / 5, 3 * SECOND,
			3600 * SECOND / 1000, 0 };

		assert_int_equal(
		    yaml_rate(
		        yaml_item(yaml_get(yaml_root(yaml), "good"), i), &limit, &err),
		    0);
		assert_int_equal(limit.interval_ns, interval[i]);
	}
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(yaml_rate(yaml_item(yaml_get(yaml_root(yaml), "bad"), i),
		                     &limit, &err),
		    -EINVAL);
	}
	yaml_destroy(yaml);
}

static void an_address_has_so_many_connections(void **state)
{
	struct proxy_limits limits = { .client_connections = 2 };
	struct quota *quota = quota_create(&limits);
	struct quota_client *one = enter(quota, "10.0.0.1", start);

	(void)state;
	assert_non_null(one);
	assert_ptr_equal(enter(quota, "10.0.0.1", start), one);
	assert_null(enter(quota, "10.0.0.1", start));
	assert_ptr_equal(
	    enter(quota, "::ffff:10.0.0.2", start), enter(quota, "10.0.0.2", start));
	quota_leave(quota, one);
	assert_ptr_equal(enter(quota, "10.0.0.1", start), one);
	assert_null(enter(quota, "10.0.0.1", start));
	/* all of one network is one client; the next network is another */
	assert_ptr_equal(enter(quota, "2001:db8::1", start),
	    enter(quota, "2001:db8::ffff:ffff:ffff:ffff", start));
	assert_null(enter(quota, "2001:db8::2", start));
	assert_non_null(enter(quota, "2001:db8:0:1::2", start));
	quota_destroy(quota);
	quota_destroy(NULL);
}

static void a_rate_outlives_the_connection_that_used_it(void **state)
{
	struct proxy_limits limits = { .client_rate = { .interval_ns = SECOND / 2,
		                           .period_ns = SECOND } };
	struct quota *quota = quota_create(&limits);
	struct quota_client *client = enter(quota, "10.0.0.1", start);

	(void)state;
	assert_int_equal(quota_call(quota, client, start), 0);
	assert_int_equal(quota_call(quota, client, start), 0);
	quota_leave(quota, client);
	client = enter(quota, "10.0.0.1", start);
	assert_int_equal(quota_call(quota, client, start), SECOND / 2);
	assert_int_equal(quota_call(quota, client, start + SECOND), 0);
	assert_int_equal(quota_call(quota, NULL, start), 0);
	quota_destroy(quota);
}

static void without_limits_nothing_is_counted(void **state)
{
	struct proxy_limits limits = { .client_connections = 0 };
	struct quota *quota = quota_create(&limits);
	struct sockaddr_storage from = address("10.0.0.1");
	struct quota_client *client = NULL;

	(void)state;
	assert_true(quota_enter(quota, (struct sockaddr *)&from, start, &client));
	assert_null(client);
	quota_leave(quota, client);
	quota_destroy(quota);
}

static void addresses_that_are_gone_are_forgotten(void **state)
{
	struct proxy_limits limits = { .client_rate = {
		                           .interval_ns = SECOND, .period_ns = SECOND } };
	struct quota *quota = quota_create(&limits);

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char text[32];
		struct quota_client *client;

		(void)snprintf(
		    text, sizeof(text), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		client = enter(quota, text, start + i * SECOND);
		assert_int_equal(quota_call(quota, client, start + i * SECOND), 0);
		quota_leave(quota, client);
	}
	assert_true(quota_count(quota) <= 2 * 1024);
	quota_destroy(quota);
}

struct crowd {
	struct quota *quota;
	_Atomic int taken;
	_Atomic int at_once;
	_Atomic int most;
};

static void *crowd_enters(void *arg)
{
	struct crowd *crowd = arg;

	for (int i = 0; i < 2000; i++) {
		struct quota_client *client = enter(crowd->quota, "10.0.0.1", start);

		if (!client) {
			continue;
		}
		int now = atomic_fetch_add(&crowd->at_once, 1) + 1;
		int most = atomic_load(&crowd->most);

		while (now > most &&
		       !atomic_compare_exchange_weak(&crowd->most, &most, now)) {
		}
		crowd->taken += quota_call(crowd->quota, client, start) == 0;
		(void)atomic_fetch_sub(&crowd->at_once, 1);
		quota_leave(crowd->quota, client);
	}
	return NULL;
}

static void threads_share_one_limit(void **state)
{
	struct proxy_limits limits = { .client_connections = 2,
		.client_rate = { .interval_ns = SECOND / 100, .period_ns = SECOND } };
	struct crowd crowd = { .quota = quota_create(&limits) };
	pthread_t thread[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
		    pthread_create(&thread[i], NULL, crowd_enters, &crowd), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	}
	assert_int_equal(crowd.taken, 100);
	assert_in_range(crowd.most, 1, 2);
	quota_destroy(crowd.quota);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_at_once_as_fit_in_the_period_then_evenly),
		cmocka_unit_test(rates_are_read),
		cmocka_unit_test(an_address_has_so_many_connections),
		cmocka_unit_test(a_rate_outlives_the_connection_that_used_it),
		cmocka_unit_test(without_limits_nothing_is_counted),
		cmocka_unit_test(addresses_that_are_gone_are_forgotten),
		cmocka_unit_test(threads_share_one_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_admin_guard: which requests are let in to the admin port at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dashboard/guard.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = { "waybill.example.com", "localhost:9000",
	"[2001:db8::1]", "UPPER.test" };

/* What the guard says to a request; the path it read is left in path. */
static int ask(const struct guard *guard, struct guard_request request, char path[200])
{
	struct buf read = { 0 };
	struct slice query;
	int status;

	request.method = request.method ? request.method : "GET";
	request.target = request.target.ptr ? request.target : SLICE("/");
	request.host = request.host.ptr ? request.host : SLICE("localhost:8081");
	status = guard_check(guard, &request, &read, &query).status;
	(void)snprintf(path, 200, "%.*s", SLICE_ARG(buf_slice(&read)));
	buf_finish(&read);
	return status;
}

static int setup(void **state)
{
	static struct guard guard;

	*state = &guard;
	return guard_init(&guard, "127.0.0.1", 8081, names, 4);
}

static int teardown(void **state)
{
	guard_finish(*state);
	return 0;
}

static void only_known_hosts_are_answered(void **state)
{
	static const struct {
		const char *host;
		int status;
	} cases[] = {
		{ "127.0.0.1:8081", 0 },
		{ "localhost:8081", 0 },
		{ "LocalHost:8081", 0 },
		{ "[::1]:8081", 0 },
		{ "waybill.example.com", 0 },
		{ "waybill.example.com:8081", 0 },
		{ "localhost:9000", 0 },
		{ "[2001:DB8::1]", 0 },
		{ "[2001:db8::1]:8081", 0 },
		{ "upper.test", 0 },
		{ "", 403 },
		{ "localhost", 403 },
		{ "localhost:80", 403 },
		{ "localhost:8080", 403 },
		{ "localhost:08081", 403 },
		{ "localhost.:8081", 403 },
		{ "evil.test:8081", 403 },
		{ "localhost:8081.evil.test", 403 },
		{ "evil.test@localhost:8081", 403 },
		{ "waybill.example.com:443", 403 },
		{ "localhost:8081, evil.test", 403 },
		{ "127.0.0.1:8081\nlocalhost:8081", 403 },
		{ "0.0.0.0:8081", 403 },
		{ "::1:8081", 403 },
	};

	char path[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guard_request request = { .host = slice_of(cases[i].host) };

		if (ask(*state, request, path) != cases[i].status) {
			fail_msg("Host: %s", cases[i].host);
		}
	}
}

static void a_host_that_is_missing_is_refused(void **state)
{
	struct guard_request request = { .method = "GET", .target = SLICE("/") };
	struct buf path = { 0 };
	struct slice query;

	assert_int_equal(guard_check(*state, &request, &path, &query).status, 403);
	buf_finish(&path);
}

static void an_origin_is_the_one_asked(void **state)
{
	static const struct {
		const char *host;
		const char *origin;
		int status;
	} cases[] = {
		{ "localhost:8081", "http://localhost:8081", 0 },
		{ "localhost:8081", "HTTP://LOCALHOST:8081", 0 },
		{ "waybill.example.com", "https://waybill.example.com", 0 },
		{ "waybill.example.com", "http://waybill.example.com", 0 },
		{ "localhost:8081", "http://127.0.0.1:8081", 403 },
		{ "localhost:8081", "https://localhost:8081", 403 },
		{ "localhost:8081", "http://localhost:3000", 403 },
		{ "localhost:8081", "http://localhost", 403 },
		{ "localhost:8081", "null", 403 },
		{ "localhost:8081", "", 403 },
		{ "localhost:8081", "http://evil.test", 403 },
		{ "localhost:8081", "http://localhost:8081.evil.test", 403 },
		{ "waybill.example.com", "https://evil.example.com", 403 },
	};

	char path[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guard_request request = { .host = slice_of(cases[i].host),
			.origin = slice_of(cases[i].origin) };

		if (ask(*state, request, path) != cases[i].status) {
			fail_msg("%s from %s", cases[i].host, cases[i].origin);
		}
	}
}

static void another_site_may_lead_to_the_page_and_nothing_else(void **state)
{
	static const struct {
		const char *site;
		const char *mode;
		const char *dest;
		const char *method;
		const char *target;
		int status;
	} cases[] = {
		{ "same-origin", "cors", "empty", "POST", "/session", 0 },
		{ "none", "navigate", "document", "GET", "/metrics", 0 },
		{ "cross-site", "navigate", "document", "GET", "/", 0 },
		{ "cross-site", "navigate", "document", "GET", "/?service=resend", 0 },
		{ "cross-site", "navigate", "document", "GET", "/api/setup", 403 },
		{ "cross-site", "navigate", "document", "POST", "/", 403 },
		{ "cross-site", "navigate", "iframe", "GET", "/", 403 },
		{ "cross-site", "no-cors", "script", "GET", "/", 403 },
		{ "same-site", "cors", "empty", "GET", "/rest/v1/integration_logs", 403 },
		{ "cross-site", "", "", "GET", "/", 403 },
		{ "", "", "", "GET", "/", 403 },
	};

	char path[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guard_request request = { .method = cases[i].method,
			.target = slice_of(cases[i].target),
			.fetch_site = slice_of(cases[i].site),
			.fetch_mode = slice_of(cases[i].mode),
			.fetch_dest = slice_of(cases[i].dest) };

		if (ask(*state, request, path) != cases[i].status) {
			fail_msg("%zu", i);
		}
	}
}

static void a_path_means_one_thing(void **state)
{
	static const struct {
		const char *target;
		const char *path; /* NULL: refused */
	} cases[] = {
		{ "/", "/" },
		{ "/a/b?c=../d", "/a/b" },
		{ "/rest/v1/", "/rest/v1/" },
		{ "/a%20b", "/a b" },
		{ "/a..b/...", "/a..b/..." },
		{ "", NULL },
		{ "*", NULL },
		{ "http://localhost:8081/", NULL },
		{ "//evil.test/", NULL },
		{ "/a//b", NULL },
		{ "/x/../y", NULL },
		{ "/..", NULL },
		{ "/./a", NULL },
		{ "/a/.", NULL },
		{ "/x/%2e%2e/y", NULL },
		{ "/x/%2E/y", NULL },
		{ "/x%2fy", NULL },
		{ "/x%5cy", NULL },
		{ "/x\\y", NULL },
		{ "/x%252e", NULL },
		{ "/%00", NULL },
		{ "/%0a", NULL },
		{ "/a%", NULL },
		{ "/a%2", NULL },
		{ "/a%zz", NULL },
		{ "/a b", NULL },
		{ "/\xc3\xa9", NULL },
	};

	char path[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guard_request request = { .target = slice_of(cases[i].target) };
		int status = ask(*state, request, path);

		if (status != (cases[i].path ? 0 : 403) ||
		    (cases[i].path && strcmp(path, cases[i].path) != 0)) {
			fail_msg("%s: %d %s", cases[i].target, status, path);
		}
	}
}

static void the_query_is_left_as_it_came(void **state)
{
	struct guard_request request = { .method = "GET",
		.target = SLICE("/a?b=%2e&c=?d"),
		.host = SLICE("localhost:8081") };
	struct buf path = { 0 };
	struct slice query;

	assert_int_equal(guard_check(*state, &request, &path, &query).status, 0);
	assert_true(slice_eq(query, SLICE("b=%2e&c=?d")));
	request.target = SLICE("/a");
	assert_int_equal(guard_check(*state, &request, &path, &query).status, 0);
	assert_int_equal(query.len, 0);
	buf_finish(&path);
}

static void what_is_framed_or_named_twice_is_refused(void **state)
{
	struct guard_request twice = { .repeated = true };
	struct guard_request framed = { .framed_twice = true };
	char path[200];

	assert_int_equal(ask(*state, twice, path), 400);
	assert_int_equal(ask(*state, framed, path), 400);
}

static void at_port_80_a_host_needs_no_port(void **state)
{
	struct guard guard;
	char path[200];
	struct guard_request plain = { .host = SLICE("localhost") };
	struct guard_request full = { .host = SLICE("[::1]:80") };

	(void)state;
	assert_int_equal(guard_init(&guard, "::1", 80, NULL, 0), 0);
	assert_int_equal(ask(&guard, plain, path), 0);
	assert_int_equal(ask(&guard, full, path), 0);
	guard_finish(&guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_known_hosts_are_answered),
		cmocka_unit_test(a_host_that_is_missing_is_refused),
		cmocka_unit_test(an_origin_is_the_one_asked),
		cmocka_unit_test(another_site_may_lead_to_the_page_and_nothing_else),
		cmocka_unit_test(a_path_means_one_thing),
		cmocka_unit_test(the_query_is_left_as_it_came),
		cmocka_unit_test(what_is_framed_or_named_twice_is_refused),
		cmocka_unit_test(at_port_80_a_host_needs_no_port),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

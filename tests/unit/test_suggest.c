/* SPDX-License-Identifier: MIT */
/*
 * What `waybill coverage --suggest` prints is a service file's text that loads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cmd/suggest.h"
#include "routes/routes.h"

#define HEAD "service: shop\nhosts: [api.shop.test]\n"

static struct route_table *parse(const char *head, struct slice rest)
{
	struct route_table *table = NULL;
	struct buf text = { 0 };
	struct err err = { "" };

	buf_puts(&text, head);
	buf_put_slice(&text, rest);
	if (route_table_parse("shop.yaml", buf_slice(&text), &table, &err) != 0) {
		fail_msg("%s\n%.*s", err.text, SLICE_ARG(buf_slice(&text)));
	}
	buf_finish(&text);
	return table;
}

static void assert_routed(const struct route_table *table, const char *method,
    const char *path, const char *action)
{
	struct route_match match;

	assert_int_equal(route_match(route_table_service(table, 0), slice_of(method),
	                     slice_of(path), &match),
	    0);
	assert_string_equal(match.action, action);
	route_match_finish(&match);
}

/* Given in an order in which the general would hide the special. */
static void routes_go_from_the_special_to_the_general(void **state)
{
	struct route_table *empty = parse(HEAD, SLICE(""));
	const struct service *service = route_table_service(empty, 0);
	struct unrouted_path paths[] = {
		{ service, "GET", "/*", 1 },
		{ service, "GET", "/{id}/*", 1 },
		{ service, "GET", "/users/{id}", 2 },
		{ service, "GET", "/users/{token}", 3 },
		{ service, "GET", "/users/x{id}", 1 },
		{ service, "GET", "/users/xy{id}", 1 },
		{ service, "GET", "/users/me", 1 },
		{ service, "POST", "/users/me", 1 },
		{ service, "GET", "/{id}/me", 1 },
		{ service, "GET", "/", 1 },
		{ service, "PROPFIND", "/users", 1 },
		{ service, "GET", "/v4/api/users", 1 },
		{ service, "GET", "/keys/{token}/use/{token2}", 1 },
	};
	struct buf out = { 0 };
	struct route_table *table;

	(void)state;
	suggest_routes(service, paths, sizeof(paths) / sizeof(paths[0]), &out);
	table = parse(HEAD, buf_slice(&out));
	assert_routed(table, "GET", "/users/me", "get_users_me");
	assert_routed(table, "POST", "/users/me", "post_users_me");
	assert_routed(table, "GET", "/users/other", "get_users_by_token");
	assert_routed(table, "GET", "/users/x1", "get_users_by_id_2");
	assert_routed(table, "GET", "/users/xy1", "get_users_by_id");
	assert_routed(table, "GET", "/abc/me", "get_me");
	assert_routed(table, "GET", "/abc/def/ghi", "get_any");
	assert_routed(table, "GET", "/", "get_root");
	assert_routed(table, "GET", "/v4/api/users", "get_users");
	buf_putc(&out, '\0');
	assert_non_null(strstr(out.ptr, "secrets: {path: [token, token2]}"));
	assert_non_null(strstr(out.ptr, "# 5 calls"));
	assert_null(strstr(out.ptr, "PROPFIND"));
	buf_finish(&out);
	route_table_unref(table);
	route_table_unref(empty);
}

static void names_of_domains_and_services(void **state)
{
	static const char *const cases[][2] = {
		{ "api.example.com", "example.com" },
		{ "example.com", "example.com" },
		{ "a.b.shop.co.uk", "shop.co.uk" },
		{ "shop.com.tr", "shop.com.tr" },
		{ "api.t.me", "t.me" },
		{ "localhost", "localhost" },
		{ "api.x_y.kz", "x_y.kz" },
		{ "10.0.0.1", NULL },
		{ "[::1]", NULL },
		{ "::1", NULL },
		{ "", NULL },
		{ "a..b", NULL },
		{ "-a.test", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice domain = suggest_domain(slice_of(cases[i][0]));

		if (!cases[i][1]) {
			assert_null(domain.ptr);
		} else if (!slice_eq(domain, slice_of(cases[i][1]))) {
			fail_msg("%s: %.*s", cases[i][0], SLICE_ARG(domain));
		}
	}
}

static void a_suggested_service_loads_whatever_its_hosts_are_called(void **state)
{
	struct route_table *taken = parse(HEAD, SLICE(""));
	struct unrouted_host shop[] = { { "true.shop.test", 7 }, { "shop.test", 1 } };
	struct unrouted_host many[] = { { "a.null.test", 1 }, { "b.null.test", 1 },
		{ "c.null.test", 1 }, { "d.null.test", 1 }, { "e.null.test", 1 },
		{ "null.test", 1 } };
	struct unrouted_host number[] = { { "1.2.test", 1 } };
	struct buf out = { 0 };
	struct route_table *table;

	(void)state;
	suggest_service(taken, shop, 2, &out);
	table = parse("", buf_slice(&out));
	assert_string_equal(route_table_service(table, 0)->name, "shop_2");
	assert_non_null(route_table_host(table, SLICE("true.shop.test")));
	assert_null(route_table_host(table, SLICE("x.shop.test")));
	buf_putc(&out, '\0');
	assert_non_null(strstr(out.ptr, "8 connections"));
	route_table_unref(table);

	buf_truncate(&out, 0);
	suggest_service(taken, many, 6, &out);
	table = parse("", buf_slice(&out));
	assert_string_equal(route_table_service(table, 0)->name, "null");
	assert_non_null(route_table_host(table, SLICE("x.null.test")));
	assert_non_null(route_table_host(table, SLICE("null.test")));
	route_table_unref(table);

	buf_truncate(&out, 0);
	suggest_service(taken, number, 1, &out);
	table = parse("", buf_slice(&out));
	assert_string_equal(route_table_service(table, 0)->name, "2");
	route_table_unref(table);
	route_table_unref(taken);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_go_from_the_special_to_the_general),
		cmocka_unit_test(names_of_domains_and_services),
		cmocka_unit_test(a_suggested_service_loads_whatever_its_hosts_are_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

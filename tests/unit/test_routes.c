/* SPDX-License-Identifier: MIT */
/*
 * Route tables made from small service files: matching, and hosts.
 */
#include "routes/routes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "routes/path.h"

#define HEAD "service: shop\nhosts: [api.shop.test]\n"

static struct route_table *parse(const char *text)
{
	struct route_table *table = NULL;
	struct err err = { "" };

	if (route_table_parse("shop.yaml", slice_of(text), &table, &err) < 0) {
		fail_msg("%s", err.text);
	}
	return table;
}

static void assert_action(const struct route_table *table, const char *method,
    const char *target, const char *action)
{
	struct route_match match;

	assert_int_equal(route_match(route_table_service(table, 0), slice_of(method),
	                     slice_of(target), &match),
	    0);
	if (strcmp(match.action, action) != 0) {
		fail_msg("%s %s: %s, not %s", method, target, match.action, action);
	}
	route_match_finish(&match);
}

static void first_route_in_file_order_wins(void **state)
{
	struct route_table *table = parse(HEAD "routes:\n"
	                                       "  - {path: '/a/{x}/c', action: first}\n"
	                                       "  - {path: '/a/b/{y}', action: second}\n"
	                                       "  - {path: '/a/*', action: rest}\n");

	(void)state;
	assert_action(table, "GET", "/a/b/c", "first");
	assert_action(table, "GET", "/a/q/c", "first");
	assert_action(table, "GET", "/a/b/e", "second");
	assert_action(table, "GET", "/a/b/c/d", "rest");
	assert_action(table, "GET", "/a", "rest");
	assert_action(table, "GET", "/ab", "other");
	route_table_unref(table);
}

static void methods_choose_among_routes_of_one_path(void **state)
{
	struct route_table *table =
	    parse(HEAD "routes:\n"
	               "  - {methods: [POST, PUT], path: /x, action: write}\n"
	               "  - {methods: GET, path: /x, action: read}\n"
	               "  - {path: /x, action: any}\n");

	(void)state;
	assert_action(table, "PUT", "/x", "write");
	assert_action(table, "GET", "/x", "read");
	assert_action(table, "HEAD", "/x", "any");
	assert_action(table, "PURGE", "/x", "any");
	assert_action(table, "get", "/x", "any");
	route_table_unref(table);
}

static void a_star_matches_nothing_and_everything_behind_it(void **state)
{
	struct route_table *table = parse(HEAD "routes:\n"
	                                       "  - {path: '/send*', action: send}\n"
	                                       "  - {path: '/x/{id}/*', action: below}\n"
	                                       "  - {path: /, action: root}\n");

	(void)state;
	assert_action(table, "GET", "/send", "send");
	assert_action(table, "GET", "/sendMessage/a/b", "send");
	assert_action(table, "GET", "/sen", "other");
	assert_action(table, "GET", "/x/1", "below");
	assert_action(table, "GET", "/x/1/", "below");
	assert_action(table, "GET", "/x/1/2/3", "below");
	assert_action(table, "GET", "/x", "other");
	assert_action(table, "GET", "/", "root");
	assert_action(table, "GET", "", "root");
	assert_action(table, "GET", "/?a=b", "root");
	route_table_unref(table);
}

static void a_name_stands_between_a_prefix_and_a_suffix(void **state)
{
	struct route_table *table =
	    parse(HEAD "routes:\n"
	               "  - {path: '/bot{token}/x', action: bot}\n"
	               "  - {path: '/{file}.js', action: 'js_{file}'}\n"
	               "  - {path: '/v{major}-beta', action: beta}\n"
	               "  - {path: '/v{major}', action: 'v_{major}'}\n");
	struct route_match match;

	(void)state;
	assert_action(table, "GET", "/bot1:A/x", "bot");
	assert_action(table, "GET", "/bot/x", "other");
	assert_action(table, "GET", "/a.b.js", "js_a_b");
	assert_action(table, "GET", "/.js", "other");
	assert_action(table, "GET", "/v2-beta", "beta");
	assert_action(table, "GET", "/v-beta", "v__beta");
	assert_action(table, "GET", "/v2", "v_2");
	assert_int_equal(route_match(route_table_service(table, 0), SLICE("GET"),
	                     SLICE("/bot12%3AAb/x?q"), &match),
	    0);
	assert_int_equal(match.param_count, 1);
	assert_string_equal(match.param[0].name, "token");
	assert_true(slice_eq(match.param[0].value, SLICE("12:Ab")));
	assert_string_equal(match.path, "/bot12:Ab/x");
	route_match_finish(&match);
	route_table_unref(table);
}

static void every_name_of_a_deep_path_is_given(void **state)
{
	struct route_table *table =
	    parse(HEAD "routes:\n"
	               "  - {path: '/{a}/x/{b}/y/{c}', action: 'do_{c}_{a}'}\n"
	               "  - {path: '/{k}/{l}/{m}/y/{n}', action: 'or_{n}'}\n");
	struct route_match match;

	(void)state;
	assert_int_equal(route_match(route_table_service(table, 0), SLICE("GET"),
	                     SLICE("/1/x/2/y/Drei-Vier"), &match),
	    0);
	assert_string_equal(match.action, "do_drei_vier_1");
	assert_int_equal(match.param_count, 3);
	assert_true(slice_eq(match.param[1].value, SLICE("2")));
	route_match_finish(&match);
	assert_action(table, "GET", "/1/z/2/y/3", "or_3");
	route_table_unref(table);
}

static void paths_are_normalised_before_they_are_matched(void **state)
{
	static const struct {
		const char *target, *path;
	} cases[] = {
		{ "//api//v4/", "/api/v4" },
		{ "/a%2Fb", "/a/b" },
		{ "/a%2f%2Fb%2f", "/a/b" },
		{ "/a%252Fb", "/a%2Fb" },
		{ "/a%zz%4", "/a%zz%4" },
		{ "/a%", "/a%" },
		{ "/a?b=/c/", "/a" },
		{ "/a/#frag", "/a" },
		{ "///", "/" },
		{ "*", "/*" },
		{ "x/y", "/x/y" },
		{ "/%D1%84", "/\xd1\x84" },
		{ "/a/../b/.", "/a/../b/." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice target = slice_of(cases[i].target);
		char *out =
		    malloc(target.len + 1); /* exactly what is promised to suffice */
		size_t len;

		assert_non_null(out);
		len = path_normalise(target, out);
		assert_true(
		    slice_eq((struct slice){ out, len }, slice_of(cases[i].path)));
		free(out);
	}
}

static void case_is_ignored_where_the_file_says_so(void **state)
{
	struct route_table *table =
	    parse(HEAD "paths: {ignore_case: true}\n"
	               "routes:\n"
	               "  - {path: '/Service/Message/Send', action: send}\n"
	               "  - {path: '/bot{token}/Edit*', action: edit}\n"
	               "  - {path: '/bot{token}/{method}', action: 'do_{method}'}\n");

	(void)state;
	assert_action(table, "GET", "/service/MESSAGE/send", "send");
	assert_action(table, "GET", "/BOTx/editTEXT", "edit");
	assert_action(table, "GET", "/botx/GetMe", "do_getme");
	route_table_unref(table);

	table = parse(HEAD "routes: [{path: /Send, action: send}]\n");
	assert_action(table, "GET", "/send", "other");
	route_table_unref(table);
}

static void an_action_is_cut_and_never_holds_odd_bytes(void **state)
{
	struct route_table *table =
	    parse(HEAD "routes: [{path: '/{x}', action: 'a_{x}'}]\nfallback: unknown\n");
	char target[400];
	struct route_match match;

	(void)state;
	memset(target, 'Q', sizeof(target));
	target[0] = '/';
	assert_int_equal(route_match(route_table_service(table, 0), SLICE("GET"),
	                     (struct slice){ target, sizeof(target) }, &match),
	    0);
	assert_int_equal(strlen(match.action), ROUTE_ACTION_SIZE - 1);
	route_match_finish(&match);
	assert_action(table, "GET", "/a%00b%ff'\"<", "a_a_b____");
	assert_action(table, "GET", "/a/b", "unknown");
	route_table_unref(table);
}

static void a_path_of_very_many_parts_is_matched_by_stars_only(void **state)
{
	struct route_table *table = parse(HEAD
	    "routes: [{path: '/a/*', action: star}, {path: '/{x}/a/a', action: three}]\n");
	char target[4001];

	(void)state;
	for (size_t i = 0; i < 4000; i += 2) {
		target[i] = '/';
		target[i + 1] = 'a';
	}
	target[4000] = '\0';
	assert_action(table, "GET", target, "star");
	target[1] = 'b';
	assert_action(table, "GET", target, "other");
	target[6] = '\0';
	assert_action(table, "GET", target, "three");
	route_table_unref(table);
}

/* A folder of service files, removed afterwards. */
static void put_file(const char *folder, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void drop_file(const char *folder, const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

static void make_folder(char folder[256])
{
	const char *base = getenv("TMPDIR");

	(void)snprintf(folder, 256, "%s/routes-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(folder));
}

static void hosts_are_found_exact_first_then_by_the_longest_wildcard(void **state)
{
	struct route_table *table = NULL;
	struct err err = { "" };
	char folder[256];
	char pattern[300];
	static const char *const cases[][2] = {
		{ "api.shop.test", "c" },
		{ "API.Shop.TEST.", "c" },
		{ "x.shop.test", "a" },
		{ "y.x.shop.test", "a" },
		{ "x.eu.shop.test", "b" },
		{ "shop.test", NULL },
		{ "eu.shop.test", "a" },
		{ "ashop.test", NULL },
		{ "", NULL },
		{ ".", NULL },
		{ ".shop.test", "a" },
	};

	(void)state;
	make_folder(folder);
	put_file(folder, "a.yaml", "service: a\nhosts: ['*.Shop.test']\n");
	put_file(folder, "b.yaml", "service: b\nhosts: ['*.eu.shop.test']\n");
	put_file(folder, "c.yaml", "service: c\nhosts: [api.shop.test]\n");
	(void)snprintf(pattern, sizeof(pattern), "%s/*.yaml", folder);
	if (route_table_load(pattern, &table, &err) < 0) {
		fail_msg("%s", err.text);
	}
	assert_int_equal(route_table_count(table), 3);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct service *service =
		    route_table_host(table, slice_of(cases[i][0]));

		if (!cases[i][1]) {
			assert_null(service);
			continue;
		}
		assert_non_null(service);
		assert_string_equal(service->name, cases[i][1]);
	}
	assert_ptr_equal(route_table_ref(table), table);
	route_table_unref(table);
	route_table_unref(table);
	drop_file(folder, "a.yaml");
	drop_file(folder, "b.yaml");
	drop_file(folder, "c.yaml");
	assert_int_equal(rmdir(folder), 0);
}

static void two_files_cannot_share_a_host_or_a_name(void **state)
{
	struct route_table *table = NULL;
	struct err err = { "" };
	char folder[256];
	char pattern[300];

	(void)state;
	make_folder(folder);
	(void)snprintf(pattern, sizeof(pattern), "%s/*.yaml", folder);
	assert_int_equal(route_table_load(pattern, &table, &err), -ENOENT);
	assert_non_null(strstr(err.text, pattern));
	put_file(folder, "a.yaml", "service: a\nhosts: [x.test]\n");
	put_file(folder, "b.yaml", "service: b\nhosts: [X.test]\n");
	assert_int_equal(route_table_load(pattern, &table, &err), -EINVAL);
	assert_non_null(strstr(err.text, "b.yaml:2:9"));
	assert_non_null(strstr(err.text, "a.yaml:2"));
	put_file(folder, "b.yaml", "service: a\nhosts: [y.test]\n");
	assert_int_equal(route_table_load(pattern, &table, &err), -EINVAL);
	assert_non_null(strstr(err.text, "b.yaml:1:10"));
	assert_non_null(strstr(err.text, "already defined"));
	drop_file(folder, "a.yaml");
	drop_file(folder, "b.yaml");
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_route_in_file_order_wins),
		cmocka_unit_test(methods_choose_among_routes_of_one_path),
		cmocka_unit_test(a_star_matches_nothing_and_everything_behind_it),
		cmocka_unit_test(a_name_stands_between_a_prefix_and_a_suffix),
		cmocka_unit_test(every_name_of_a_deep_path_is_given),
		cmocka_unit_test(paths_are_normalised_before_they_are_matched),
		cmocka_unit_test(case_is_ignored_where_the_file_says_so),
		cmocka_unit_test(an_action_is_cut_and_never_holds_odd_bytes),
		cmocka_unit_test(a_path_of_very_many_parts_is_matched_by_stars_only),
		cmocka_unit_test(
		    hosts_are_found_exact_first_then_by_the_longest_wildcard),
		cmocka_unit_test(two_files_cannot_share_a_host_or_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

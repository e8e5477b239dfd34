/* SPDX-License-Identifier: MIT */
/*
 * What service files may say, what a wrong one is answered, and what a right one becomes.
 */
#include "routes/routes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "routes/pointer.h"

#define HEAD "service: shop\nhosts: [api.shop.test]\n"
#define PIN  "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static struct route_table *parse(const char *text)
{
	struct route_table *table = NULL;
	struct err err = { "" };

	if (route_table_parse("shop.yaml", slice_of(text), &table, &err) < 0) {
		fail_msg("%s", err.text);
	}
	return table;
}

/* The file is refused, and the message has all of these words. */
static void assert_refused(const char *text, const char *place, const char *words)
{
	struct route_table *table = NULL;
	struct err err = { "" };

	assert_int_equal(
	    route_table_parse("shop.yaml", slice_of(text), &table, &err), -EINVAL);
	assert_null(table);
	if (!strstr(err.text, place) || !strstr(err.text, words)) {
		fail_msg("wanted \"%s\" and \"%s\" in: %s", place, words, err.text);
	}
}

static void a_route_that_is_never_reached_is_refused(void **state)
{
	static const char *const pairs[][2] = {
		{ "/a", "/a" },
		{ "/a/{x}", "/a/b" },
		{ "/a/{x}", "/a/{y}" },
		{ "/a/{x}", "/a/b{y}c" },
		{ "/b{x}", "/bot{y}.js" },
		{ "/a/*", "/a" },
		{ "/a/*", "/a/b/{c}/*" },
		{ "/a*", "/a/*" },
		{ "/se*", "/send*" },
		{ "/*", "/" },
		{ "/{x}/*", "/a/b/*" },
		{ "/{x}/b", "/{y}/b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		char text[512];

		(void)snprintf(text, sizeof(text),
		    HEAD "routes:\n  - {path: '%s', action: one}\n"
		         "  - {methods: GET, path: '%s', action: two}\n",
		    pairs[i][0], pairs[i][1]);
		assert_refused(text, "shop.yaml:5:", "overlapping route");
		assert_refused(text, "in line 4", "in line 5");
	}
}

static void a_route_that_takes_what_an_earlier_one_leaves_is_fine(void **state)
{
	static const char *const pairs[][2] = {
		{ "/a/b", "/a/{x}" },
		{ "/a/b{y}c", "/a/{x}" },
		{ "/a/*", "/a*" },
		{ "/send*", "/se*" },
		{ "/a/{x}", "/a/*" },
		{ "/{x}/b", "/a/{y}" },
		{ "/bot{x}", "/bot*" },
		{ "/b{x}t", "/b{x}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		char text[512];

		(void)snprintf(text, sizeof(text),
		    HEAD "routes:\n  - {path: '%s', action: one}\n"
		         "  - {path: '%s', action: two}\n",
		    pairs[i][0], pairs[i][1]);
		route_table_unref(parse(text));
	}
	route_table_unref(parse(HEAD "routes: [{methods: GET, path: /a, action: one},"
	                             " {path: /a, action: two}]\n"));
}

static void a_wrong_file_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *place, *words;
	} cases[] = {
		{ "hosts: [a.test]\n", "shop.yaml:1:", "service" },
		{ "service: a\n", "shop.yaml:1:", "hosts" },
		{ "service: A B\nhosts: [a.test]\n", ":1:10", "service name" },
		{ "service: a\nhosts: [https://a.test]\n", ":2:9", "host name" },
		{ "service: a\nhosts: [a.test, A.test]\n", ":2:17", "already claimed" },
		{ "service: a\nhosts: ['*.test']\n", ":2:9", "two labels" },
		{ HEAD "pins: []\n", ":3:7", "at least one key" },
		{ HEAD "pins: md5/AAAA\n", ":3:7", "sha256/" },
		{ HEAD "pins: [" PIN ", sha256/AAAA]\n", ":3:", "44 characters" },
		{ HEAD "pins: [sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=]\n",
		    ":3:8", "32 bytes" }, /* bits that stand for nothing */
		{ HEAD "pins: ['sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA =']\n",
		    ":3:8", "32 bytes" },
		{ HEAD "pins: [sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA]\n",
		    ":3:8", "32 bytes" }, /* 33 bytes */
		{ HEAD "pins: [{sha256: x}]\n", ":3:8", "one text" },
		{ HEAD "rutes: []\n", ":3:1", "rutes" },
		{ HEAD "routes:\n  - {path: /a, action: b, method: GET}\n",
		    ":4:", "method" },
		{ HEAD "routes:\n  - {path: /a}\n", ":4:", "action" },
		{ HEAD "routes:\n  - {path: a, action: b}\n", ":4:12", "bad path" },
		{ HEAD "routes:\n  - {path: /a*b, action: b}\n", ":4:12", "bad path" },
		{ HEAD "routes:\n  - {path: '/{a', action: b}\n", ":4:12", "bad path" },
		{ HEAD "routes:\n  - {path: '/{a}{b}', action: b}\n", ":4:12",
		    "bad path" },
		{ HEAD "routes:\n  - {path: '/{a}/{a}', action: b}\n", ":4:12", "twice" },
		{ HEAD "routes:\n  - {path: /a/, action: b}\n", ":4:12", "bad path" },
		{ HEAD "routes:\n  - {path: /a, action: 'b_{x}'}\n", ":4:24",
		    "bad action" },
		{ HEAD "routes:\n  - {path: /a, action: B}\n", ":4:24", "bad action" },
		{ HEAD "fallback: '{x}'\n", ":3:11", "bad action" },
		{ HEAD "routes:\n  - {path: /a, action: b, methods: get}\n", ":4:36",
		    "method" },
		{ HEAD "routes:\n  - {path: /a, action: b, record: all}\n", ":4:35",
		    "long_poll" },
		{ HEAD "error: {code: [code]}\n", ":3:16", "bad pointer" },
		{ HEAD "error: {code: [/a/**/b]}\n", ":3:16", "bad pointer" },
		{ HEAD "error: {code: [/a~2]}\n", ":3:16", "bad pointer" },
		{ HEAD "secrets: {patterns: ['(']}\n", ":3:22", "bad regex" },
		{ HEAD "secrets: {path: [token]}\n", ":3:18", "{token}" },
		{ HEAD "success: {status: 20}\n", ":3:19", "status" },
		{ HEAD "success: {status: 299-200}\n", ":3:19", "status" },
		{ HEAD "success: {json: yes}\n", ":3:17", "required" },
		{ HEAD "success: {body: [{at: /a}]}\n", ":3:18", "equals" },
		{ HEAD "success: {body: [{at: /a, is: full}]}\n", ":3:31", "absent" },
		{ HEAD "pending: [{json: required}]\n", ":3:11", "pending" },
		{ HEAD "entity: [{request: /a}]\n", ":3:10", "type" },
		{ HEAD "entity: [{request: /a, header: b, type: c}]\n", ":3:10",
		    "one of" },
		{ HEAD "entity: [{header: a, match: '(?<type>x)'}]\n", ":3:29",
		    "(?<id>" },
		{ HEAD "entity: [{header: a, type: b, where: {at: /x, equals: y}}]\n",
		    ":3:38", "where" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_refused(cases[i].text, cases[i].place, cases[i].words);
	}
}

static void a_route_overrides_verdicts_and_adds_places(void **state)
{
	struct route_table *table = parse(HEAD
	    "success: {status: [200, 204-205], json: required, body: {at: /ok, equals: true}}\n"
	    "pending: [{body: [{at: /code, equals: 100}]}]\n"
	    "error: {code: [/a], message: [/b, /c/**]}\n"
	    "secrets: {headers: X-Key, request: [/p]}\n"
	    "entity: [{header: X-Lead, type: lead}]\n"
	    "routes:\n"
	    "  - {path: /plain, action: plain}\n"
	    "  - path: '/own/{id}'\n"
	    "    action: own\n"
	    "    success: {status: 200-299}\n"
	    "    pending: []\n"
	    "    error: {code: [/z]}\n"
	    "    secrets: {path: [id], request: [/q]}\n"
	    "    entity: [{path: id, type: order}]\n"
	    "    retry: false\n");
	const struct service *service = route_table_service(table, 0);
	const struct route *plain = &service->routes[0];
	const struct route *own = &service->routes[1];

	(void)state;
	assert_ptr_equal(plain->judge, service->other.judge);
	assert_ptr_equal(plain->secrets, service->other.secrets);
	assert_int_equal(plain->judge->success.status_count, 2);
	assert_int_equal(plain->judge->success.status[1].high, 205);
	assert_true(plain->judge->success.needs_json);
	assert_string_equal(plain->judge->success.test[0].value, "true");
	assert_int_equal(plain->judge->pending_count, 1);
	assert_true(plain->judge->message.item[1].first_text);
	assert_true(plain->retry);

	assert_false(own->judge->success.needs_json);
	assert_int_equal(own->judge->success.test_count, 0);
	assert_int_equal(own->judge->pending_count, 0);
	assert_string_equal(own->judge->code.item[0].text, "/z");
	assert_int_equal(own->judge->message.count, 2);
	assert_int_equal(own->secrets->request.count, 2);
	assert_string_equal(own->secrets->headers.item[0], "X-Key");
	assert_string_equal(own->secrets->path.item[0], "id");
	assert_int_equal(own->entities->count, 2);
	assert_int_equal(own->entities->item[0].source, ENTITY_PATH);
	assert_string_equal(own->entities->item[1].type, "lead");
	assert_false(own->retry);
	assert_int_equal(own->line, 10);
	route_table_unref(table);
}

static void without_rules_2xx_and_3xx_are_a_success(void **state)
{
	struct route_table *table = parse(HEAD);
	const struct verdict_rule *rule =
	    &route_table_service(table, 0)->other.judge->success;

	(void)state;
	assert_int_equal(rule->status_count, 1);
	assert_int_equal(rule->status[0].low, 200);
	assert_int_equal(rule->status[0].high, 399);
	route_table_unref(table);
}

static void pointers_are_unescaped(void **state)
{
	struct arena arena = { NULL };
	struct pointer pointer;
	const char *why = NULL;

	(void)state;
	assert_int_equal(
	    pointer_parse(&arena, SLICE("/a~1b/~01//**"), &pointer, &why), 0);
	assert_int_equal(pointer.count, 3);
	assert_true(pointer.first_text);
	assert_true(slice_eq(pointer.tokens[0], SLICE("a/b")));
	assert_true(slice_eq(pointer.tokens[1], SLICE("~1")));
	assert_int_equal(pointer.tokens[2].len, 0);
	assert_int_equal(pointer_parse(&arena, SLICE(""), &pointer, &why), 0);
	assert_int_equal(pointer.count, 0);
	assert_false(pointer.first_text);
	assert_int_equal(pointer_parse(&arena, SLICE("/a~"), &pointer, &why), -EINVAL);
	arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_that_is_never_reached_is_refused),
		cmocka_unit_test(a_route_that_takes_what_an_earlier_one_leaves_is_fine),
		cmocka_unit_test(a_wrong_file_is_refused_with_its_place),
		cmocka_unit_test(a_route_overrides_verdicts_and_adds_places),
		cmocka_unit_test(without_rules_2xx_and_3xx_are_a_success),
		cmocka_unit_test(pointers_are_unescaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * JSON texts as PostgreSQL's jsonb would see them. Each answer was had from
 * PostgreSQL 15.
 */
#include "sql/jsonb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct jsonb *parse(const char *text)
{
	struct jsonb *value = jsonb_parse(slice_of(text));

	if (!value) {
		fail_msg("%s", text);
	}
	return value;
}

static void texts_are_printed_as_jsonb(void **state)
{
	static const char *const cases[][2] = {
		{ "{\"bb\":1,\"a\":2,\"bb\":3}", "{\"a\": 2, \"bb\": 3}" },
		{ "[1.10,1e2,1.5E-3,-0,-0.00,1E0,12e-1]",
		    "[1.10, 100, 0.0015, 0, 0.00, 1, 1.2]" },
		{ " [ ] ", "[]" },
		{ "{\"\\u0416\":\"\\uD83D\\uDE00\\n\"}",
		    "{\"\xD0\x96\": \"\xF0\x9F\x98\x80\\n\"}" },
		{ "12345678901234567890.10", "12345678901234567890.10" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct jsonb *value = parse(cases[i][0]);
		struct buf out = { 0 };

		jsonb_put(&out, value);
		buf_putc(&out, '\0');
		assert_string_equal(out.ptr, cases[i][1]);
		buf_finish(&out);
		jsonb_free(value);
	}
}

/* Each is less than the next. */
static void values_are_ordered_as_jsonb(void **state)
{
	static const char *const order[] = { "[]", "null", "\"\"", "\"a\"", "\"ab\"",
		"\"b\"", "-1e30", "-2", "-1.5", "0", "1e-30", "0.5", "9", "10", "10.01",
		"1e30", "false", "true", "[null]", "[1]", "[2]", "[1,1]", "{}",
		"{\"a\":1}", "{\"a\":2}", "{\"b\":0}", "{\"a\":0,\"b\":0}" };
	static const char *const same[][2] = { { "1.0", "1" }, { "100", "1e2" },
		{ "-0", "0.0" }, { "{\"a\":1,\"b\":2}", "{\"b\":2.0,\"a\":1}" },
		{ "\"\\u0041\"", "\"A\"" } };

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(order) / sizeof(order[0]); i++) {
		struct jsonb *a = parse(order[i]);
		struct jsonb *b = parse(order[i + 1]);

		if (jsonb_compare(a, b) >= 0 || jsonb_compare(b, a) <= 0) {
			fail_msg("%s, %s", order[i], order[i + 1]);
		}
		jsonb_free(a);
		jsonb_free(b);
	}
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct jsonb *a = parse(same[i][0]);
		struct jsonb *b = parse(same[i][1]);

		assert_int_equal(jsonb_compare(a, b), 0);
		jsonb_free(a);
		jsonb_free(b);
	}
}

static void containment_is_that_of_jsonb(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		bool contains;
	} cases[] = {
		{ "{\"a\":1,\"b\":[1,2,{\"c\":3}]}", "{\"b\":[{\"c\":3.0},1]}", true },
		{ "{\"a\":1}", "{\"a\":2}", false },
		{ "{\"a\":{\"b\":1}}", "{\"b\":1}", false },
		{ "[1,2,2]", "[2,2,2]", true },
		{ "[[1,2]]", "[1]", false },
		{ "[\"x\",\"y\"]", "\"x\"", true },
		{ "[[\"x\"]]", "[\"x\"]", false },
		{ "\"x\"", "[\"x\"]", false },
		{ "{}", "{}", true },
		{ "[]", "{}", false },
		{ "null", "null", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct jsonb *a = parse(cases[i].a);
		struct jsonb *b = parse(cases[i].b);

		if (jsonb_contains(a, b) != cases[i].contains) {
			fail_msg("%s @> %s", cases[i].a, cases[i].b);
		}
		jsonb_free(a);
		jsonb_free(b);
	}
}

static void places_are_found_as_they_are_written(void **state)
{
	static const char text[] =
	    "{ \"a\" : [ 1.10 , {\"x\":\"]}\\\"\"}, [] ] , \"k\\\"\\u0416\" : true,\"a\":[5 ,6]}";
	struct slice a = jsonb_member(slice_of(text), SLICE("a"));

	(void)state;
	assert_true(slice_eq(a, SLICE("[5 ,6]"))); /* the last of a name */
	assert_true(slice_eq(jsonb_element(a, 1), SLICE("6")));
	assert_true(slice_eq(jsonb_element(a, -2), SLICE("5")));
	assert_null(jsonb_element(a, 2).ptr);
	assert_null(jsonb_element(a, -3).ptr);
	assert_null(jsonb_member(a, SLICE("a")).ptr);
	assert_true(
	    slice_eq(jsonb_member(slice_of(text), SLICE("k\"\xD0\x96")), SLICE("true")));
	a = jsonb_element(SLICE("[1.10 , {\"x\":\"]}\\\"\"}, []]"), 1);
	assert_true(slice_eq(a, SLICE("{\"x\":\"]}\\\"\"}")));
	assert_null(jsonb_element(SLICE("[]"), 0).ptr);
	assert_null(jsonb_parse(SLICE("{\"a\":")));
	assert_null(jsonb_parse(SLICE("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_printed_as_jsonb),
		cmocka_unit_test(values_are_ordered_as_jsonb),
		cmocka_unit_test(containment_is_that_of_jsonb),
		cmocka_unit_test(places_are_found_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

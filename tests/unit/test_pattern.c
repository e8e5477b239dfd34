/* SPDX-License-Identifier: MIT */
/*
 * test_pattern: regular expressions, and that matching them is bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/pattern.h"

#include <errno.h>

static struct pattern *compile(const char *text)
{
	struct pattern *pattern = NULL;
	struct err err = { .text = "" };

	assert_int_equal(pattern_compile(text, &pattern, &err), 0);
	return pattern;
}

static void matches_are_found_one_after_another(void **state)
{
	struct pattern *pattern = compile("[0-9]+");
	struct slice text = SLICE("a12b345");
	struct pattern_match match;

	(void)state;
	assert_int_equal(pattern_find(pattern, text, 0, &match), PATTERN_FOUND);
	assert_true(slice_eq(match.all, SLICE("12")));
	assert_ptr_equal(match.all.ptr, text.ptr + 1);
	assert_null(match.id.ptr);
	assert_int_equal(pattern_find(pattern, text, 3, &match), PATTERN_FOUND);
	assert_true(slice_eq(match.all, SLICE("345")));
	assert_int_equal(pattern_find(pattern, text, 7, &match), PATTERN_NONE);
	assert_int_equal(pattern_find(pattern, text, 8, &match), PATTERN_NONE);
	assert_int_equal(
	    pattern_find(pattern, (struct slice){ NULL, 0 }, 0, &match), PATTERN_NONE);
	pattern_destroy(pattern);
}

static void named_groups_are_given_and_absent_ones_are_null(void **state)
{
	struct pattern *pattern =
	    compile("(?:(?<type>lead|contact)_)?(?<id>[0-9a-f]{4})");
	struct pattern_match match;

	(void)state;
	assert_int_equal(
	    pattern_find(pattern, SLICE("x lead_00ff"), 0, &match), PATTERN_FOUND);
	assert_true(slice_eq(match.type, SLICE("lead")));
	assert_true(slice_eq(match.id, SLICE("00ff")));
	assert_int_equal(pattern_find(pattern, SLICE("beef"), 0, &match), PATTERN_FOUND);
	assert_null(match.type.ptr);
	assert_true(slice_eq(match.id, SLICE("beef")));
	pattern_destroy(pattern);
}

static void any_bytes_can_be_searched(void **state)
{
	struct pattern *pattern = compile("b\\x00\\xff");
	struct pattern_match match;

	(void)state;
	assert_int_equal(
	    pattern_find(pattern, SLICE("\xC0\0b\0\xFF\xFE"), 0, &match), PATTERN_FOUND);
	assert_int_equal(match.all.len, 3);
	pattern_destroy(pattern);
}

static void a_broken_pattern_says_what_and_where(void **state)
{
	static const char *const broken[] = { "a(b", "[z-a]", "(?<id>a)(?<id>b)",
		"(*UTF)a", "*", "(?J)(?<id>a)(?<id>b)" };
	struct pattern *pattern = NULL;
	struct err err = { .text = "" };

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		assert_int_equal(pattern_compile(broken[i], &pattern, &err), -EINVAL);
		assert_null(pattern);
	}
	assert_int_equal(pattern_compile("ab(c", &pattern, &err), -EINVAL);
	assert_non_null(strstr(err.text, "offset 4"));
	pattern_destroy(NULL);
}

static void catastrophic_backtracking_stops_at_the_limit(void **state)
{
	struct pattern *pattern = compile("^(?:a+)+$");
	struct pattern_match match;
	char text[64];
	int64_t begin = mono_ns();

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '!';
	assert_int_equal(
	    pattern_find(pattern, (struct slice){ text, sizeof(text) }, 0, &match),
	    PATTERN_LIMIT);
	assert_true(mono_ns() - begin < INT64_C(2000000000));
	pattern_destroy(pattern);
}

static void a_pattern_that_outgrows_the_jit_stack_still_matches(void **state)
{
	static char text[20000];
	struct pattern *pattern = compile("^(?:(a|b)(c?))*z$");
	struct pattern_match match;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = 'z';
	assert_int_equal(
	    pattern_find(pattern, (struct slice){ text, sizeof(text) }, 0, &match),
	    PATTERN_FOUND);
	assert_int_equal(match.all.len, sizeof(text));
	pattern_destroy(pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_are_found_one_after_another),
		cmocka_unit_test(named_groups_are_given_and_absent_ones_are_null),
		cmocka_unit_test(any_bytes_can_be_searched),
		cmocka_unit_test(a_broken_pattern_says_what_and_where),
		cmocka_unit_test(catastrophic_backtracking_stops_at_the_limit),
		cmocka_unit_test(a_pattern_that_outgrows_the_jit_stack_still_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

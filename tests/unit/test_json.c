/* SPDX-License-Identifier: MIT */
/*
 * test_json: JSON strings that PostgreSQL takes, and UTF-8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/utf8.h"

#define FFFD "\xEF\xBF\xBD"

static void check_string(struct slice text, const char *wanted)
{
	struct buf out = { 0 };

	json_put_string(&out, text);
	buf_putc(&out, '\0');
	assert_string_equal(out.ptr, wanted);
	buf_finish(&out);
}

static void quotes_backslashes_and_controls_are_escaped(void **state)
{
	(void)state;
	check_string(SLICE(""), "\"\"");
	check_string((struct slice){ NULL, 0 }, "\"\"");
	check_string(SLICE("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
	check_string(
	    SLICE("\b\f\n\r\t\x01\x1F\x7F"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\"");
	check_string(SLICE("\xD0\xBF\xE2\x82\xAC\xF0\x9F\x98\x80"),
	    "\"\xD0\xBF\xE2\x82\xAC\xF0\x9F\x98\x80\"");
}

static void zero_bytes_and_invalid_utf8_become_the_replacement_character(void **state)
{
	struct buf out = { 0 };

	(void)state;
	check_string(SLICE("a\0b"), "\"a" FFFD "b\"");
	check_string(SLICE("\xFF"), "\"" FFFD "\"");
	check_string(SLICE("\xC0\xAF"), "\"" FFFD FFFD "\"");          /* overlong */
	check_string(SLICE("\xED\xA0\x80"), "\"" FFFD FFFD FFFD "\""); /* surrogate */
	check_string(
	    SLICE("\xF4\x90\x80\x80"), "\"" FFFD FFFD FFFD FFFD "\""); /* > U+10FFFF */
	check_string(SLICE("\xE2\x82"), "\"" FFFD FFFD "\"");          /* cut short */
	check_string(SLICE("\xE2\x82\""), "\"" FFFD FFFD "\\\"\"");
	utf8_put_clean(&out, SLICE("\"\n\0\xFE\\"));
	assert_true(slice_eq(buf_slice(&out), SLICE("\"\n" FFFD FFFD "\\")));
	buf_finish(&out);
}

static void well_formed_sequences_are_measured(void **state)
{
	(void)state;
	assert_int_equal(utf8_length(SLICE("")), 0);
	assert_int_equal(utf8_length(SLICE("a")), 1);
	assert_int_equal(utf8_length(SLICE("\xC2\x80")), 2);
	assert_int_equal(utf8_length(SLICE("\xE0\xA0\x80")), 3);
	assert_int_equal(utf8_length(SLICE("\xE0\x9F\x80")), 0);
	assert_int_equal(utf8_length(SLICE("\xED\x9F\xBF")), 3);
	assert_int_equal(utf8_length(SLICE("\xF0\x90\x80\x80")), 4);
	assert_int_equal(utf8_length(SLICE("\xF0\x8F\x80\x80")), 0);
	assert_int_equal(utf8_length(SLICE("\xF4\x8F\xBF\xBF")), 4);
	assert_int_equal(utf8_length(SLICE("\xF0\x90\x80")), 0);
	assert_int_equal(utf8_length(SLICE("\x80")), 0);
	assert_int_equal(utf8_length(SLICE("\xF5\x80\x80\x80")), 0);
}

static void a_cut_never_falls_inside_a_sequence(void **state)
{
	struct slice text = SLICE("a\xD0\xBF\xE2\x82\xAC\xF0\x9F\x98\x80z");
	static const size_t wanted[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };

	(void)state;
	for (size_t max = 0; max < sizeof(wanted) / sizeof(wanted[0]); max++) {
		assert_int_equal(utf8_prefix(text, max), wanted[max]);
	}
	/* what is no sequence anyway may be cut anywhere */
	assert_int_equal(utf8_prefix(SLICE("\x80\x80\x80\x80\x80"), 4), 4);
	assert_int_equal(utf8_prefix(SLICE("\xE2zz"), 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes_backslashes_and_controls_are_escaped),
		cmocka_unit_test(
		    zero_bytes_and_invalid_utf8_become_the_replacement_character),
		cmocka_unit_test(well_formed_sequences_are_measured),
		cmocka_unit_test(a_cut_never_falls_inside_a_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_fields: stepping through header lines, and membership in lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fields.h"

static void lines_come_in_order_with_trimmed_values(void **state)
{
	struct slice rest =
	    SLICE("Host: a.b\r\nX-Empty:\r\nX-Pad: \t two words \t\r\nX-Colon:a:b\r\n");
	struct field field;

	(void)state;
	assert_true(fields_next(&rest, &field));
	assert_true(slice_eq(field.name, SLICE("Host")));
	assert_true(slice_eq(field.value, SLICE("a.b")));
	assert_true(slice_eq(field.line, SLICE("Host: a.b\r\n")));
	assert_true(fields_next(&rest, &field));
	assert_true(slice_eq(field.name, SLICE("X-Empty")));
	assert_non_null(field.value.ptr);
	assert_int_equal(field.value.len, 0);
	assert_true(fields_next(&rest, &field));
	assert_true(slice_eq(field.value, SLICE("two words")));
	assert_true(fields_next(&rest, &field));
	assert_true(slice_eq(field.value, SLICE("a:b")));
	assert_false(fields_next(&rest, &field));
	assert_false(fields_next(&rest, &field));
}

static void odd_blocks_neither_loop_nor_overrun(void **state)
{
	static const char *const blocks[] = { "", "\r\n", "a", "a:", ":", "a\r\n", "a: b",
		"\n", "\r" };
	struct field field;

	(void)state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct slice rest = slice_of(blocks[i]);
		int lines = 0;

		while (fields_next(&rest, &field)) {
			lines++;
			assert_true(field.line.len > 0);
		}
		assert_true(lines <= 1);
	}
	assert_null(fields_find((struct slice){ NULL, 0 }, SLICE("a")).ptr);
}

static void the_first_field_of_a_name_is_found_in_any_case(void **state)
{
	struct slice block = SLICE(
	    "Accept: x\r\ncontent-TYPE: text/plain\r\nContent-Type: b\r\nEmpty:\r\n");

	(void)state;
	assert_true(
	    slice_eq(fields_find(block, SLICE("Content-Type")), SLICE("text/plain")));
	assert_non_null(fields_find(block, SLICE("empty")).ptr);
	assert_null(fields_find(block, SLICE("Content")).ptr);
}

static void list_members_are_compared_whole_and_without_parameters(void **state)
{
	struct slice block =
	    SLICE("TE: trailers;q=0.5 , deflate\r\nConnection: keep-alive,,X-One\r\n"
	          "Connection: \"close, X-Quoted\", upgrade\r\n");

	(void)state;
	assert_true(fields_list_has(block, SLICE("te"), SLICE("Trailers")));
	assert_true(fields_list_has(block, SLICE("te"), SLICE("deflate")));
	assert_false(fields_list_has(block, SLICE("te"), SLICE("def")));
	assert_true(fields_list_has(block, SLICE("Connection"), SLICE("x-one")));
	assert_true(fields_list_has(block, SLICE("Connection"), SLICE("Upgrade")));
	assert_false(fields_list_has(block, SLICE("Connection"), SLICE("close")));
	assert_false(fields_list_has(block, SLICE("Connection"), SLICE("X-Quoted")));
	assert_false(fields_list_has(block, SLICE("Upgrade"), SLICE("websocket")));
	assert_false(fields_list_has(SLICE("A: \"x\\\r\n"), SLICE("a"), SLICE("x")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_in_order_with_trimmed_values),
		cmocka_unit_test(odd_blocks_neither_loop_nor_overrun),
		cmocka_unit_test(the_first_field_of_a_name_is_found_in_any_case),
		cmocka_unit_test(list_members_are_compared_whole_and_without_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_array: arrays that become longer keep what they hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/array.h"

static void array_holds_all_that_was_put(void **state)
{
	int *item = NULL;
	size_t cap = 0;
	size_t moves = 0;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		size_t before = cap;

		item = array_grow(item, i, &cap, sizeof(*item));
		assert_non_null(item);
		assert_true(cap > i);
		moves += cap != before;
		item[i] = (int)i;
	}
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(item[i], i);
	}
	assert_true(moves < 10);
	free(item);
}

static void array_with_room_stays_where_it_is(void **state)
{
	size_t cap = 0;
	char *item = array_grow(NULL, 0, &cap, 1);
	size_t first = cap;

	(void)state;
	assert_non_null(item);
	assert_ptr_equal(array_grow(item, first - 1, &cap, 1), item);
	assert_int_equal(cap, first);
	free(item);
}

static void too_large_a_size_leaves_it_as_it_was(void **state)
{
	size_t cap = SIZE_MAX / 2 + 1;
	int item = 7;

	(void)state;
	assert_null(array_grow(&item, cap, &cap, sizeof(item))); /* twice that is 0 */
	assert_int_equal(cap, SIZE_MAX / 2 + 1);
	cap = SIZE_MAX / 4;
	assert_null(array_grow(&item, cap, &cap, sizeof(item)));
	assert_int_equal(cap, SIZE_MAX / 4);
	assert_int_equal(item, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(array_holds_all_that_was_put),
		cmocka_unit_test(array_with_room_stays_where_it_is),
		cmocka_unit_test(too_large_a_size_leaves_it_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "sql/ballast.h"

#include <sys/stat.h>

#include "store_help.h"

static void reserve_is_made_once_and_given(void **state)
{
	struct scratch scratch;
	struct ballast ballast = { .bytes = 128 * 1024 };
	struct stat info;

	(void)state;
	scratch_init(&scratch);
	ballast.path = scratch.path;
	ballast_give(&ballast);
	assert_int_equal(ballast_lent(&ballast), 0); /* none is kept yet */
	assert_true(ballast_keep(&ballast));
	assert_int_equal(stat(scratch.path, &info), 0);
	assert_int_equal(info.st_size, 128 * 1024);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_true(info.st_blocks * 512 >= info.st_size); /* it does take the room */
	assert_true(ballast_keep(&ballast));
	assert_int_equal(ballast_lent(&ballast), 0);
	ballast_give(&ballast);
	assert_int_equal(stat(scratch.path, &info), 0);
	assert_int_equal(info.st_size, 0);
	assert_int_equal(ballast_lent(&ballast), 128 * 1024);
	ballast_restore(&ballast);
	assert_int_equal(stat(scratch.path, &info), 0);
	assert_int_equal(info.st_size, 128 * 1024);
	assert_int_equal(ballast_lent(&ballast), 0);
	scratch_finish(&scratch);
}

static void no_path_is_no_reserve(void **state)
{
	struct ballast ballast = { .bytes = 1 << 20 };

	(void)state;
	assert_false(ballast_keep(&ballast));
	ballast_restore(&ballast);
	ballast_give(&ballast);
	assert_int_equal(ballast_lent(&ballast), 0);
}

static void folder_that_is_not_there_is_no_reserve(void **state)
{
	struct ballast ballast = { .path = "/nowhere/ballast", .bytes = 1 << 20 };

	(void)state;
	assert_false(ballast_keep(&ballast));
	ballast_restore(&ballast);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reserve_is_made_once_and_given),
		cmocka_unit_test(no_path_is_no_reserve),
		cmocka_unit_test(folder_that_is_not_there_is_no_reserve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

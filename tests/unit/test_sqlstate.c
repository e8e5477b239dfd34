/* SPDX-License-Identifier: MIT */
/*
 * What the shipper makes of PostgreSQL's codes, row by row of the table in
 * docs/delivery.md.
 */
#include "sql/sqlstate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_class(
    enum delivery_class class, const char *const *codes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (sqlstate_class(codes[i], true) != class) {
			fail_msg("%s is %d", codes[i], sqlstate_class(codes[i], true));
		}
	}
}

#define ASSERT_CLASS(class, ...)                                                         \
	do {                                                                             \
		static const char *const codes[] = { __VA_ARGS__ };                      \
		assert_class(class, codes, sizeof(codes) / sizeof(codes[0]));            \
	} while (0)

static void every_code_of_the_table_has_its_class(void **state)
{
	(void)state;
	ASSERT_CLASS(DELIVERY_TRANSPORT, "08000", "08003", "08006", "08P01", "57P01",
	    "57P02", "57P03", "57P05", "26000");
	ASSERT_CLASS(DELIVERY_READ_ONLY, "25006");
	ASSERT_CLASS(DELIVERY_RESOURCES, "53100", "53200", "53300", "55P03", "40001",
	    "40P01", "58030", "XX000");
	ASSERT_CLASS(DELIVERY_TOO_SLOW, "57014");
	ASSERT_CLASS(DELIVERY_DATA, "22P05", "22P02", "22021", "22003", "22001", "22008",
	    "23502", "23514", "23505", "54000", "54001", "21000", "P0001");
	ASSERT_CLASS(DELIVERY_SCHEMA, "42P01", "42703", "42501", "42P10", "3D000",
	    "28P01", "28000", "3F000", "0A000");
}

static void check_violation_without_a_constraint_is_a_missing_partition(void **state)
{
	(void)state;
	assert_int_equal(sqlstate_class("23514", false), DELIVERY_SCHEMA);
	assert_non_null(sqlstate_advice("23514", false));
	assert_int_equal(sqlstate_class("23514", true), DELIVERY_DATA);
	assert_int_equal(sqlstate_class("23502", false), DELIVERY_DATA);
}

static void unknown_code_waits_and_gives_no_row_up(void **state)
{
	(void)state;
	assert_int_equal(sqlstate_class("ZZ999", true), DELIVERY_RESOURCES);
	assert_int_equal(sqlstate_class("", false), DELIVERY_RESOURCES);
	assert_null(sqlstate_advice("ZZ999", true));
}

static void what_a_person_must_mend_comes_with_what_to_do(void **state)
{
	static const char *const codes[] = { "42P01", "42703", "42501", "3D000", "28P01",
		"3F000", "25006", "53100" };

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		assert_non_null(sqlstate_advice(codes[i], true));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_of_the_table_has_its_class),
		cmocka_unit_test(
		    check_violation_without_a_constraint_is_a_missing_partition),
		cmocka_unit_test(unknown_code_waits_and_gives_no_row_up),
		cmocka_unit_test(what_a_person_must_mend_comes_with_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

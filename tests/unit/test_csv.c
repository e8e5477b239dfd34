/* SPDX-License-Identifier: MIT */
/*
 * test_csv: cells of the export, and the set behind live rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dashboard/csv.h"
#include "dashboard/seen.h"

#include <stdio.h>

static void a_cell_is_guarded_and_quoted_where_it_must_be(void **state)
{
	static const struct {
		const char *text;
		const char *cell;
	} cases[] = {
		{ "plain", "plain" },
		{ "", "\"\"" },
		{ "=1+1", "'=1+1" },
		{ "+1", "'+1" },
		{ "-1", "'-1" },
		{ "@a", "'@a" },
		{ "\ta", "\"'\ta\"" },
		{ "\ra", "\"'\ra\"" },
		{ "a=1", "a=1" },
		{ "'=1", "'=1" },
		{ "=\"a\"", "\"'=\"\"a\"\"\"" },
		{ "a,b", "\"a,b\"" },
		{ "a;=b", "\"a;=b\"" },
		{ "a\nb", "\"a\nb\"" },
		{ "\"", "\"\"\"\"" },
		{ "a\"\"b\"", "\"a\"\"\"\"b\"\"\"" },
		{ " a", "\" a\"" },
		{ "a ", "\"a \"" },
		{ "\xD0\x9F", "\xD0\x9F" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = { 0 };

		csv_put_cell(&out, slice_of(cases[i].text), false);
		buf_putc(&out, '\0');
		assert_false(out.failed);
		assert_string_equal(out.ptr, cases[i].cell);
		buf_finish(&out);
	}
}

static void null_is_an_empty_cell(void **state)
{
	struct buf out = { 0 };

	(void)state;
	csv_put_cell(&out, SLICE(""), true);
	assert_int_equal(out.len, 0);
	buf_finish(&out);
}

static void a_set_knows_what_was_added_and_nothing_else(void **state)
{
	struct seen seen = { 0 };

	(void)state;
	assert_false(seen_has(&seen, 1));
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < 5000; i++) {
			char text[16];
			uint64_t hash;

			(void)snprintf(text, sizeof(text), "row %d", i);
			hash = seen_hash(0, slice_of(text));
			assert_int_equal(seen_has(&seen, hash), turn == 1);
			seen_add(&seen, hash);
		}
	}
	assert_int_equal(seen.count, 5000);
	assert_false(seen_has(&seen, seen_hash(0, SLICE("row 5000"))));
	assert_int_not_equal(
	    seen_hash(seen_hash(0, SLICE("a")), SLICE("b")), seen_hash(0, SLICE("b")));
	seen_finish(&seen);
	assert_false(seen_has(&seen, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cell_is_guarded_and_quoted_where_it_must_be),
		cmocka_unit_test(null_is_an_empty_cell),
		cmocka_unit_test(a_set_knows_what_was_added_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

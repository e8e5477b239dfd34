/* SPDX-License-Identifier: MIT */
/*
 * test_buf: growing bytes, and the small parts beside them (clock, counter, err).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/err.h"

#include <errno.h>

static void puts_of_all_kinds_follow_one_another(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "one");
	buf_putc(&b, ',');
	buf_put_slice(&b, SLICE("two"));
	buf_put(&b, NULL, 0);
	buf_printf(&b, ",%d,%s", 3, "four");
	assert_int_equal(b.len, 14);
	assert_memory_equal(b.ptr, "one,two,3,four", 14);
	buf_finish(&b);
	assert_null(b.ptr);
	buf_finish(&b);
}

static void a_large_content_arrives_whole(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 100000; i++) {
		buf_putc(&b, (char)('a' + i % 26));
	}
	buf_printf(&b, "%0500d", 7);
	assert_false(b.failed);
	assert_int_equal(b.len, 100500);
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(b.ptr[i], 'a' + i % 26);
	}
	assert_int_equal(b.ptr[100499], '7');
	buf_wipe(&b);
	assert_int_equal(b.cap, 0);
}

static void an_impossible_size_fails_once_and_for_all(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "kept");
	assert_false(buf_reserve(&b, SIZE_MAX - 2));
	assert_true(b.failed);
	buf_puts(&b, "dropped");
	buf_putc(&b, 'x');
	buf_printf(&b, "%d", 1);
	assert_int_equal(b.len, 4);
	assert_null(buf_steal(&b));
	assert_null(b.ptr);
}

static void stolen_text_is_terminated_and_leaves_an_empty_buf(void **state)
{
	struct buf b = { 0 };
	char *text = buf_steal(&b);

	(void)state;
	assert_string_equal(text, "");
	free(text);
	buf_puts(&b, "abc");
	text = buf_steal(&b);
	assert_string_equal(text, "abc");
	assert_int_equal(b.len, 0);
	assert_null(b.ptr);
	free(text);
}

static void truncate_never_grows(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "abcdef");
	buf_truncate(&b, 10);
	assert_int_equal(b.len, 6);
	buf_truncate(&b, 2);
	assert_true(slice_eq(buf_slice(&b), SLICE("ab")));
	buf_finish(&b);
	assert_true(slice_eq(buf_slice(&b), SLICE("")));
}

static void dates_are_written_in_utc_with_microseconds(void **state)
{
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	clock_format_us(INT64_C(1795461000123456), text);
	assert_string_equal(text, "2026-11-23T19:10:00.123456Z");
	clock_format_us(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
	clock_format_us(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
	clock_format_us(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
	clock_format_us(INT64_MIN, text);
	assert_string_equal(text, "0000-01-01T00:00:00.000000Z");
}

static void the_monotonic_clock_never_goes_back(void **state)
{
	int64_t last = mono_ns();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t now = mono_ns();

		assert_true(now >= last);
		last = now;
	}
	assert_true(wall_us() > INT64_C(1700000000000000));
}

static void counters_add_up_and_have_names(void **state)
{
	uint64_t before = counter_get(COUNTER_TUNNELS);

	(void)state;
	counter_add(COUNTER_TUNNELS, 2);
	counter_add(COUNTER_TUNNELS, 3);
	assert_int_equal(counter_get(COUNTER_TUNNELS), before + 5);
	assert_string_equal(counter_name(COUNTER_CALLS_BEGUN), "calls_begun");
	for (int i = 0; i < COUNTER_COUNT; i++) {
		assert_true(counter_name((enum counter)i)[0] != '\0');
		assert_true(counter_help((enum counter)i)[0] != '\0');
	}
}

static void an_error_can_wrap_its_own_text_and_is_cut_to_fit(void **state)
{
	struct err err = { .text = "" };

	(void)state;
	assert_int_equal(err_set(&err, EINVAL, "bad %s", "port"), -EINVAL);
	assert_int_equal(err_set(&err, EIO, "config: %s", err.text), -EIO);
	assert_string_equal(err.text, "config: bad port");
	assert_int_equal(err_set(NULL, EIO, "nobody reads this"), -EIO);
	(void)err_set(&err, EIO, "%05000d", 1);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_of_all_kinds_follow_one_another),
		cmocka_unit_test(a_large_content_arrives_whole),
		cmocka_unit_test(an_impossible_size_fails_once_and_for_all),
		cmocka_unit_test(stolen_text_is_terminated_and_leaves_an_empty_buf),
		cmocka_unit_test(truncate_never_grows),
		cmocka_unit_test(dates_are_written_in_utc_with_microseconds),
		cmocka_unit_test(the_monotonic_clock_never_goes_back),
		cmocka_unit_test(counters_add_up_and_have_names),
		cmocka_unit_test(an_error_can_wrap_its_own_text_and_is_cut_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

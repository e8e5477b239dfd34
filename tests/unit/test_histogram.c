/* SPDX-License-Identifier: MIT */
/*
 * test_histogram: the buckets of durations; what a range is covered
 * by; sums by several columns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dashboard/cover.h"
#include "dashboard/filter.h"
#include "dashboard/histogram.h"
#include "dashboard/tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR_US INT64_C(3600000000)
#define SLOT_US (COVER_SLOT_S * INT64_C(1000000))

/* Where a bucket may begin or end, and beside it. */
static void every_edge(void (*look)(void *arg, int64_t ms), void *arg)
{
	for (int64_t ms = -2; ms < 100; ms++) {
		look(arg, ms);
	}
	for (int shift = 6; shift < 31; shift++) {
		for (int64_t sub = 16; sub < 32; sub++) {
			int64_t edge = sub << (shift - 4);

			look(arg, edge - 1);
			look(arg, edge);
			look(arg, edge + 1);
		}
	}
	look(arg, INT32_MAX - 1);
	look(arg, INT32_MAX);
}

static void look_at_error(void *arg, int64_t ms)
{
	struct histogram *histogram = arg;
	int64_t read;

	memset(histogram, 0, sizeof(*histogram));
	histogram_add(histogram, histogram_index(ms), 3);
	read = histogram_percentile(histogram, 0.95);
	ms = ms < 0 ? 0 : ms;
	assert_true(llabs(read - ms) <= (int64_t)(HISTOGRAM_ERROR * (double)ms));
}

static void a_percentile_is_as_near_as_is_said(void **state)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));

	(void)state;
	every_edge(look_at_error, histogram);
	free(histogram);
}

static void text_and_histogram_are_the_same(void **state)
{
	static const char *const bad[] = { "1", "1:", ":1", "1:2 ", "1:2  3:4", "448:1",
		"-1:1", "1:2,3:4", "x" };
	struct histogram *one = calloc(2, sizeof(*one));
	struct histogram *two = one + 1;
	struct buf text = { 0 };

	(void)state;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i += 7) {
		histogram_add(one, i, (uint64_t)i + 1);
	}
	histogram_put(&text, one);
	assert_true(histogram_parse(two, buf_slice(&text)));
	assert_memory_equal(one, two, sizeof(*one));
	assert_true(histogram_parse(two, SLICE(""))); /* of a group without durations */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(histogram_parse(two, slice_of(bad[i])));
	}
	buf_finish(&text);
	free(one);
}

static void a_list_of_durations_is_sorted_into_buckets(void **state)
{
	static const char *const bad[] = { "1,", ",1", "1 2", "1,,2", "-", "x", "{1}",
		"1.5", "2147483649" };
	struct histogram *one = calloc(2, sizeof(*one));
	struct histogram *two = one + 1;

	(void)state;
	histogram_add(one, histogram_index(0), 2);
	histogram_add(one, histogram_index(17), 1);
	histogram_add(one, histogram_index(INT32_MAX), 1);
	assert_true(histogram_parse_list(two, SLICE("17,-2147483648,0,2147483647")));
	assert_true(histogram_parse_list(two, SLICE("")));
	assert_memory_equal(one, two, sizeof(*one));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(histogram_parse_list(two, slice_of(bad[i])));
	}
	free(one);
}

/* Whole, in order, without gaps; no dirty slot in a rollup; aligned. */
static void check_cover(const struct cover *cover, int64_t from_us, int64_t to_us,
    int64_t max_level_s, const int64_t *dirty, size_t dirty_count)
{
	int64_t at_us = from_us;

	for (size_t i = 0; i < cover->count; i++) {
		const struct cover_part *part = &cover->part[i];

		assert_true(part->from_us == at_us && part->to_us > at_us);
		assert_true(part->level_s <= max_level_s);
		at_us = part->to_us;
		if (part->level_s == COVER_ROWS) {
			continue;
		}
		assert_int_equal(part->from_us % (part->level_s * 1000000), 0);
		assert_int_equal(part->to_us % (part->level_s * 1000000), 0);
		for (size_t k = 0; k < dirty_count; k++) {
			assert_true(dirty[k] * SLOT_US + SLOT_US <= part->from_us ||
			            dirty[k] * SLOT_US >= part->to_us);
		}
	}
	assert_int_equal(at_us, to_us);
}

static void a_range_is_covered_whatever_is_dirty(void **state)
{
	const int64_t hour = 480000; /* a day and an hour begin here */
	struct cover cover = { 0 };

	(void)state;
	srandom(1);
	for (int round = 0; round < 3000; round++) {
		int64_t dirty[8];
		size_t count = (size_t)random() % 8;
		int64_t from_us = hour * HOUR_US + random() % (100 * HOUR_US);
		int64_t to_us = from_us + 1 + random() % (100 * HOUR_US);
		int64_t level_s = cover_level_s[random() % COVER_LEVELS];

		for (size_t i = 0; i < count; i++) {
			dirty[i] = (i ? dirty[i - 1] : hour * 12) + 1 + random() % 300;
		}
		assert_true(cover_make(&cover, from_us, to_us, level_s, dirty, count));
		check_cover(&cover, from_us, to_us, level_s, dirty, count);
	}
	assert_true(
	    cover_make(&cover, hour * HOUR_US, (hour + 72) * HOUR_US, 86400, NULL, 0));
	assert_int_equal(cover.count, 1);
	assert_int_equal(cover.part[0].level_s, 86400);
	assert_true(cover_make(
	    &cover, hour * HOUR_US, (hour + 72) * HOUR_US, COVER_ROWS, NULL, 0));
	assert_int_equal(cover.part[0].level_s, COVER_ROWS);
	cover_finish(&cover);
}

static void equal_fields_are_one_entry(void **state)
{
	struct tally tally = { .max = 1000 };

	(void)state;
	for (int i = 0; i < 3000; i++) {
		char text[16];
		struct slice field[2];
		struct tally_entry *entry;

		(void)snprintf(text, sizeof(text), "%d", i % 1500);
		field[0] = slice_of(text);
		field[1] = SLICE("x");
		entry = tally_at(&tally, field, 2);
		if (i % 1500 >= 1000) {
			assert_null(entry);
			continue;
		}
		assert_non_null(entry);
		entry->count += (uint64_t)(i % 1500);
	}
	assert_true(tally.over);
	assert_int_equal(tally.count, 1000);
	assert_true(tally_at(&tally, (struct slice[]){ SLICE("1"), SLICE("x") }, 2) !=
	            tally_at(&tally, (struct slice[]){ SLICE("10"), SLICE("x") }, 2));
	tally_sort(&tally);
	assert_int_equal(tally.entry[0]->count, 2 * 999);
	assert_int_equal(tally.entry[999]->count, 0);
	tally_finish(&tally);
}

static void times_are_read_in_every_form(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} times[] = {
		{ "2026-11-25", INT64_C(1795564800000000) },
		{ "2026-11-25T06:38:39.123456Z", INT64_C(1795588719123456) },
		{ "2026-11-25T06:38:39Z", INT64_C(1795588719000000) },
		{ "2026-11-25 06:38Z", INT64_C(1795588680000000) },
		{ "2026-11-25T11:38:39.5+05:00", INT64_C(1795588719500000) },
		{ "2026-11-25T11:38:39 05:00", INT64_C(1795588719000000) },
		{ "2026-11-25T00:38:39-0600", INT64_C(1795588719000000) },
		{ "", -1 },
		{ "now", -1 },
		{ "2026-13-01", -1 },
		{ "2026-11-25T", -1 },
		{ "2026-11-25T25:00Z", -1 },
		{ "2026-11-25T06:38:39Zx", -1 },
		{ "2026-11-25T06:38:39+99:00", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int64_t us = -1;

		assert_int_equal(
		    filter_time(slice_of(times[i].text), &us), times[i].us >= 0);
		if (times[i].us >= 0) {
			assert_int_equal(us, times[i].us);
		}
	}
}

static void a_filter_says_what_is_wrong(void **state)
{
	static const struct {
		const char *query;
		const char *words; /* NULL: it is fine */
	} filters[] = {
		{ "", NULL },
		{ "range=90d&service=a&service=b&status=failed&q=%25", NULL },
		{ "from=2026-11-01&to=2026-11-02", NULL },
		{ "from=2020-01-01&to=2026-11-02", NULL },
		{ "row=1&live=1", NULL },
		{ "range=1y", "range=1y" },
		{ "from=yesterday", "from=yesterday" },
		{ "from=2026-11-02&to=2026-11-01", "before" },
		{ "entity_id=42", "UUID" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct filter filter;
		struct err err = { "" };
		int rc = filter_read(
		    &filter, slice_of(filters[i].query), INT64_C(1795588719123456), &err);

		assert_int_equal(rc, filters[i].words ? -EINVAL : 0);
		if (filters[i].words) {
			assert_non_null(strstr(err.text, filters[i].words));
		} else {
			int64_t seconds = (filter.to_us - filter.from_us) / 1000000;

			assert_true(seconds / filter.step_s < 400);
		}
		filter_finish(&filter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_percentile_is_as_near_as_is_said),
		cmocka_unit_test(a_list_of_durations_is_sorted_into_buckets),
		cmocka_unit_test(text_and_histogram_are_the_same),
		cmocka_unit_test(a_range_is_covered_whatever_is_dirty),
		cmocka_unit_test(equal_fields_are_one_entry),
		cmocka_unit_test(times_are_read_in_every_form),
		cmocka_unit_test(a_filter_says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

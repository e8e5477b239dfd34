/* SPDX-License-Identifier: MIT */
/*
 * test_uuid7: layout, order and text form of row ids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/uuid7.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 4, PER_THREAD = 20000 };

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

static void an_id_holds_the_time_the_version_and_the_variant(void **state)
{
	int64_t before_ms = wall_us() / 1000;
	struct uuid id = uuid7_make();
	int64_t after_ms = wall_us() / 1000;
	int64_t ms = 0;

	(void)state;
	for (int i = 0; i < 6; i++) {
		ms = ms << 8 | id.byte[i];
	}
	assert_true(ms >= before_ms && ms <= after_ms + 1);
	assert_int_equal(id.byte[6] >> 4, 7);
	assert_int_equal(id.byte[8] >> 6, 2);
}

static void each_id_is_later_than_the_one_before(void **state)
{
	struct uuid last = uuid7_make();

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct uuid next = uuid7_make();

		assert_true(compare(&last, &next) < 0);
		last = next;
	}
}

static void *on_thread(void *arg)
{
	struct uuid *id = (struct uuid *)arg;

	for (int i = 0; i < PER_THREAD; i++) {
		id[i] = uuid7_make();
	}
	return NULL;
}

static void threads_never_share_an_id_and_each_sees_order(void **state)
{
	struct uuid *id = calloc(THREADS * PER_THREAD, sizeof(*id));
	pthread_t thread[THREADS];

	(void)state;
	assert_non_null(id);
	for (int t = 0; t < THREADS; t++) {
		assert_int_equal(
		    pthread_create(&thread[t], NULL, on_thread, id + t * PER_THREAD), 0);
	}
	for (int t = 0; t < THREADS; t++) {
		assert_int_equal(pthread_join(thread[t], NULL), 0);
		for (int i = 1; i < PER_THREAD; i++) {
			assert_true(compare(&id[t * PER_THREAD + i - 1],
			                &id[t * PER_THREAD + i]) < 0);
		}
	}
	qsort(id, THREADS * PER_THREAD, sizeof(*id), compare);
	for (int i = 1; i < THREADS * PER_THREAD; i++) {
		assert_int_not_equal(compare(&id[i - 1], &id[i]), 0);
	}
	free(id);
}

static void text_and_bytes_are_the_same_id(void **state)
{
	struct uuid id;
	char text[UUID_TEXT_SIZE];

	(void)state;
	assert_true(uuid_parse(SLICE("017F22E2-79B0-7CC3-98C4-dc0c0c07398f"), &id));
	assert_int_equal(id.byte[0], 0x01);
	assert_int_equal(id.byte[15], 0x8F);
	uuid_format(&id, text);
	assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void what_only_resembles_a_uuid_is_refused(void **state)
{
	static const char *const bad[] = { "", "017f22e279b07cc398c4dc0c0c07398f",
		"{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398f ",
		"017f22e2-79b0-7cc3-98c4-dc0c0c0739",
		"017f22e2x79b0-7cc3-98c4-dc0c0c07398f",
		"-17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
		"017f22e27-9b0-7cc3-98c4-dc0c0c07398f" };
	struct uuid id = { { 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(uuid_parse(slice_of(bad[i]), &id));
	}
	assert_int_equal(id.byte[0], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_holds_the_time_the_version_and_the_variant),
		cmocka_unit_test(each_id_is_later_than_the_one_before),
		cmocka_unit_test(threads_never_share_an_id_and_each_sees_order),
		cmocka_unit_test(text_and_bytes_are_the_same_id),
		cmocka_unit_test(what_only_resembles_a_uuid_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

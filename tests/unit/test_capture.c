/* SPDX-License-Identifier: MIT */
/*
 * Captures and calls: limits, digests, copies.
 */
#include "call_maker.h"

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void capture_keeps_the_first_bytes_and_counts_all(void **state)
{
	struct capture capture;
	char hex[65] = "";

	(void)state;
	capture_init(&capture, 2);
	capture_add(&capture, "a", 1);
	assert_true(capture_whole(&capture));
	capture_add(&capture, "bc", 2);
	assert_false(capture_whole(&capture));
	assert_int_equal(capture.total, 3);
	assert_int_equal(capture.bytes.len, 2);
	assert_memory_equal(capture.bytes.ptr, "ab", 2);
	assert_true(capture_sha256(&capture, hex));
	assert_string_equal(hex, ABC_SHA256);
	capture_finish(&capture);
}

static void digest_is_the_same_in_one_piece_and_below_the_limit(void **state)
{
	struct capture capture;
	char hex[65] = "";

	(void)state;
	capture_init(&capture, 100);
	capture_add(&capture, "abc", 3);
	assert_null(capture.digest);
	assert_true(capture_sha256(&capture, hex));
	assert_string_equal(hex, ABC_SHA256);
	capture_finish(&capture);
}

static void shed_capture_keeps_its_count_and_takes_no_byte_after_the_hole(void **state)
{
	struct capture capture;
	char hex[65] = "";

	(void)state;
	capture_init(&capture, 100);
	capture_add(&capture, "ab", 2);
	capture_shed(&capture);
	capture_add(&capture, "c", 1);
	assert_false(capture_whole(&capture));
	assert_int_equal(capture.total, 3);
	assert_int_equal(capture.bytes.len, 0);
	assert_false(capture_sha256(&capture, hex));
	capture_finish(&capture);
}

static void snapshot_outlives_its_call(void **state)
{
	struct route_table *table =
	    table_of("service: shop\nhosts: [api.shop.test]\n"
	             "routes:\n  - {path: \"/v1/{id}\", action: \"get_{id}\"}\n");
	struct call *call =
	    call_of(table, &(struct call_text){
	                       .target = "/v1/abc", .body = SLICE("hello"), .limit = 3 });
	struct call *copy = call_snapshot(call);
	char hex[65] = "";
	struct uuid id = call->id;

	(void)state;
	assert_non_null(copy);
	call_destroy(call);
	route_table_unref(table);
	assert_true(copy->in_flight);
	assert_memory_equal(&copy->id, &id, sizeof(id));
	assert_int_equal(copy->match.param_count, 1);
	assert_true(slice_eq(copy->match.param[0].value, SLICE("abc")));
	assert_string_equal(copy->match.action, "get_abc");
	assert_int_equal(copy->request.total, 5);
	assert_true(capture_sha256(&copy->request, hex));
	assert_null(copy->on_settled);
	call_destroy(copy);
}

static void every_outcome_has_its_words(void **state)
{
	(void)state;
	assert_null(outcome_code(OUTCOME_ANSWERED));
	assert_string_equal(outcome_code(OUTCOME_DNS_FAILED), "DNS_FAILED");
	assert_int_equal(outcome_status(OUTCOME_CONNECT_TIMEOUT), 504);
	for (int i = 1; i < OUTCOME_COUNT; i++) {
		assert_non_null(outcome_code((enum outcome)i));
		assert_true(strlen(outcome_text((enum outcome)i)) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capture_keeps_the_first_bytes_and_counts_all),
		cmocka_unit_test(digest_is_the_same_in_one_piece_and_below_the_limit),
		cmocka_unit_test(
		    shed_capture_keeps_its_count_and_takes_no_byte_after_the_hole),
		cmocka_unit_test(snapshot_outlives_its_call),
		cmocka_unit_test(every_outcome_has_its_words),
	};

	(void)row_of;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

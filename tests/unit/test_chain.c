/* SPDX-License-Identifier: MIT */
/*
 * Retry chains: what is the same call, and what it says of the attempts.
 */
#include "call_maker.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/chain.h"

#define SECOND_US 1000000
#define WINDOW_NS ((int64_t)600 * 1000 * SECOND_US)

static struct route_table *shop;
static struct chain *chain;
static struct row row; /* of the last attempt; it owns nothing */
static int64_t now_us;

/* An attempt begun now that took 1 s. Returns its id. */
static struct uuid attempt(const char *fields, const char *target, const char *body,
    enum row_status status, struct chain_step *ret_step)
{
	struct call *call = call_of(
	    shop, &(struct call_text){
	              .fields = fields, .target = target, .body = slice_of(body) });
	struct uuid id = call->id;

	call->created_us = now_us;
	call->marks.ended = call->marks.begun + (int64_t)1000 * SECOND_US;
	row =
	    (struct row){ .id = id, .status = status, .updated_us = now_us + SECOND_US };
	chain_advance(chain, call, &row, ret_step);
	call_destroy(call);
	return id;
}

static struct chain_step failed(const char *body)
{
	struct chain_step step;

	(void)attempt("", "/v1/a", body, ROW_FAILED, &step);
	now_us += 2 * SECOND_US;
	return step;
}

static int setup(void **state)
{
	struct err err;

	(void)state;
	shop = table_of("service: shop\nhosts: [api.shop.test]\n"
	                "routes:\n  - {path: \"/v1/*\", action: things}\n");
	now_us = 1795461000000000;
	assert_int_equal(chain_create(NULL, WINDOW_NS, &chain, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	chain_destroy(chain);
	route_table_unref(shop);
	return 0;
}

static void equal_calls_after_a_failure_are_counted(void **state)
{
	struct chain_step first = failed("x");
	struct chain_step second;
	struct chain_step third;
	struct chain_step fourth;

	(void)state;
	assert_true(first.put);
	assert_false(first.mark);
	assert_int_equal(row.retry_count, 0);
	second = failed("x");
	assert_true(second.mark);
	assert_memory_equal(&second.earlier, &first.link.id, sizeof(second.earlier));
	assert_int_equal(row.retry_count, 1);
	(void)attempt("", "/v1/a", "x", ROW_SUCCESS, &third);
	assert_true(third.mark && third.drop && !third.put);
	assert_memory_equal(&third.earlier, &second.link.id, sizeof(third.earlier));
	assert_int_equal(row.retry_count, 2);
	now_us += 2 * SECOND_US;
	fourth = failed("x");
	assert_false(fourth.mark);
	assert_int_equal(row.retry_count, 0);
}

static void other_bodies_targets_and_keys_are_other_calls(void **state)
{
	struct chain_step step;

	(void)state;
	(void)failed("x");
	step = failed("y");
	assert_false(step.mark);
	(void)attempt("", "/v1/b", "x", ROW_FAILED, &step);
	assert_false(step.mark);
	(void)attempt("Idempotency-Key: k\r\n", "/v1/a", "x", ROW_FAILED, &step);
	assert_false(step.mark);
}

static void idempotency_key_goes_before_the_body(void **state)
{
	struct chain_step step;

	(void)state;
	(void)attempt("Idempotency-Key: k\r\n", "/v1/a", "x", ROW_FAILED, &step);
	now_us += 2 * SECOND_US;
	(void)attempt("idempotency-key: k\r\n", "/v1/a", "y", ROW_FAILED, &step);
	assert_true(step.mark);
	assert_int_equal(row.retry_count, 1);
}

static void attempt_begun_before_the_failure_is_no_retry(void **state)
{
	struct chain_step step;

	(void)state;
	(void)attempt("", "/v1/a", "x", ROW_FAILED, &step);
	(void)attempt("", "/v1/a", "x", ROW_FAILED, &step); /* at the same time */
	assert_false(step.mark);
	assert_true(step.put);
}

static void attempt_after_the_window_is_a_new_call(void **state)
{
	struct chain_step step;

	(void)state;
	(void)failed("x");
	now_us += WINDOW_NS / 1000;
	step = failed("x");
	assert_false(step.mark);
	assert_true(step.stale); /* the old link leaves the store */
	assert_int_equal(row.retry_count, 0);
}

static void call_in_flight_only_looks(void **state)
{
	struct chain_step step;
	struct call *call = NULL;

	(void)state;
	(void)failed("x");
	call =
	    call_of(shop, &(struct call_text){
	                      .target = "/v1/a", .body = SLICE("x"), .in_flight = true });
	call->created_us = now_us;
	row = (struct row){ .status = ROW_PENDING, .updated_us = now_us };
	chain_advance(chain, call, &row, &step);
	assert_true(step.mark && !step.put && !step.drop);
	assert_int_equal(row.retry_count, 1);
	call_destroy(call);
	step = failed("x");
	assert_true(step.mark);
	assert_int_equal(row.retry_count, 1);
}

static void link_of_a_lost_row_is_forgotten(void **state)
{
	struct chain_step step = failed("x");

	(void)state;
	chain_forget(chain, &step);
	step = failed("x");
	assert_false(step.mark);
}

static void memory_is_bounded(void **state)
{
	bool stale = false;

	(void)state;
	for (int i = 0; i < 65536 + 2; i++) {
		struct chain_link link = { .created_us = now_us };

		memcpy(link.fingerprint, &i, sizeof(i));
		chain_load(chain, &link);
	}
	stale = failed("a").stale;
	stale = failed("b").stale || stale;
	assert_true(stale);
}

static void chains_survive_a_restart_with_the_key(void **state)
{
	char path[] = "/tmp/waybill-chain-XXXXXX";
	char file[64];
	struct chain_step first;
	struct chain_step second;
	struct stat st;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(path));
	(void)snprintf(file, sizeof(file), "%s/key", path);
	chain_destroy(chain);
	assert_int_equal(chain_create(file, WINDOW_NS, &chain, &err), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 32);
	first = failed("x");
	chain_destroy(chain);
	assert_int_equal(chain_create(file, WINDOW_NS, &chain, &err), 0);
	chain_load(chain, &first.link);
	second = failed("x");
	assert_true(second.mark);
	assert_int_equal(row.retry_count, 1);
	chain_destroy(chain);
	chain = NULL;
	assert_int_equal(chmod(file, 0640), 0);
	assert_int_equal(chain_create(file, WINDOW_NS, &chain, &err), -EPERM);
	assert_non_null(strstr(err.text, "chmod 600"));
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(truncate(file, 5), 0);
	assert_int_equal(chain_create(file, WINDOW_NS, &chain, &err), -EINVAL);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    equal_calls_after_a_failure_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    other_bodies_targets_and_keys_are_other_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    idempotency_key_goes_before_the_body, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    attempt_begun_before_the_failure_is_no_retry, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    attempt_after_the_window_is_a_new_call, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    call_in_flight_only_looks, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    link_of_a_lost_row_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    chains_survive_a_restart_with_the_key, setup, teardown),
	};

	(void)row_of;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Which old rows the store deletes, and in which steps.
 */
#include "sql/retention.h"

#include <errno.h>

#include "store_help.h"

#define DAY_US INT64_C(86400000000)
#define DAY_NS (DAY_US * 1000)

static int set_up(void **state)
{
	struct scratch *scratch = malloc(sizeof(*scratch));

	assert_non_null(scratch);
	scratch_init(scratch);
	*state = scratch;
	return 0;
}

static int tear_down(void **state)
{
	scratch_finish(*state);
	free(*state);
	return 0;
}

static void put_aged(struct store *store, enum row_status status, int64_t days)
{
	struct row row = make_row(status);
	struct err err = { 0 };

	row.created_us = wall_us() - days * DAY_US;
	assert_int_equal(store_begin(store, &err), 0);
	put_row(store, &row);
	assert_int_equal(store_commit(store, &err), 0);
}

/* Steps until the pass is over; returns how many rows went. */
static int sweep_all(struct store *store, int rows, int *ret_steps)
{
	struct sweep sweep;
	struct err err = { 0 };
	int sum = 0;

	*ret_steps = 0;
	sweep_init(&sweep, 90 * DAY_NS, 180 * DAY_NS, wall_us());
	while (!sweep.done) {
		int deleted = -1;

		if (store_cleanup(store, &sweep, rows, &deleted, &err) != 0) {
			fail_msg("%s", err.text);
		}
		assert_true(deleted >= 0 && deleted <= rows);
		sum += deleted;
		(*ret_steps)++;
		assert_true(*ret_steps < 1000);
	}
	return sum;
}

static void successes_go_after_90_days_and_everything_after_180(void **state)
{
	const struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	int steps;

	put_aged(store, ROW_SUCCESS, 181);
	put_aged(store, ROW_FAILED, 181);
	put_aged(store, ROW_PENDING, 181);
	put_aged(store, ROW_RETRYING, 181);
	put_aged(store, ROW_SUCCESS, 91);
	put_aged(store, ROW_FAILED, 91);
	put_aged(store, ROW_PENDING, 91);
	put_aged(store, ROW_RETRYING, 179);
	put_aged(store, ROW_SUCCESS, 89);
	put_aged(store, ROW_FAILED, 0);
	assert_int_equal(sweep_all(store, 100, &steps), 5);
	assert_int_equal(steps, 1);
	assert_string_equal(query_file(scratch->path,
	                        "SELECT group_concat(status) FROM (SELECT status FROM "
	                        "integration_logs ORDER BY created_at)"),
	    "retrying,failed,pending,success,failed");
	assert_int_equal(sweep_all(store, 100, &steps), 0);
	store_close(store);
}

static void step_looks_at_no_more_rows_than_it_may(void **state)
{
	const struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	int steps;

	for (int i = 0; i < 25; i++) {
		put_aged(
		    store, ROW_FAILED, 100 + i % 5); /* to keep, between the due ones */
		put_aged(store, ROW_SUCCESS, 100 + i % 5);
	}
	assert_int_equal(sweep_all(store, 4, &steps), 25);
	assert_int_equal(steps, 13);
	assert_string_equal(
	    query_file(scratch->path, "SELECT count(*) FROM integration_logs"), "25");
	store_close(store);
}

static void rows_of_one_instant_are_all_looked_at(void **state)
{
	const struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct err err = { 0 };
	int64_t instant = wall_us() - 200 * DAY_US;
	int steps;

	assert_int_equal(store_begin(store, &err), 0);
	for (int i = 0; i < 20; i++) {
		struct row row = make_row(i % 2 ? ROW_FAILED : ROW_SUCCESS);

		row.created_us = instant;
		put_row(store, &row);
	}
	assert_int_equal(store_commit(store, &err), 0);
	assert_int_equal(sweep_all(store, 3, &steps), 20);
	store_close(store);
}

static void row_without_a_time_stays(void **state)
{
	const struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	sqlite3 *db = NULL;
	int steps;

	assert_int_equal(sqlite3_open(scratch->path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db,
	        "INSERT INTO integration_logs (service_name, action, status, created_at)"
	        " VALUES ('a', 'b', 'success', NULL)",
	        NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(sweep_all(store, 10, &steps), 0);
	store_close(store);
}

static void a_pass_is_due_at_once_and_then_each_hour(void **state)
{
	const struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct retention retention = { .success_ns = 90 * DAY_NS,
		.all_ns = 180 * DAY_NS };
	struct err err = { 0 };
	int64_t now = mono_ns();
	int64_t began = now;
	int deleted = 0;
	int sum = 0;

	for (int i = 0; i < 250; i++) {
		put_aged(store, ROW_SUCCESS, 100);
	}
	do {
		assert_int_equal(store_retain(store, &retention, now, &deleted, &err), 0);
		sum += deleted;
		assert_int_equal(store_retain(store, &retention, now, &deleted, &err), 0);
		assert_int_equal(deleted, 0); /* not due before its time */
		now = retention.mono_due_ns;
	} while (retention.sweeping);
	assert_int_equal(sum, 250);
	assert_true(now - began >= INT64_C(3600000000000));

	put_aged(store, ROW_SUCCESS, 100);
	assert_int_equal(store_retain(store, &retention, now - 1, &deleted, &err), 0);
	assert_int_equal(deleted, 0);
	assert_int_equal(store_retain(store, &retention, now, &deleted, &err), 0);
	assert_int_equal(deleted, 1);
	store_close(store);
}

static void another_handle_deletes_beside_the_writer(void **state)
{
	const struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct sweep sweep;
	struct err err = { 0 };
	sqlite3 *db = NULL;
	int deleted = 0;

	put_aged(store, ROW_SUCCESS, 100);
	assert_int_equal(retention_open(scratch->path, &db, &err), 0);
	sweep_init(&sweep, 90 * DAY_NS, 180 * DAY_NS, wall_us());

	/* the writer holds the lock: nothing is deleted, and the step can be made again
	 */
	assert_int_equal(sqlite3_busy_timeout(db, 0), SQLITE_OK);
	assert_int_equal(store_begin(store, &err), 0);
	assert_int_equal(
	    retention_step(db, scratch->path, &sweep, 10, &deleted, &err), -EBUSY);
	assert_false(sweep.done);
	assert_int_equal(store_commit(store, &err), 0);

	assert_int_equal(
	    retention_step(db, scratch->path, &sweep, 10, &deleted, &err), 0);
	assert_int_equal(deleted, 1);
	assert_true(sweep.done);
	put_aged(store, ROW_FAILED, 0);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	store_close(store);
}

static void a_file_of_something_else_is_not_touched(void **state)
{
	const struct scratch *scratch = *state;
	struct err err = { 0 };
	sqlite3 *db = NULL;

	assert_int_equal(retention_open(scratch->path, &db, &err), -ENOENT);
	assert_non_null(strstr(err.text, "waybill run"));
	assert_int_equal(sqlite3_open(scratch->path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "CREATE TABLE theirs (a)", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	db = NULL;
	assert_int_equal(retention_open(scratch->path, &db, &err), -EINVAL);
	assert_null(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    successes_go_after_90_days_and_everything_after_180, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    step_looks_at_no_more_rows_than_it_may, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    rows_of_one_instant_are_all_looked_at, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    row_without_a_time_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_pass_is_due_at_once_and_then_each_hour, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    another_handle_deletes_beside_the_writer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_file_of_something_else_is_not_touched, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

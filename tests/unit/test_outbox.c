/* SPDX-License-Identifier: MIT */
/*
 * The outbox: what is in it when, and what takes it out.
 */
#include "sql/outbox.h"

#include <errno.h>

#include "store_help.h"

struct fixture {
	struct scratch scratch;
	struct store *store;
	struct outbox *outbox;
	struct shipment batch;
};

static struct store *open_delivering(const char *path, bool deliver)
{
	struct store_settings settings = { .path = path, .deliver = deliver };
	struct store *store = NULL;
	char *quarantined = NULL;
	struct err err = { 0 };

	if (store_open(&settings, &store, &quarantined, &err) != 0) {
		fail_msg("%s", err.text);
	}
	assert_null(quarantined);
	return store;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct err err;

	assert_non_null(fixture);
	scratch_init(&fixture->scratch);
	fixture->store = open_delivering(fixture->scratch.path, true);
	assert_int_equal(outbox_open(fixture->scratch.path, &fixture->outbox, &err), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	shipment_finish(&fixture->batch);
	outbox_close(fixture->outbox);
	store_close(fixture->store);
	scratch_finish(&fixture->scratch);
	free(fixture);
	return 0;
}

static void read_all(struct fixture *fixture)
{
	struct outbox_limits limits = { .rows = 1000, .bytes = 1 << 20 };
	struct err err;

	shipment_clear(&fixture->batch);
	assert_int_equal(
	    outbox_read(fixture->outbox, &limits, NULL, &fixture->batch, &err), 0);
}

static void settle_all(struct fixture *fixture, enum row_fate fate)
{
	struct err err;

	for (size_t i = 0; i < fixture->batch.count; i++) {
		struct shipment_row *row = &fixture->batch.row[i];

		row->fate = fate;
		memcpy(row->sqlstate, "22P02", sizeof(row->sqlstate));
		assert_int_equal(
		    shipment_set(&fixture->batch, &row->refusal, SLICE("not json")), 0);
	}
	assert_int_equal(outbox_settle(fixture->outbox, &fixture->batch, &err), 0);
}

static struct outbox_counts counts(struct fixture *fixture)
{
	struct outbox_counts result;
	struct err err;

	assert_int_equal(outbox_count(fixture->outbox, &result, &err), 0);
	return result;
}

static void stored_row_waits_until_it_is_settled(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_FAILED);
	char id[UUID_TEXT_SIZE];

	put_row(fixture->store, &row);
	assert_int_equal(counts(fixture).waiting, 1);
	read_all(fixture);
	assert_int_equal(fixture->batch.count, 1);
	uuid_format(&row.id, id);
	assert_true(slice_eq(
	    shipment_text(&fixture->batch, &fixture->batch.row[0].value[COLUMN_ID]),
	    slice_of(id)));
	assert_true(slice_eq(shipment_text(&fixture->batch,
	                         &fixture->batch.row[0].value[COLUMN_DURATION_MS]),
	    SLICE("231")));
	assert_null(shipment_text(
	    &fixture->batch, &fixture->batch.row[0].value[COLUMN_RELATED_ENTITY_ID])
	                .ptr);
	settle_all(fixture, ROW_FATE_WAITING);
	assert_int_equal(counts(fixture).waiting, 1);
	settle_all(fixture, ROW_FATE_DELIVERED);
	assert_int_equal(counts(fixture).waiting, 0);
}

static void row_that_changes_in_flight_waits_again(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_PENDING);

	put_row(fixture->store, &row);
	read_all(fixture);
	row.status = ROW_SUCCESS;
	put_row(fixture->store, &row);
	settle_all(fixture, ROW_FATE_DELIVERED);
	assert_int_equal(counts(fixture).waiting, 1);
	read_all(fixture);
	settle_all(fixture, ROW_FATE_DELIVERED);
	assert_int_equal(counts(fixture).waiting, 0);
}

static void marking_a_row_as_retried_is_a_change_too(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_FAILED);
	struct err err;

	put_row(fixture->store, &row);
	read_all(fixture);
	settle_all(fixture, ROW_FATE_DELIVERED);
	assert_int_equal(
	    store_mark_retrying(fixture->store, &row.id, wall_us(), &err), 0);
	assert_int_equal(counts(fixture).waiting, 1);
}

static void new_row_in_the_place_of_a_deleted_one_is_not_settled_with_it(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_FAILED);
	sqlite3 *db = NULL;

	put_row(fixture->store, &row);
	read_all(fixture);
	assert_int_equal(sqlite3_open(fixture->scratch.path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "DELETE FROM integration_logs", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(counts(fixture).waiting, 0);
	row = make_row(ROW_SUCCESS);
	put_row(fixture->store, &row);
	settle_all(fixture, ROW_FATE_DELIVERED);
	assert_int_equal(counts(fixture).waiting, 1);
}

static void oldest_rows_come_first_and_batches_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct outbox_limits three = { .rows = 3, .bytes = 1 << 20 };
	struct outbox_limits small = { .rows = 100, .bytes = 1 };
	struct shipment next = { 0 };
	struct err err;

	for (int i = 0; i < 10; i++) {
		struct row row = make_row(ROW_SUCCESS);

		put_row(fixture->store, &row);
	}
	assert_int_equal(
	    outbox_read(fixture->outbox, &three, NULL, &fixture->batch, &err), 0);
	assert_int_equal(fixture->batch.count, 3);
	assert_int_equal(
	    outbox_read(fixture->outbox, &three, &fixture->batch, &next, &err), 0);
	assert_int_equal(next.count, 3);
	assert_int_equal(next.row[0].log_rowid, fixture->batch.row[2].log_rowid + 1);
	shipment_clear(&next);
	assert_int_equal(outbox_read(fixture->outbox, &small, NULL, &next, &err), 0);
	assert_int_equal(next.count, 1);
	shipment_finish(&next);
}

static void refused_row_is_kept_until_it_is_retried_changed_or_dropped(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_FAILED);
	struct uuid other = uuid7_make();
	struct err err;

	put_row(fixture->store, &row);
	read_all(fixture);
	settle_all(fixture, ROW_FATE_REFUSED);
	assert_int_equal(counts(fixture).waiting, 0);
	assert_int_equal(counts(fixture).refused, 1);
	assert_int_equal(outbox_retry(fixture->outbox, &other, &err), 0);
	assert_int_equal(outbox_retry(fixture->outbox, &row.id, &err), 1);
	assert_int_equal(counts(fixture).waiting, 1);
	assert_int_equal(counts(fixture).refused, 0);
	read_all(fixture);
	settle_all(fixture, ROW_FATE_REFUSED);
	row.status = ROW_SUCCESS;
	put_row(fixture->store, &row);
	assert_int_equal(counts(fixture).waiting, 1);
	assert_int_equal(counts(fixture).refused, 0);
	read_all(fixture);
	settle_all(fixture, ROW_FATE_REFUSED);
	assert_int_equal(outbox_drop(fixture->outbox, NULL, &err), 1);
	assert_int_equal(counts(fixture).waiting, 0);
	assert_int_equal(counts(fixture).refused, 0);
	assert_string_equal(
	    query_file(fixture->scratch.path, "SELECT count(*) FROM integration_logs"),
	    "1");
}

static void nothing_is_noted_while_delivery_is_off_and_nothing_is_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_FAILED);

	put_row(fixture->store, &row);
	store_close(fixture->store);
	fixture->store = open_delivering(fixture->scratch.path, false);
	row = make_row(ROW_SUCCESS);
	put_row(fixture->store, &row);
	assert_int_equal(counts(fixture).waiting, 1);
	store_close(fixture->store);
	fixture->store = open_delivering(fixture->scratch.path, true);
	assert_int_equal(counts(fixture).waiting, 1);
}

static void on_room(void *arg)
{
	++*(int *)arg;
}

static void full_disk_drops_delivered_rows_and_no_others(void **state)
{
	struct fixture *fixture = *state;
	struct row rows[4];
	int called = 0;
	struct err err;

	for (int i = 0; i < 4; i++) {
		rows[i] = make_row(i == 1 ? ROW_PENDING : ROW_SUCCESS);
		put_row(fixture->store, &rows[i]);
	}
	read_all(fixture);
	fixture->batch.row[3].fate = ROW_FATE_WAITING;
	for (int i = 0; i < 3; i++) {
		fixture->batch.row[i].fate = ROW_FATE_DELIVERED;
	}
	assert_int_equal(outbox_settle_full(fixture->outbox, &fixture->batch, 10, on_room,
	                     &called, &err),
	    2);
	assert_int_equal(called, 1);
	assert_int_equal(counts(fixture).waiting, 1);
	assert_string_equal(
	    query_file(fixture->scratch.path,
	        "SELECT group_concat(status, ' ') FROM integration_logs ORDER BY rowid"),
	    "pending success");
}

static void commit_is_told_to_who_wants_to_know(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_SUCCESS);
	int told = 0;
	struct err err;

	store_on_commit(fixture->store, on_room, &told);
	assert_int_equal(store_begin(fixture->store, &err), 0);
	put_row(fixture->store, &row);
	assert_int_equal(told, 0);
	assert_int_equal(store_commit(fixture->store, &err), 0);
	assert_int_equal(told, 1);
}

static void outbox_of_no_store_is_an_error_that_says_so(void **state)
{
	struct outbox *outbox = NULL;
	struct err err;

	(void)state;
	assert_int_equal(outbox_open("/nowhere/waybill.db", &outbox, &err), -ENOENT);
	assert_non_null(strstr(err.text, "waybill run"));
	assert_null(outbox);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(stored_row_waits_until_it_is_settled),
		TEST(row_that_changes_in_flight_waits_again),
		TEST(marking_a_row_as_retried_is_a_change_too),
		TEST(new_row_in_the_place_of_a_deleted_one_is_not_settled_with_it),
		TEST(oldest_rows_come_first_and_batches_are_bounded),
		TEST(refused_row_is_kept_until_it_is_retried_changed_or_dropped),
		TEST(nothing_is_noted_while_delivery_is_off_and_nothing_is_forgotten),
		TEST(full_disk_drops_delivered_rows_and_no_others),
		TEST(commit_is_told_to_who_wants_to_know),
		cmocka_unit_test(outbox_of_no_store_is_an_error_that_says_so),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}

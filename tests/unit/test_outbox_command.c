/* SPDX-License-Identifier: MIT */
/*
 * `waybill outbox`, beside an open store.
 */
#include "cmd/outbox.h"

#include "sql/outbox.h"
#include "store_help.h"

struct fixture {
	struct scratch scratch;
	struct store *store;
	struct uuid refused[2];
	char *text; /* what the command printed */
	size_t size;
};

/* Three rows, of which PostgreSQL refused two. */
static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct store_settings settings = { .deliver = true };
	struct outbox_limits limits = { .rows = 2, .bytes = 1 << 20 };
	struct outbox *outbox = NULL;
	struct shipment batch = { 0 };
	char *quarantined = NULL;
	struct err err;

	assert_non_null(fixture);
	scratch_init(&fixture->scratch);
	settings.path = fixture->scratch.path;
	assert_int_equal(store_open(&settings, &fixture->store, &quarantined, &err), 0);
	for (int i = 0; i < 3; i++) {
		struct row row = make_row(ROW_FAILED);

		put_row(fixture->store, &row);
		if (i < 2) {
			fixture->refused[i] = row.id;
		}
	}
	assert_int_equal(outbox_open(fixture->scratch.path, &outbox, &err), 0);
	assert_int_equal(outbox_read(outbox, &limits, NULL, &batch, &err), 0);
	for (size_t i = 0; i < batch.count; i++) {
		batch.row[i].fate = ROW_FATE_REFUSED;
		memcpy(batch.row[i].sqlstate, "22P02", 6);
		assert_int_equal(
		    shipment_set(&batch, &batch.row[i].refusal, SLICE("bad\njson")), 0);
	}
	assert_int_equal(outbox_settle(outbox, &batch, &err), 0);
	shipment_finish(&batch);
	outbox_close(outbox);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture->store);
	scratch_finish(&fixture->scratch);
	free(fixture->text);
	free(fixture);
	return 0;
}

/* Returns the exit code; the output is in fixture->text. */
static int run(struct fixture *fixture, struct outbox_options options)
{
	int rc;

	free(fixture->text);
	fixture->text = NULL;
	options.database = fixture->scratch.path;
	options.out = open_memstream(&fixture->text, &fixture->size);
	assert_non_null(options.out);
	rc = cmd_outbox_run(&options);
	assert_int_equal(fclose(options.out), 0);
	return rc;
}

static void list_shows_refused_rows_with_the_reason_and_waiting_ones(void **state)
{
	struct fixture *fixture = *state;
	char id[UUID_TEXT_SIZE];

	assert_int_equal(run(fixture, (struct outbox_options){ 0 }), 0);
	assert_non_null(strstr(fixture->text, "1 waiting, 2 refused\n"));
	assert_non_null(strstr(fixture->text, "22P02 bad json"));
	uuid_format(&fixture->refused[1], id);
	assert_non_null(strstr(fixture->text, id));
	assert_int_equal(run(fixture, (struct outbox_options){ .limit = 1 }), 0);
	assert_null(strstr(fixture->text, id));
}

static void list_as_json_is_one_object(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(run(fixture, (struct outbox_options){ .json = true }), 0);
	assert_non_null(
	    strstr(fixture->text, "{\"waiting\": 1, \"refused\": 2, \"rows\": [{"));
	assert_non_null(strstr(fixture->text, "\"bad\\njson\""));
	assert_string_equal(fixture->text + fixture->size - 4, "}]}\n");
}

static void retry_and_drop_change_what_is_named(void **state)
{
	struct fixture *fixture = *state;
	char id[UUID_TEXT_SIZE];
	const char *ids[] = { id };
	struct outbox_options retry = {
		.action = OUTBOX_ACTION_RETRY, .ids = ids, .id_count = 1, .json = true
	};
	struct outbox_options drop = { .action = OUTBOX_ACTION_DROP };

	uuid_format(&fixture->refused[0], id);
	assert_int_equal(run(fixture, retry), 0);
	assert_string_equal(fixture->text, "{\"changed\": 1}\n");
	assert_int_equal(run(fixture, retry), 1); /* it waits now */
	assert_int_equal(run(fixture, drop), 0);
	assert_string_equal(fixture->text, "1 rows are given up\n");
	assert_int_equal(run(fixture, (struct outbox_options){ 0 }), 0);
	assert_non_null(strstr(fixture->text, "2 waiting, 0 refused\n"));
}

static void id_that_is_none_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	const char *ids[] = { "0197", "x" };

	assert_int_equal(
	    run(fixture,
	        (struct outbox_options){
	            .action = OUTBOX_ACTION_DROP, .ids = ids, .id_count = 2 }),
	    2);
	assert_int_equal(run(fixture, (struct outbox_options){ 0 }), 0);
	assert_non_null(strstr(fixture->text, "1 waiting, 2 refused\n"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(list_shows_refused_rows_with_the_reason_and_waiting_ones),
		TEST(list_as_json_is_one_object),
		TEST(retry_and_drop_change_what_is_named),
		TEST(id_that_is_none_changes_nothing),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}

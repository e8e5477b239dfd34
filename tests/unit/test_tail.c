/* SPDX-License-Identifier: MIT */
/*
 * waybill tail and waybill stats: what they print while somebody else writes.
 */
#include <pthread.h>
#include <time.h>

#include "cmd/print.h"
#include "cmd/stats.h"
#include "cmd/tail.h"
#include "store_help.h"

struct fixture {
	struct scratch scratch;
	struct store *store;
	struct tail_options options;
	struct tail *tail;
	char *text; /* what was printed */
	size_t size;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	assert_int_equal(setenv("TZ", "UTC-5", 1), 0); /* five hours east: Almaty */
	tzset();
	scratch_init(&fixture->scratch);
	fixture->store = open_store(fixture->scratch.path, NULL);
	fixture->options = (struct tail_options){
		.database = fixture->scratch.path,
		.lines = 10,
		.out = open_memstream(&fixture->text, &fixture->size),
	};
	assert_non_null(fixture->options.out);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	tail_close(fixture->tail);
	assert_int_equal(fclose(fixture->options.out), 0);
	free(fixture->text);
	store_close(fixture->store);
	scratch_finish(&fixture->scratch);
	free(fixture);
	return 0;
}

/* Polls; *ret_text is what that printed. Opens the tail the first time. */
static int poll_tail(struct fixture *fixture, const char **ret_text)
{
	size_t before = fixture->size;
	struct err err = { 0 };
	int shown;

	if (!fixture->tail && tail_open(&fixture->options, &fixture->tail, &err) != 0) {
		fail_msg("%s", err.text);
	}
	shown = tail_poll(fixture->tail, &err);
	if (shown < 0) {
		fail_msg("%s", err.text);
	}
	assert_int_equal(fflush(fixture->options.out), 0);
	if (ret_text) {
		*ret_text = fixture->text + before;
	}
	return shown;
}

static void begins_with_the_last_rows_and_follows(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_SUCCESS);
	const char *text;

	for (int i = 0; i < 15; i++) {
		row.id = uuid7_make();
		put_row(fixture->store, &row);
	}
	assert_int_equal(poll_tail(fixture, NULL), 10);
	assert_int_equal(poll_tail(fixture, NULL), 0);
	row.id = uuid7_make();
	row.action = (char *)"send_batch";
	put_row(fixture->store, &row);
	assert_int_equal(poll_tail(fixture, &text), 1);
	assert_non_null(strstr(text, "send_batch"));
	assert_int_equal(poll_tail(fixture, NULL), 0);
}

static void line_says_what_happened(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_FAILED);
	const char *text;

	row.created_us = 1795461000123456;
	row.retry_count = 2;
	row.error_message = (char *)"line one\nline \033[31mtwo\302\233";
	row.related_entity_type = (char *)"lead";
	assert_true(uuid_parse(
	    SLICE("01976d4c-0000-7000-8000-000000000001"), &row.related_entity_id));
	put_row(fixture->store, &row);
	assert_int_equal(poll_tail(fixture, &text), 1);
	assert_string_equal(text,
	    "2026-11-24 00:10:00.123  failed    resend     send_email                   231 ms  "
	    "retry 2  HTTP_500: line one line \\x1b[31mtwo\\x9b  "
	    "lead/01976d4c-0000-7000-8000-000000000001\n");
}

static void json_has_all_columns_and_nested_payloads(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_SUCCESS);
	char expected[1000];
	char id[UUID_TEXT_SIZE];
	const char *text;

	fixture->options.json = true;
	row.request_payload =
	    (char *)"{ \"n\" : 12345678901234567890,\n\t\"s\": \"a \\\" b\" }";
	row.response_payload = NULL;
	row.error_message = NULL;
	row.created_us = row.updated_us = 1795461000123456;
	put_row(fixture->store, &row);
	uuid_format(&row.id, id);
	(void)snprintf(expected, sizeof(expected),
	    "{\"id\":\"%s\",\"service_name\":\"resend\",\"action\":\"send_email\","
	    "\"status\":\"success\",\"related_entity_type\":null,\"related_entity_id\":null,"
	    "\"request_payload\":{\"n\":12345678901234567890,\"s\":\"a \\\" b\"},"
	    "\"response_payload\":null,\"error_message\":null,\"error_code\":null,"
	    "\"duration_ms\":231,\"retry_count\":0,"
	    "\"created_at\":\"2026-11-23T19:10:00.123456Z\","
	    "\"updated_at\":\"2026-11-23T19:10:00.123456Z\"}\n",
	    id);
	assert_int_equal(poll_tail(fixture, &text), 1);
	assert_string_equal(text, expected);
}

static void changed_status_is_shown_again_once(void **state)
{
	struct fixture *fixture = *state;
	struct row first = make_row(ROW_PENDING);
	struct row second = make_row(ROW_PENDING);
	const char *text;

	put_row(fixture->store, &first);
	assert_int_equal(poll_tail(fixture, &text), 1);
	assert_non_null(strstr(text, "pending"));

	first.status = ROW_FAILED;
	put_row(fixture->store, &first);
	assert_int_equal(
	    store_mark_retrying(fixture->store, &first.id, wall_us(), NULL), 0);
	put_row(fixture->store, &second); /* new, and changed before anybody looked */
	second.status = ROW_SUCCESS;
	put_row(fixture->store, &second);
	assert_int_equal(poll_tail(fixture, &text), 2);
	assert_non_null(strstr(text, "retrying"));
	assert_non_null(strstr(text, "success"));
	assert_null(strstr(text, "pending"));
	assert_int_equal(poll_tail(fixture, NULL), 0);

	second.duration_ms = 5; /* not its status */
	put_row(fixture->store, &second);
	assert_int_equal(poll_tail(fixture, NULL), 0);
}

static void filters_choose_rows(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_SUCCESS);

	fixture->options.service = "resend";
	fixture->options.status = "failed,retrying";
	put_row(fixture->store, &row);
	row = make_row(ROW_FAILED);
	put_row(fixture->store, &row);
	row = make_row(ROW_FAILED);
	row.service_name = (char *)"end";
	put_row(fixture->store, &row);
	assert_int_equal(poll_tail(fixture, NULL), 1);
	row = make_row(ROW_FAILED);
	row.service_name = (char *)"resend2";
	put_row(fixture->store, &row);
	row = make_row(ROW_RETRYING);
	put_row(fixture->store, &row);
	assert_int_equal(poll_tail(fixture, NULL), 1);
}

static void emptied_table_is_followed_on(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_SUCCESS);
	sqlite3 *db = NULL;

	for (int i = 0; i < 5; i++) {
		row.id = uuid7_make();
		put_row(fixture->store, &row);
	}
	assert_int_equal(poll_tail(fixture, NULL), 5);
	assert_int_equal(sqlite3_open(fixture->scratch.path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "DELETE FROM integration_logs", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	row.id = uuid7_make();
	put_row(fixture->store, &row);
	assert_int_equal(poll_tail(fixture, NULL), 1);
	row.id = uuid7_make();
	put_row(fixture->store, &row);
	assert_int_equal(poll_tail(fixture, NULL), 1);
}

static void new_database_in_its_place_is_followed(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_SUCCESS);
	char aside[260];

	put_row(fixture->store, &row);
	assert_int_equal(poll_tail(fixture, NULL), 1);
	store_close(fixture->store);
	(void)snprintf(aside, sizeof(aside), "%s.aside", fixture->scratch.path);
	assert_int_equal(rename(fixture->scratch.path, aside), 0);
	assert_int_equal(poll_tail(fixture, NULL), 0);
	(void)scratch_files(
	    &fixture->scratch, "waybill.db-", true); /* as quarantine does */
	fixture->store = open_store(fixture->scratch.path, NULL);
	row.id = uuid7_make();
	put_row(fixture->store, &row);
	row.id = uuid7_make();
	put_row(fixture->store, &row);
	assert_int_equal(poll_tail(fixture, NULL), 2);
	assert_int_equal(poll_tail(fixture, NULL), 0);
}

#define WRITTEN 3000

static void *write_rows(void *arg)
{
	struct store *store = arg;

	for (int i = 0; i < WRITTEN / 10; i++) {
		assert_int_equal(store_begin(store, NULL), 0);
		for (int k = 0; k < 10; k++) {
			struct row row = make_row(ROW_SUCCESS);

			put_row(store, &row);
		}
		assert_int_equal(store_commit(store, NULL), 0);
	}
	return NULL;
}

static void no_row_is_missed_or_doubled_beside_a_writer(void **state)
{
	struct fixture *fixture = *state;
	pthread_t writer;
	int shown = 0;

	(void)poll_tail(fixture, NULL);
	assert_int_equal(pthread_create(&writer, NULL, write_rows, fixture->store), 0);
	while (shown < WRITTEN) {
		shown += poll_tail(fixture, NULL);
	}
	assert_int_equal(pthread_join(writer, NULL), 0);
	shown += poll_tail(fixture, NULL);
	assert_int_equal(shown, WRITTEN);
}

static void command_ends_with_its_exit_code(void **state)
{
	struct fixture *fixture = *state;
	struct row row = make_row(ROW_SUCCESS);
	struct tail_options options = fixture->options;
	volatile sig_atomic_t stop = 1;

	put_row(fixture->store, &row);
	assert_int_equal(cmd_tail_run(&options), 0);
	options.follow = true;
	options.stop = &stop;
	assert_int_equal(cmd_tail_run(&options), 0);
	options.status = "failed,sucess";
	assert_int_equal(cmd_tail_run(&options), 2);
	options.status = NULL;
	options.database = "/nonexistent/waybill.db";
	assert_int_equal(cmd_tail_run(&options), 1);
}

static void following_ends_when_nobody_reads(void **state)
{
	struct fixture *fixture = *state;
	struct tail_options options = fixture->options;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(close(ends[0]), 0);
	options.follow = true;
	options.out = fdopen(ends[1], "w");
	assert_non_null(options.out);
	assert_int_equal(cmd_tail_run(&options), 0);
	assert_int_equal(fclose(options.out), 0);
}

/* A row of now with this duration, at the start of an hour for a stable table. */
static void put_at(struct store *store, int64_t duration_ms, int64_t created_us)
{
	struct row row = make_row(ROW_FAILED);

	row.duration_ms = duration_ms;
	row.created_us = created_us;
	put_row(store, &row);
}

static void stats_are_aligned_tables(void **state)
{
	struct fixture *fixture = *state;
	struct stats_options options = { fixture->scratch.path, false,
		fixture->options.out };
	int64_t now = wall_us();
	char created[CLOCK_TEXT_SIZE];
	char expected[1000];

	put_at(fixture->store, 1000, now);
	put_at(fixture->store, 1234567, now);
	clock_format_us(now, created);
	(void)snprintf(expected, sizeof(expected),
	    "Last 24 hours, by hour (UTC)\n\n"
	    "service_name  action      status  hour              count  avg_duration_ms  "
	    "max_duration_ms  failed_count\n"
	    "resend        send_email  failed  %.10s %.2s:00      2          617,784        "
	    "1,234,567             2\n\n"
	    "Last 30 days, by day (UTC)\n\n"
	    "service_name  action      status  day         count  avg_duration_ms  failed_count\n"
	    "resend        send_email  failed  %.10s      2          617,784             2\n",
	    created, created + 11, created);
	assert_int_equal(cmd_stats_run(&options), 0);
	assert_string_equal(fixture->text, expected);
}

static void stats_as_json_have_the_columns_of_the_views(void **state)
{
	struct fixture *fixture = *state;
	struct stats_options options = { fixture->scratch.path, true,
		fixture->options.out };
	int64_t now = wall_us();
	char created[CLOCK_TEXT_SIZE];
	char expected[1000];

	put_at(fixture->store, -1, now);
	clock_format_us(now, created);
	(void)snprintf(expected, sizeof(expected),
	    "{\"hourly\":[{\"service_name\":\"resend\",\"action\":\"send_email\",\"status\":"
	    "\"failed\",\"hour\":\"%.13s:00:00Z\",\"count\":1,\"avg_duration_ms\":null,"
	    "\"max_duration_ms\":null,\"failed_count\":1}],\"daily\":[{\"service_name\":"
	    "\"resend\",\"action\":\"send_email\",\"status\":\"failed\",\"day\":"
	    "\"%.10sT00:00:00Z\",\"count\":1,\"avg_duration_ms\":null,\"failed_count\":1}]}\n",
	    created, created);
	assert_int_equal(cmd_stats_run(&options), 0);
	assert_string_equal(fixture->text, expected);
}

static void stats_without_rows_say_so(void **state)
{
	struct fixture *fixture = *state;
	struct stats_options options = { fixture->scratch.path, false,
		fixture->options.out };

	assert_int_equal(cmd_stats_run(&options), 0);
	assert_string_equal(fixture->text,
	    "Last 24 hours, by hour (UTC)\n\nno rows in the last 24 hours\n\n"
	    "Last 30 days, by day (UTC)\n\nno rows in the last 30 days\n");
	options.database = "/nonexistent/waybill.db";
	assert_int_equal(cmd_stats_run(&options), 1);
}

static void assert_thousands(long long number, const char *expected)
{
	struct buf out = { 0 };

	print_thousands(&out, number);
	buf_putc(&out, '\0');
	assert_string_equal(out.ptr, expected);
	buf_finish(&out);
}

static void numbers_are_grouped_by_thousands(void **state)
{
	(void)state;
	assert_thousands(0, "0");
	assert_thousands(999, "999");
	assert_thousands(1000, "1,000");
	assert_thousands(-100, "-100");
	assert_thousands(-100000, "-100,000");
	assert_thousands(1234567890, "1,234,567,890");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(begins_with_the_last_rows_and_follows),
		TEST(line_says_what_happened),
		TEST(json_has_all_columns_and_nested_payloads),
		TEST(changed_status_is_shown_again_once),
		TEST(filters_choose_rows),
		TEST(emptied_table_is_followed_on),
		TEST(new_database_in_its_place_is_followed),
		TEST(no_row_is_missed_or_doubled_beside_a_writer),
		TEST(command_ends_with_its_exit_code),
		TEST(following_ends_when_nobody_reads),
		TEST(stats_are_aligned_tables),
		TEST(stats_as_json_have_the_columns_of_the_views),
		TEST(stats_without_rows_say_so),
		cmocka_unit_test(numbers_are_grouped_by_thousands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

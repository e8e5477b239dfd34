/* SPDX-License-Identifier: MIT */
/*
 * The store: rows, batches, chains, and what it says when something is wrong with the
 * disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/json.h"
#include "sql/handle.h"
#include "store_help.h"

static int setup(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	assert_non_null(scratch);
	scratch_init(scratch);
	*state = scratch;
	return 0;
}

static int teardown(void **state)
{
	scratch_finish(*state);
	free(*state);
	return 0;
}

static void new_database_is_private_and_in_wal_mode(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct stat info;

	assert_int_equal(stat(scratch->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_string_equal(query(store->db, "PRAGMA journal_mode"), "wal");
	assert_string_equal(query(store->db, "PRAGMA synchronous"), "1");
	store_close(store);

	assert_int_equal(chmod(scratch->path, 0644), 0);
	store_close(open_store(scratch->path, NULL));
	assert_int_equal(stat(scratch->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

static void row_is_stored_column_by_column(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct row row = make_row(ROW_FAILED);
	char id[UUID_TEXT_SIZE];

	row.related_entity_type = (char *)"lead";
	row.related_entity_id = uuid7_make();
	row.retry_count = 2;
	row.created_us = 1795461000123456; /* 2026-11-23T19:10:00.123456Z */
	row.updated_us = 1795461001000000;
	put_row(store, &row);
	uuid_format(&row.id, id);
	assert_string_equal(query(store->db, "SELECT id FROM integration_logs"), id);
	uuid_format(&row.related_entity_id, id);
	assert_string_equal(
	    query(store->db, "SELECT related_entity_id FROM integration_logs"), id);
	assert_string_equal(
	    query(store->db,
	        "SELECT service_name || '|' || action || '|' || status || '|' || "
	        "related_entity_type || '|' || error_code || '|' || error_message || '|' || "
	        "duration_ms || '|' || retry_count || '|' || created_at || '|' || updated_at "
	        "FROM integration_logs"),
	    "resend|send_email|failed|lead|HTTP_500|it broke|231|2|"
	    "2026-11-23T19:10:00.123456Z|2026-11-23T19:10:01.000000Z");
	assert_string_equal(
	    query(store->db, "SELECT request_payload FROM integration_logs"),
	    row.request_payload);
	store_close(store);
}

static void absent_values_are_null(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct row row = make_row(ROW_PENDING);

	row.request_payload = NULL;
	row.response_payload = NULL;
	put_row(store, &row);
	assert_string_equal(
	    query(store->db,
	        "SELECT count(*) FROM integration_logs WHERE related_entity_type IS NULL AND "
	        "related_entity_id IS NULL AND request_payload IS NULL AND response_payload IS "
	        "NULL AND error_code IS NULL AND error_message IS NULL AND duration_ms IS NULL "
	        "AND retry_count = 0"),
	    "1");
	store_close(store);
}

static void second_put_keeps_id_and_created_at(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct row row = make_row(ROW_PENDING);

	row.created_us = 1795461000123456;
	put_row(store, &row);
	row.status = ROW_SUCCESS;
	row.action = (char *)"other";
	row.duration_ms = 7;
	row.response_payload = NULL;
	row.created_us += 5000000;
	row.updated_us = 1795461009000000;
	put_row(store, &row);
	assert_string_equal(
	    query(store->db,
	        "SELECT count(*) || '|' || status || '|' || action || '|' || duration_ms || '|' || "
	        "coalesce(response_payload, 'NULL') || '|' || created_at || '|' || updated_at "
	        "FROM integration_logs"),
	    "1|success|other|7|NULL|2026-11-23T19:10:00.123456Z|2026-11-23T19:10:09.000000Z");
	store_close(store);
}

static void batch_is_whole_or_nothing(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct row row = make_row(ROW_SUCCESS);

	assert_int_equal(store_begin(store, NULL), 0);
	put_row(store, &row);
	assert_string_equal(
	    query_file(scratch->path, "SELECT count(*) FROM integration_logs"), "0");
	store_rollback(store);
	store_rollback(store);
	assert_int_equal(store_begin(store, NULL), 0);
	put_row(store, &row);
	row.id = uuid7_make();
	put_row(store, &row);
	assert_int_equal(store_commit(store, NULL), 0);
	assert_string_equal(
	    query_file(scratch->path, "SELECT count(*) FROM integration_logs"), "2");
	store_close(store);
}

static void commits_are_synced_at_most_a_second_late(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct row row = make_row(ROW_SUCCESS);

	assert_int_equal(store_begin(store, NULL), 0);
	put_row(store, &row);
	assert_int_equal(store_commit(store, NULL), 0);
	assert_true(store->unsynced);
	assert_int_equal(store_flush(store, NULL), 0);
	assert_false(store->unsynced);

	store->mono_synced_ns = mono_ns() - 1000000001;
	assert_int_equal(store_begin(store, NULL), 0);
	put_row(store, &row);
	assert_int_equal(store_commit(store, NULL), 0);
	assert_false(store->unsynced);
	store_close(store);
}

static void only_failed_rows_become_retrying(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct row failed = make_row(ROW_FAILED);
	struct row fine = make_row(ROW_SUCCESS);

	put_row(store, &failed);
	put_row(store, &fine);
	assert_int_equal(
	    store_mark_retrying(store, &failed.id, 1795461009000000, NULL), 0);
	assert_int_equal(store_mark_retrying(store, &fine.id, 1795461009000000, NULL), 0);
	assert_string_equal(
	    query(store->db, "SELECT group_concat(status) FROM integration_logs"),
	    "retrying,success");
	assert_string_equal(
	    query(store->db,
	        "SELECT updated_at FROM integration_logs WHERE status = 'retrying'"),
	    "2026-11-23T19:10:09.000000Z");
	store_close(store);
}

static void interrupted_rows_become_failed(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct row flying = make_row(ROW_PENDING);
	struct row accepted = make_row(ROW_PENDING); /* Mobizon's code 100: answered */
	struct row fine = make_row(ROW_SUCCESS);

	accepted.duration_ms = 12;
	put_row(store, &flying);
	put_row(store, &accepted);
	put_row(store, &fine);
	assert_int_equal(
	    store_fail_interrupted(store, "waybill died", wall_us(), NULL), 1);
	assert_int_equal(
	    store_fail_interrupted(store, "waybill died", wall_us(), NULL), 0);
	assert_string_equal(
	    query(store->db,
	        "SELECT group_concat(status || ' ' || coalesce(error_code, '-') || ' ' || "
	        "coalesce(error_message, '-'), '|') FROM integration_logs"),
	    "failed PROXY_RESTARTED waybill died|pending - -|success - -");
	store_close(store);
}

struct seen {
	int count;
	struct chain_link last;
};

static void on_link(void *arg, const struct chain_link *link)
{
	struct seen *seen = arg;

	seen->count++;
	seen->last = *link;
}

static void chains_survive_a_restart(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct chain_link link = { .fingerprint = { 1, 0, 255 }, .retry_count = 1 };
	struct chain_link old = { .fingerprint = { 2 }, .created_us = 10 };
	struct chain_link gone = { .fingerprint = { 3 }, .created_us = 5000 };
	struct seen seen = { 0 };

	link.id = uuid7_make();
	link.created_us = 4000;
	assert_int_equal(store_put_chain(store, &link, NULL), 0);
	assert_int_equal(store_put_chain(store, &old, NULL), 0);
	assert_int_equal(store_put_chain(store, &gone, NULL), 0);
	assert_int_equal(store_drop_chain(store, gone.fingerprint, NULL), 0);
	link.retry_count = 2;
	assert_int_equal(store_put_chain(store, &link, NULL), 0);
	store_close(store);

	store = open_store(scratch->path, NULL);
	assert_int_equal(store_load_chains(store, 1000, on_link, &seen, NULL), 0);
	assert_int_equal(seen.count, 1);
	assert_memory_equal(seen.last.fingerprint, link.fingerprint, 16);
	assert_memory_equal(&seen.last.id, &link.id, sizeof(link.id));
	assert_int_equal(seen.last.retry_count, 2);
	assert_int_equal(seen.last.created_us, 4000);
	seen.count = 0;
	assert_int_equal(store_load_chains(store, 0, on_link, &seen, NULL), 0);
	assert_int_equal(seen.count, 1);
	store_close(store);
}

static void payload_too_deep_for_sqlite_is_kept_as_text(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct row row = make_row(ROW_SUCCESS);
	size_t depth = 5000;
	char *deep = malloc(2 * depth + 1);

	assert_non_null(deep);
	memset(deep, '[', depth);
	memset(deep + depth, ']', depth);
	deep[2 * depth] = '\0';
	row.request_payload = deep;
	put_row(store, &row);
	assert_string_equal(
	    query(store->db,
	        "SELECT json_type(request_payload) || json_type(request_payload, '$._text') || "
	        "length(request_payload ->> '_text') || response_payload FROM integration_logs"),
	    "objecttext10000{\"id\": 1.10}");
	free(deep);
	store_close(store);
}

static void number_beyond_every_type_stays_as_it_is(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct row row = make_row(ROW_SUCCESS);

	row.request_payload =
	    (char *)"{\"a\":1e400,\"b\":1.10,\"a\":-0,\"c\":9007199254740993}";
	put_row(store, &row);
	assert_string_equal(
	    query(store->db, "SELECT request_payload FROM integration_logs"),
	    row.request_payload);
	store_close(store);
}

static void reader_sees_whole_batches_while_rows_are_written(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	sqlite3 *reader = open_reader(scratch->path);
	struct row row = make_row(ROW_SUCCESS);
	char expected[20];

	for (int batch = 1; batch <= 20; batch++) {
		assert_int_equal(store_begin(store, NULL), 0);
		for (int i = 0; i < 10; i++) {
			row.id = uuid7_make();
			put_row(store, &row);
		}
		(void)snprintf(expected, sizeof(expected), "%d", 10 * (batch - 1));
		assert_string_equal(
		    query(reader, "SELECT count(*) FROM integration_logs"), expected);
		assert_int_equal(store_commit(store, NULL), 0);
	}
	assert_int_equal(
	    sqlite3_exec(reader, "DELETE FROM integration_logs", NULL, NULL, NULL),
	    SQLITE_READONLY);
	assert_int_equal(sqlite3_close(reader), SQLITE_OK);
	store_close(store);
}

static void reader_says_that_there_is_no_database_yet(void **state)
{
	struct scratch *scratch = *state;
	sqlite3 *db = NULL;
	struct err err = { 0 };
	char expected[300];

	(void)snprintf(expected, sizeof(expected),
	    "no rows yet: %s is made by `waybill run`", scratch->path);
	assert_int_equal(store_open_reader(scratch->path, &db, &err), -ENOENT);
	assert_string_equal(err.text, expected);
	assert_int_equal(close(open(scratch->path, O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(store_open_reader(scratch->path, &db, &err), -ENOENT);
	assert_string_equal(err.text, expected);
	assert_null(db);
}

static void full_disk_is_told_and_ends_when_there_is_room(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	struct row row = make_row(ROW_SUCCESS);
	struct buf big = { 0 };
	struct err err = { 0 };
	int result;

	buf_putc(&big, '"');
	for (int i = 0; i < 10000; i++) {
		buf_puts(&big, "0123456789");
	}
	buf_putc(&big, '"');
	buf_putc(&big, '\0');
	assert_false(big.failed);
	assert_string_equal(query(store->db, "PRAGMA max_page_count = 60"), "60");
	row.request_payload = big.ptr;
	assert_int_equal(store_begin(store, &err), 0);
	put_row(store, &row);
	row.id = uuid7_make();
	result = store_put(store, &row, &err);
	assert_int_equal(result, -ENOSPC);
	assert_non_null(strstr(err.text, "the disk is full"));
	store_rollback(store);

	assert_string_equal(query(store->db, "PRAGMA max_page_count = 4000"), "4000");
	assert_int_equal(store_begin(store, &err), 0);
	put_row(store, &row);
	assert_int_equal(store_commit(store, &err), 0);
	assert_string_equal(
	    query(store->db, "SELECT count(*) FROM integration_logs"), "1");
	buf_finish(&big);
	store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(new_database_is_private_and_in_wal_mode),
		TEST(row_is_stored_column_by_column),
		TEST(absent_values_are_null),
		TEST(second_put_keeps_id_and_created_at),
		TEST(batch_is_whole_or_nothing),
		TEST(commits_are_synced_at_most_a_second_late),
		TEST(only_failed_rows_become_retrying),
		TEST(interrupted_rows_become_failed),
		TEST(chains_survive_a_restart),
		TEST(payload_too_deep_for_sqlite_is_kept_as_text),
		TEST(number_beyond_every_type_stays_as_it_is),
		TEST(reader_sees_whole_batches_while_rows_are_written),
		TEST(reader_says_that_there_is_no_database_yet),
		TEST(full_disk_is_told_and_ends_when_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

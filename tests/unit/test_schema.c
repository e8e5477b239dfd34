/* SPDX-License-Identifier: MIT */
/*
 * The schema of the store: what a reader who knows the PostgreSQL table expects of it.
 */
#include "sql/column.h"
#include "sql/handle.h"
#include "store_help.h"

struct fixture {
	struct scratch scratch;
	struct store *store;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	scratch_init(&fixture->scratch);
	fixture->store = open_store(fixture->scratch.path, NULL);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture->store);
	scratch_finish(&fixture->scratch);
	free(fixture);
	return 0;
}

static sqlite3 *db_of(void **state)
{
	return ((struct fixture *)*state)->store->db;
}

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	}
}

static void columns_are_those_of_the_design(void **state)
{
	sqlite3 *db = db_of(state);
	char *list = column_list("");

	assert_string_equal(list,
	    "id, service_name, action, status, related_entity_type, related_entity_id, "
	    "request_payload, response_payload, error_message, error_code, duration_ms, "
	    "retry_count, created_at, updated_at");
	assert_string_equal(
	    query(db,
	        "SELECT group_concat(name, ', ') FROM pragma_table_info('integration_logs')"),
	    list);
	free(list);
	assert_string_equal(query(db, "SELECT group_concat(name, ', ') FROM "
	                              "pragma_table_info('integration_stats_hourly')"),
	    "service_name, action, status, hour, count, avg_duration_ms, max_duration_ms, "
	    "failed_count");
	assert_string_equal(query(db, "SELECT group_concat(name, ', ') FROM "
	                              "pragma_table_info('integration_stats_daily')"),
	    "service_name, action, status, day, count, avg_duration_ms, failed_count");
}

static void indexes_have_the_names_and_columns_of_postgresql(void **state)
{
	assert_string_equal(
	    query(db_of(state),
	        "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema WHERE type = "
	        "'index' AND tbl_name = 'integration_logs' AND sql IS NOT NULL ORDER BY name)"),
	    "idx_integration_logs_created_at idx_integration_logs_dashboard idx_integration_logs_error_code "
	    "idx_integration_logs_error_message "
	    "idx_integration_logs_failed idx_integration_logs_in_flight "
	    "idx_integration_logs_related_entity "
	    "idx_integration_logs_service_name idx_integration_logs_status "
	    "idx_integration_logs_status_created_at");
	assert_string_equal(
	    query(db_of(state),
	        "SELECT group_concat(name || ' ' || desc, ', ') FROM "
	        "pragma_index_xinfo('idx_integration_logs_dashboard') WHERE key"),
	    "service_name 0, status 0, created_at 1");
}

static void unknown_status_and_broken_json_are_refused(void **state)
{
	sqlite3 *db = db_of(state);

	assert_int_equal(
	    sqlite3_exec(db,
	        "INSERT INTO integration_logs (service_name, action, status) VALUES "
	        "('a', 'b', 'done')",
	        NULL, NULL, NULL),
	    SQLITE_CONSTRAINT_CHECK);
	assert_int_equal(
	    sqlite3_exec(db,
	        "INSERT INTO integration_logs (service_name, action, status, request_payload) "
	        "VALUES ('a', 'b', 'failed', '{')",
	        NULL, NULL, NULL),
	    SQLITE_CONSTRAINT_CHECK);
	assert_int_equal(
	    sqlite3_exec(db,
	        "INSERT INTO integration_logs (action, status) VALUES ('b', 'failed')",
	        NULL, NULL, NULL),
	    SQLITE_CONSTRAINT_NOTNULL);
}

static void row_written_by_hand_gets_id_and_times(void **state)
{
	sqlite3 *db = db_of(state);
	struct uuid id;

	run(db,
	    "INSERT INTO integration_logs (service_name, action, status) VALUES ('a', 'b', 'failed')");
	assert_true(
	    uuid_parse(slice_of(query(db, "SELECT id FROM integration_logs")), &id));
	assert_int_equal(id.byte[6] >> 4, 4); /* RFC 9562 5.4: version and variant */
	assert_int_equal(id.byte[8] >> 6, 2);
	assert_string_equal(
	    query(db,
	        "SELECT retry_count || ' ' || (created_at LIKE '____-__-__T__:__:__.______Z') || ' ' "
	        "|| (updated_at = created_at) FROM integration_logs"),
	    "0 1 1");
}

static void updated_at_moves_when_somebody_forgets_it(void **state)
{
	sqlite3 *db = db_of(state);

	run(db,
	    "INSERT INTO integration_logs (service_name, action, status, updated_at) VALUES ('a', "
	    "'b', 'failed', '2020-01-01T00:00:00.000000Z')");
	run(db, "UPDATE integration_logs SET action = 'c'");
	assert_string_equal(
	    query(db, "SELECT updated_at > '2026' FROM integration_logs"), "1");
	run(db, "UPDATE integration_logs SET updated_at = '2021-01-01T00:00:00.000000Z'");
	assert_string_equal(query(db, "SELECT updated_at FROM integration_logs"),
	    "2021-01-01T00:00:00.000000Z");
}

static void add_row(
    struct store *store, enum row_status status, int64_t duration_ms, int64_t age_minutes)
{
	struct row row = make_row(status);

	row.duration_ms = duration_ms;
	row.created_us = wall_us() - age_minutes * 60 * 1000000;
	put_row(store, &row);
}

static void hourly_view_counts_the_last_24_hours(void **state)
{
	struct store *store = ((struct fixture *)*state)->store;

	add_row(store, ROW_SUCCESS, 10, 0);
	add_row(store, ROW_SUCCESS, 21, 0);
	add_row(store, ROW_FAILED, 500, 0);
	add_row(store, ROW_PENDING, -1, 0);
	add_row(store, ROW_SUCCESS, 99, 23 * 60 + 58);
	add_row(store, ROW_SUCCESS, 99, 24 * 60 + 1);
	assert_string_equal(
	    query(store->db, "SELECT sum(count) FROM integration_stats_hourly"), "5");
	assert_string_equal(
	    query(store->db,
	        "SELECT group_concat(status || ' ' || count || ' ' || coalesce(avg_duration_ms, '-') "
	        "|| ' ' || coalesce(max_duration_ms, '-') || ' ' || failed_count, ', ') FROM "
	        "integration_stats_hourly WHERE hour > strftime('%Y-%m-%dT%H:%M', 'now', '-2 hours')"),
	    "failed 1 500 500 1, pending 1 - - 0, success 2 16 21 0");
	assert_string_equal(
	    query(store->db,
	        "SELECT hour LIKE '____-__-__T__:00:00Z' FROM integration_stats_hourly LIMIT 1"),
	    "1");
}

static void daily_view_counts_the_last_30_days(void **state)
{
	struct store *store = ((struct fixture *)*state)->store;

	for (int64_t day = 1; day <= 29; day++) {
		add_row(store, ROW_FAILED, 100 * day, day * 24 * 60);
		add_row(store, ROW_FAILED, 100 * day + 50, day * 24 * 60);
	}
	add_row(store, ROW_FAILED, 1, 30 * 24 * 60 + 1);
	assert_string_equal(
	    query(store->db,
	        "SELECT count(*) || ' ' || sum(count) || ' ' || sum(failed_count) || ' ' || "
	        "min(avg_duration_ms) || ' ' || max(avg_duration_ms) FROM integration_stats_daily"),
	    "29 58 58 125 2925");
	assert_string_equal(
	    query(store->db,
	        "SELECT day LIKE '____-__-__T00:00:00Z' FROM integration_stats_daily"),
	    "1");
}

static void changes_of_status_are_numbered(void **state)
{
	struct store *store = ((struct fixture *)*state)->store;
	struct row row = make_row(ROW_PENDING);

	put_row(store, &row);
	put_row(store, &row);
	assert_string_equal(
	    query(store->db, "SELECT count(*) FROM waybill_changes"), "0");
	row.status = ROW_FAILED;
	put_row(store, &row);
	assert_int_equal(store_mark_retrying(store, &row.id, wall_us(), NULL), 0);
	assert_string_equal(
	    query(store->db,
	        "SELECT group_concat(seq || ' ' || log_rowid) FROM waybill_changes"),
	    "1 1,2 1");
}

static void list_of_changes_stays_bounded(void **state)
{
	sqlite3 *db = db_of(state);

	run(db,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 205000) "
	    "INSERT INTO waybill_changes (log_rowid) SELECT i FROM n");
	assert_string_equal(
	    query(db, "SELECT min(seq) || ' ' || max(seq) FROM waybill_changes"),
	    "5001 205000");
}

static void second_opening_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	long before =
	    strtol(query(fixture->store->db, "PRAGMA schema_version"), NULL, 10);

	store_close(fixture->store);
	fixture->store = open_store(fixture->scratch.path, NULL);
	assert_int_equal(
	    strtol(query(fixture->store->db, "PRAGMA schema_version"), NULL, 10), before);
	assert_string_equal(query(fixture->store->db, "PRAGMA user_version"), "3");
}

static void rows_from_before_the_slots_are_marked(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *db = fixture->store->db;

	assert_int_equal(
	    sqlite3_exec(db,
	        "INSERT INTO integration_logs (service_name, action, status, created_at) VALUES "
	        "('a', 'b', 'failed', '2026-11-25T06:38:39.123456Z'),"
	        "('a', 'b', 'failed', '2026-11-25T09:00:00.000000Z'),"
	        "('a', 'b', 'failed', 'some day'), ('a', 'b', 'failed', NULL);"
	        "ALTER TABLE integration_rollup_marks RENAME COLUMN slot TO hour;"
	        "PRAGMA user_version = 2",
	        NULL, NULL, NULL),
	    SQLITE_OK);
	store_close(fixture->store);
	fixture->store = open_store(fixture->scratch.path, NULL);
	assert_string_equal(query(fixture->store->db,
	                        "SELECT (min(slot) * 300) || ' ' || (max(slot) * 300)"
	                        " || ' ' || count(*) FROM integration_rollup_marks"),
	    "1795588500 1795597200 30");
}

static void missing_index_is_made_again(void **state)
{
	struct fixture *fixture = *state;

	run(fixture->store->db, "DROP INDEX idx_integration_logs_failed");
	store_close(fixture->store);
	fixture->store = open_store(fixture->scratch.path, NULL);
	indexes_have_the_names_and_columns_of_postgresql(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(columns_are_those_of_the_design),
		TEST(indexes_have_the_names_and_columns_of_postgresql),
		TEST(unknown_status_and_broken_json_are_refused),
		TEST(row_written_by_hand_gets_id_and_times),
		TEST(updated_at_moves_when_somebody_forgets_it),
		TEST(hourly_view_counts_the_last_24_hours),
		TEST(daily_view_counts_the_last_30_days),
		TEST(changes_of_status_are_numbered),
		TEST(list_of_changes_stays_bounded),
		TEST(second_opening_changes_nothing),
		TEST(rows_from_before_the_slots_are_marked),
		TEST(missing_index_is_made_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

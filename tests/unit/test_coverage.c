/* SPDX-License-Identifier: MIT */
/*
 * What is kept of a path that no route matches, and what the store keeps of counts.
 */
#include "call_maker.h"
#include "store_help.h"

#include <errno.h>

#include "record/coverage.h"
#include "sql/coverage.h"
#include "sql/handle.h"

static const struct record_settings settings = { .max_body = 65536 };

/* The template that a call leaves behind. */
static void assert_template(
    struct route_table *table, const struct call_text *text, const char *expected)
{
	struct build_notes notes;
	struct row row = row_of(table, text, &settings, &notes);

	assert_string_equal(notes.unrouted, expected);
	row_finish(&row);
}

#define UUID "3f0c1d52-6a0e-4c55-9b1e-0d5a7e1f2a10"

static void values_in_a_path_become_names(void **state)
{
	static const char *const cases[][2] = {
		{ "/", "/" },
		{ "//", "/" },
		{ "/v4/leads", "/v4/leads" },
		{ "/v1.1/oauth2/s3/mp4/v2beta1?x=1", "/v1.1/oauth2/s3/mp4/v2beta1" },
		{ "/leads/custom_fields/send-sms.json",
		    "/leads/custom_fields/send-sms.json" },
		{ "/setMyDefaultAdministratorRights/SMS",
		    "/setMyDefaultAdministratorRights/SMS" },
		{ "/users/8471/notes/9", "/users/{id}/notes/{id2}" },
		{ "/users/" UUID, "/users/{id}" },
		{ "/c/deadbeef/facade/0a1b2c", "/c/{id}/facade/{id2}" },
		{ "/messages/79001234567@s.whatsapp.net", "/messages/{id}" },
		{ "/by/ivan%40example.test/%D0%98%D0%B2%D0%B0%D0%BD/a%20b",
		    "/by/{id}/{id2}/{id3}" },
		{ "/2026-11-23/AC0123456789abcdef0123456789abcdef", "/{id}/{id2}" },
		{ "/x/re_AbCdEf0123456789", "/x/{token}" },
		{ "/x/kJhGfDsAqWeRtYuIoP", "/x/{token}" },
		{ "/x/bWVzc2FnZSB0byB5b3U=", "/x/{token}" },
		{ "/x/qxzvbnmt/AKIAIOSFODNNEXAMPLE", "/x/{id}/{id2}" },
		{ "/reset/password/correcthorse", "/reset/password/{token}" },
		{ "/a%2F{id}/*/x%3Fy", "/a/{id}/{id2}/{id3}" },
		{ "/a%00b/c", "/a" },
		{ "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18",
		    "/{id}/{id2}/{id3}/{id4}/{id5}/{id6}/{id7}/{id8}/{id9}/{id10}/{id11}/"
		    "{id12}/{id13}/{id14}/{id15}/{id16}/*" },
		{ "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a",
		    "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/*" },
	};
	struct route_table *table =
	    table_of("service: shop\nhosts: [api.shop.test]\nroutes: []\n");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_template(table,
		    &(struct call_text){ .target = cases[i][0], .status = 200 },
		    cases[i][1]);
	}
	route_table_unref(table);
}

static void secrets_by_place_and_by_value_are_not_kept(void **state)
{
	struct route_table *table =
	    table_of("service: shop\nhosts: [api.shop.test]\npaths: {ignore_case: true}\n"
	             "secrets: {path: [key], query: [hush]}\n"
	             "routes:\n"
	             "  - {path: \"/bot{key}/send\", action: send}\n"
	             "  - {path: \"/v1/hooks/{key}/use\", action: use_hook}\n"
	             "  - {methods: POST, path: /v1/known, action: known}\n");

	(void)state;
	assert_template(
	    table, &(struct call_text){ .target = "/botabc/other" }, "/bot{key}/other");
	assert_template(table, &(struct call_text){ .target = "/BOTlongword/x/longword" },
	    "/bot{key}/x/{token}");
	assert_template(table, &(struct call_text){ .target = "/v1/hooks/plumbword" },
	    "/v1/hooks/{key}");
	assert_template(table, &(struct call_text){ .target = "/v2/hooks/plumbword/x" },
	    "/v2/hooks/{key}/x");
	/* a word that is a secret elsewhere in the call */
	assert_template(table,
	    &(struct call_text){ .target = "/v1/plainword/x",
	        .fields = "Authorization: Bearer plainword\r\n" },
	    "/v1/{token}/x");
	assert_template(table,
	    &(struct call_text){ .target = "/v1/otherword/x?hush=otherword" },
	    "/v1/{token}/x");
	/* not for a call that a route matches, nor before it has ended */
	assert_template(table, &(struct call_text){ .target = "/v1/known" }, "");
	assert_template(
	    table, &(struct call_text){ .target = "/v1/new", .in_flight = true }, "");
	assert_template(table,
	    &(struct call_text){ .method = "GET", .target = "/v1/known" }, "/v1/known");
	route_table_unref(table);
}

/* A secret in a path without a route is masked in the row, too. */
static void such_a_secret_is_no_part_of_the_row(void **state)
{
	struct route_table *table =
	    table_of("service: shop\nhosts: [api.shop.test]\nsecrets: {path: [key]}\n"
	             "routes: [{path: \"/v1/hooks/{key}/use\", action: use_hook}]\n");
	struct record_settings exchange = { .max_body = 65536,
		.payload = PAYLOAD_EXCHANGE };
	struct row row = row_of(table,
	    &(struct call_text){ .target = "/v1/hooks/plumbword/list", .status = 200 },
	    &exchange, NULL);

	(void)state;
	assert_null(strstr(row.request_payload, "plumbword"));
	assert_non_null(strstr(row.request_payload, "/v1/hooks/[redacted]/list"));
	row_finish(&row);
	route_table_unref(table);
}

static sqlite3 *open_beside(const struct scratch *scratch)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(scratch->path, &db), SQLITE_OK);
	return db;
}

/* Counts one for name followed by n. */
static void add(
    struct coverage *coverage, enum coverage_kind kind, const char *name, int n)
{
	char host[300];

	(void)snprintf(host, sizeof(host), "%s%d", name, n);
	coverage_note(coverage, kind, slice_of(host), "127.0.0.1");
}

static void write_all(struct coverage *coverage, struct store *store)
{
	struct err err = { "" };

	if (coverage_write(coverage, store, true, &err) != 0) {
		fail_msg("%s", err.text);
	}
}

static void counts_add_up_and_hosts_are_clean(void **state)
{
	struct scratch scratch;
	struct store *store = NULL;
	struct coverage *coverage = coverage_create();

	(void)state;
	scratch_init(&scratch);
	store = open_store(scratch.path, NULL);
	for (int i = 0; i < 3; i++) {
		add(coverage, COVERAGE_TUNNEL, "API.New.test", 0);
		add(coverage, COVERAGE_TUNNEL, "evil'\n\xff", i);
		coverage_note_unrouted(
		    coverage, SLICE("api.shop.test"), SLICE("GET"), "/v1/{id}");
		write_all(coverage, store);
	}
	assert_string_equal(
	    query(store->db, "SELECT count || ' ' || client FROM waybill_coverage "
	                     "WHERE kind = 'tunnel' AND host = 'api.new.test0'"),
	    "3 127.0.0.1");
	assert_string_equal(
	    query(store->db, "SELECT group_concat(host) FROM waybill_coverage "
	                     "WHERE host LIKE 'evil%'"),
	    "evil___0,evil___1,evil___2");
	assert_string_equal(query(store->db, "SELECT host || method || path || count "
	                                     "FROM waybill_unrouted"),
	    "api.shop.testGET/v1/{id}3");
	store_close(store);
	coverage_destroy(coverage);
	scratch_finish(&scratch);
}

/* Whoever floods it with names loses what they flood with, not what matters. */
static void both_tables_are_bounded(void **state)
{
	struct scratch scratch;
	struct store *store = NULL;
	struct coverage *coverage = coverage_create();
	char path[40];

	(void)state;
	scratch_init(&scratch);
	store = open_store(scratch.path, NULL);
	for (int i = 0; i < 3 * COVERAGE_ENTRIES; i++) {
		add(coverage, COVERAGE_TUNNEL, "h", i);
		if (i % 500 == 499) {
			add(coverage, COVERAGE_ROUTED_TUNNEL, "api.shop.test", 0);
			write_all(coverage, store);
		}
	}
	add(coverage, COVERAGE_ROUTED_TUNNEL, "api.shop.test", 0);
	for (int i = 0; i < UNROUTED_HOST_MAX + 50; i++) {
		(void)snprintf(path, sizeof(path), "/p%d", i);
		coverage_note_unrouted(
		    coverage, SLICE("api.shop.test"), SLICE("GET"), path);
	}
	write_all(coverage, store);
	assert_string_equal(
	    query(store->db, "SELECT count(*) FROM waybill_coverage"), "1001");
	assert_string_equal(query(store->db, "SELECT count FROM waybill_coverage "
	                                     "WHERE kind = 'routed_tunnel'"),
	    "7");
	assert_string_equal(query(store->db, "SELECT count(*) FROM waybill_coverage "
	                                     "WHERE host = 'h3071'"),
	    "1");
	assert_string_equal(
	    query(store->db, "SELECT count(*) FROM waybill_unrouted"), "100");
	assert_string_equal(
	    query(
	        store->db, "SELECT count(*) FROM waybill_unrouted WHERE path = '/p149'"),
	    "1");
	store_close(store);
	coverage_destroy(coverage);
	scratch_finish(&scratch);
}

static void what_finds_no_room_leaves_some_to_routed_hosts(void **state)
{
	struct scratch scratch;
	struct store *store = NULL;
	struct coverage *coverage = coverage_create();

	(void)state;
	scratch_init(&scratch);
	store = open_store(scratch.path, NULL);
	for (int i = 0; i < 2 * COVERAGE_ENTRIES; i++) {
		add(coverage, COVERAGE_TUNNEL, "h", i);
	}
	add(coverage, COVERAGE_TLS_REJECTED, "api.shop.test", 0);
	write_all(coverage, store);
	assert_string_equal(query(store->db, "SELECT count(*) FROM waybill_coverage "
	                                     "WHERE kind = 'tls_rejected'"),
	    "1");
	assert_string_equal(
	    query(store->db, "SELECT count(*) FROM waybill_coverage"), "769");
	store_close(store);
	coverage_destroy(coverage);
	scratch_finish(&scratch);
}

/* Nobody waits for another program's lock, and nothing is lost by it. */
static void a_locked_store_gets_them_later(void **state)
{
	struct scratch scratch;
	struct store *store = NULL;
	struct coverage *coverage = coverage_create();
	struct err err = { "" };
	sqlite3 *other;
	int64_t begun_ns;

	(void)state;
	scratch_init(&scratch);
	store = open_store(scratch.path, NULL);
	other = open_beside(&scratch);
	assert_int_equal(
	    sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	add(coverage, COVERAGE_TUNNEL, "a.test", 0);
	begun_ns = mono_ns();
	assert_int_equal(coverage_write(coverage, store, true, &err), -EBUSY);
	assert_true(mono_ns() - begun_ns < INT64_C(1000000000));
	add(coverage, COVERAGE_TUNNEL, "a.test", 0);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	write_all(coverage, store);
	assert_string_equal(query(other, "SELECT count FROM waybill_coverage"), "2");
	(void)sqlite3_close(other);
	store_close(store);
	coverage_destroy(coverage);
	scratch_finish(&scratch);
}

/* Nor by a full disk. */
static void a_full_disk_gets_them_later(void **state)
{
	struct scratch scratch;
	struct store *store = NULL;
	struct coverage *coverage = coverage_create();
	struct err err = { "" };

	(void)state;
	scratch_init(&scratch);
	store = open_store(scratch.path, NULL);
	for (int i = 0; i < 700; i++) {
		add(coverage, COVERAGE_TUNNEL, "a-rather-long-name-of-a-host.test", i);
	}
	assert_string_equal(query(store->db, "PRAGMA max_page_count = 30"), "30");
	assert_int_equal(coverage_write(coverage, store, true, &err), -ENOSPC);
	assert_string_equal(query(store->db, "PRAGMA max_page_count = 4000"), "4000");
	write_all(coverage, store);
	assert_string_equal(
	    query(
	        store->db, "SELECT count(*) || ' ' || sum(count) FROM waybill_coverage"),
	    "700 700");
	store_close(store);
	coverage_destroy(coverage);
	scratch_finish(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_in_a_path_become_names),
		cmocka_unit_test(secrets_by_place_and_by_value_are_not_kept),
		cmocka_unit_test(such_a_secret_is_no_part_of_the_row),
		cmocka_unit_test(counts_add_up_and_hosts_are_clean),
		cmocka_unit_test(both_tables_are_bounded),
		cmocka_unit_test(what_finds_no_room_leaves_some_to_routed_hosts),
		cmocka_unit_test(a_locked_store_gets_them_later),
		cmocka_unit_test(a_full_disk_gets_them_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

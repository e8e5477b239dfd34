/* SPDX-License-Identifier: MIT */
/*
 * The pool of handles on the SQLite store. On PostgreSQL: tests/e2e/test_rest.py.
 */
#include "sql/ask.h"

#include <errno.h>
#include <pthread.h>

#include "base/buf.h"
#include "store_help.h"

#define INSERT "INSERT INTO integration_logs (id, service_name, action, status) VALUES "

struct fixture {
	struct scratch scratch;
	struct store *store;
	struct ask_pool *pool;
};

static struct ask_pool *make_pool(const char *path, int64_t timeout_ns, size_t handles)
{
	const struct ask_settings settings = {
		.store_path = path, .timeout_ns = timeout_ns, .handles = handles
	};
	struct ask_pool *pool = NULL;
	struct err err;

	assert_int_equal(ask_pool_create(&settings, &pool, &err), 0);
	return pool;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	scratch_init(&fixture->scratch);
	fixture->store = open_store(fixture->scratch.path, NULL);
	fixture->pool = make_pool(fixture->scratch.path, INT64_C(300000000), 2);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	ask_pool_destroy(fixture->pool);
	store_close(fixture->store);
	scratch_finish(&fixture->scratch);
	free(fixture);
	return 0;
}

static struct ask *take(struct ask_pool *pool, enum ask_right right)
{
	struct ask *ask = NULL;
	struct ask_fault fault;

	if (ask_take(pool, right, &ask, &fault) != 0) {
		fail_msg("%s %s", fault.sqlstate, fault.message);
	}
	return ask;
}

static int on_cells(void *arg, const struct ask_cell *cells, size_t count)
{
	struct buf *out = arg;

	for (size_t i = 0; i < count; i++) {
		buf_puts(out, i > 0 ? "|" : "");
		buf_put_slice(out, cells[i].null ? SLICE("NULL") : cells[i].text);
	}
	buf_puts(out, "\n");
	return 0;
}

/* Runs sql with up to two values and compares the rows that come. */
static void expect_rows(
    struct ask *ask, const char *sql, const char *one, const char *two, const char *rows)
{
	struct slice params[] = { slice_of(one), slice_of(two) };
	struct buf out = { 0 };
	struct ask_fault fault;

	if (ask_run(ask, sql, params, 2, on_cells, &out, NULL, &fault) != 0) {
		fail_msg("%s: %s %s", sql, fault.sqlstate, fault.message);
	}
	buf_putc(&out, '\0');
	assert_string_equal(out.ptr, rows);
	buf_finish(&out);
}

static void values_go_by_number_and_rows_come_as_text(void **state)
{
	struct fixture *fixture = *state;
	struct ask *ask = take(fixture->pool, ASK_READ);

	assert_int_equal(ask_dialect(ask), ASK_SQLITE);
	expect_rows(ask, "SELECT $2, $1, $2 || '', 1, NULL, 'x' || $1", "a'b", NULL,
	    "NULL|a'b|NULL|1|NULL|xa'b\n");
	expect_rows(ask, "SELECT value FROM json_each($1)", "[1,2]", NULL, "1\n2\n");
	ask_give(ask);
}

static void changes_are_counted_and_undone(void **state)
{
	struct fixture *fixture = *state;
	struct ask *ask = take(fixture->pool, ASK_WRITE);
	struct ask_fault fault;
	int64_t changed = -1;

	assert_int_equal(
	    ask_run(ask, INSERT "('a','s','x','failed'), ('b','s','x','failed')", NULL, 0,
	        NULL, NULL, &changed, &fault),
	    0);
	assert_int_equal(changed, 2);
	assert_int_equal(ask_begin(ask, &fault), 0);
	assert_int_equal(ask_run(ask, "DELETE FROM integration_logs", NULL, 0, NULL, NULL,
	                     &changed, &fault),
	    0);
	assert_int_equal(changed, 2);
	assert_int_equal(
	    ask_run(ask, "SELECT 1", NULL, 0, NULL, NULL, &changed, &fault), 0);
	assert_int_equal(changed, 0);
	ask_give(ask); /* not committed */
	ask = take(fixture->pool, ASK_WRITE);
	expect_rows(ask, "SELECT count(*) FROM integration_logs", NULL, NULL, "2\n");
	assert_int_equal(ask_begin(ask, &fault), 0);
	assert_int_equal(ask_run(ask, "DELETE FROM integration_logs", NULL, 0, NULL, NULL,
	                     &changed, &fault),
	    0);
	assert_int_equal(ask_commit(ask, &fault), 0);
	ask_give(ask);
	ask = take(fixture->pool, ASK_READ);
	expect_rows(ask, "SELECT count(*) FROM integration_logs", NULL, NULL, "0\n");
	ask_give(ask);
}

/* The words and codes are PostgreSQL's. */
static void faults_are_named_as_postgresql_names_them(void **state)
{
	static const struct {
		enum ask_right right;
		int code;
		const char *sqlstate;
		const char *sql;
		const char *message;
	} cases[] = {
		{ ASK_WRITE, -EINVAL, "23505", INSERT "('twice','s','x','failed')",
		    "duplicate key value violates unique constraint \"integration_logs_pkey\"" },
		{ ASK_WRITE, -EINVAL, "23502", INSERT "('c','s',NULL,'failed')",
		    "null value in column \"action\" of relation \"integration_logs\" violates "
		    "not-null constraint" },
		{ ASK_WRITE, -EINVAL, "23514", INSERT "('d','s','x','odd')",
		    "new row for relation \"integration_logs\" violates check constraint "
		    "\"integration_logs_status_check\"" },
		{ ASK_WRITE, -EINVAL, "22P02",
		    "UPDATE integration_logs SET request_payload = '{'",
		    "invalid input syntax for type json" },
		{ ASK_WRITE, -EINVAL, "22P02",
		    "UPDATE integration_logs SET duration_ms = 'x'",
		    "cannot store TEXT value in INTEGER column integration_logs.duration_ms" },
		{ ASK_READ, -EINVAL, "42703", "SELECT missing FROM integration_logs",
		    "column \"missing\" does not exist" },
		{ ASK_READ, -EINVAL, "42P01", "SELECT 1 FROM nowhere",
		    "relation \"nowhere\" does not exist" },
		{ ASK_READ, -EINVAL, "42601", "SELEC", "near \"SELEC\": syntax error" },
		{ ASK_READ, -EROFS, "25006", "DELETE FROM integration_logs",
		    "cannot execute the statement in a read-only transaction" },
		{ ASK_READ, -ETIMEDOUT, "57014",
		    "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n)"
		    " SELECT count(*) FROM n",
		    "canceling statement due to statement timeout" },
	};
	struct fixture *fixture = *state;
	struct ask *ask = take(fixture->pool, ASK_WRITE);
	struct ask_fault fault;

	assert_int_equal(ask_run(ask, INSERT "('twice','s','x','failed')", NULL, 0, NULL,
	                     NULL, NULL, &fault),
	    0);
	ask_give(ask);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask = take(fixture->pool, cases[i].right);
		assert_int_equal(
		    ask_run(ask, cases[i].sql, NULL, 0, NULL, NULL, NULL, &fault),
		    cases[i].code);
		assert_string_equal(fault.sqlstate, cases[i].sqlstate);
		assert_string_equal(fault.message, cases[i].message);
		ask_give(ask);
	}
}

static void waits_for_another_writer_and_then_gives_up(void **state)
{
	struct fixture *fixture = *state;
	struct ask *ask = take(fixture->pool, ASK_WRITE);
	struct ask_fault fault;
	struct err err;

	assert_int_equal(store_begin(fixture->store, &err), 0);
	assert_int_equal(ask_begin(ask, &fault), -EBUSY);
	assert_string_equal(fault.sqlstate, "55P03");
	assert_int_equal(store_commit(fixture->store, &err), 0);
	assert_int_equal(ask_begin(ask, &fault), 0);
	ask_give(ask);
}

static int stop_at_once(void *arg, const struct ask_cell *cells, size_t count)
{
	(void)cells;
	*(size_t *)arg += count;
	return 7;
}

static void a_visitor_can_stop(void **state)
{
	struct fixture *fixture = *state;
	struct ask *ask = take(fixture->pool, ASK_READ);
	struct ask_fault fault;
	size_t seen = 0;

	assert_int_equal(ask_run(ask, "SELECT value FROM json_each('[1,2,3]')", NULL, 0,
	                     stop_at_once, &seen, NULL, &fault),
	    7);
	assert_int_equal(seen, 1);
	expect_rows(ask, "SELECT 1", NULL, NULL, "1\n");
	ask_give(ask);
}

static void no_more_handles_than_allowed(void **state)
{
	struct fixture *fixture = *state;
	struct ask *one = take(fixture->pool, ASK_READ);
	struct ask *two = take(fixture->pool, ASK_READ);
	struct ask *three = NULL;
	struct ask *writer = take(fixture->pool, ASK_WRITE); /* counted apart */
	struct ask_fault fault;

	assert_int_equal(ask_take(fixture->pool, ASK_READ, &three, &fault), -EAGAIN);
	assert_string_equal(fault.sqlstate, "53300");
	ask_give(two);
	three = take(fixture->pool, ASK_READ);
	assert_ptr_equal(three, two);
	ask_give(three);
	ask_give(one);
	ask_give(writer);
}

static void a_store_that_is_not_there_is_a_fault(void **state)
{
	struct ask_pool *pool = make_pool("/nonexistent/waybill.db", 0, 0);
	struct ask_fault fault;
	struct ask *ask = NULL;

	(void)state;
	for (int i = 0; i < 6; i++) { /* a failure uses no handle up */
		assert_int_equal(ask_take(pool, ASK_READ, &ask, &fault), -ENOENT);
		assert_string_equal(fault.sqlstate, "08006");
	}
	ask_pool_destroy(pool);
}

/* A damaged store is set aside and a new one made under its name. */
static void a_store_that_was_replaced_is_opened_anew(void **state)
{
	struct fixture *fixture = *state;
	struct ask *ask = take(fixture->pool, ASK_WRITE);
	struct ask_fault fault;
	char aside[260];

	assert_int_equal(ask_run(ask, INSERT "('a','s','x','failed')", NULL, 0, NULL,
	                     NULL, NULL, &fault),
	    0);
	ask_give(ask);
	store_close(fixture->store);
	(void)snprintf(aside, sizeof(aside), "%s.old", fixture->scratch.path);
	assert_int_equal(rename(fixture->scratch.path, aside), 0);
	fixture->store = open_store(fixture->scratch.path, NULL);
	ask = take(fixture->pool, ASK_WRITE);
	expect_rows(ask, "SELECT count(*) FROM integration_logs", NULL, NULL, "0\n");
	ask_give(ask);
}

static void *write_some(void *arg)
{
	struct ask_pool *pool = arg;

	for (int i = 0; i < 20; i++) {
		struct ask *ask = take(pool, i % 2 ? ASK_READ : ASK_WRITE);
		struct ask_fault fault;
		int result = ask_run(ask,
		    i % 2 ? "SELECT count(*) FROM integration_logs"
		          : "INSERT INTO integration_logs (service_name, action, status)"
		            " VALUES ('s', 'x', 'failed')",
		    NULL, 0, NULL, NULL, NULL, &fault);

		assert_int_equal(result, 0);
		ask_give(ask);
	}
	return NULL;
}

static void many_threads_share_the_handles(void **state)
{
	struct fixture *fixture = *state;
	struct ask_pool *pool = make_pool(fixture->scratch.path, INT64_C(30000000000), 2);
	pthread_t threads[5];
	struct ask *ask;

	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, write_some, pool), 0);
	}
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	ask = take(pool, ASK_READ);
	expect_rows(ask, "SELECT count(*) FROM integration_logs", NULL, NULL, "50\n");
	ask_give(ask);
	ask_pool_destroy(pool);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_go_by_number_and_rows_come_as_text),
		TEST(changes_are_counted_and_undone),
		TEST(faults_are_named_as_postgresql_names_them),
		TEST(waits_for_another_writer_and_then_gives_up),
		TEST(a_visitor_can_stop),
		TEST(no_more_handles_than_allowed),
		TEST(a_store_that_is_not_there_is_a_fault),
		TEST(a_store_that_was_replaced_is_opened_anew),
		TEST(many_threads_share_the_handles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The recorder against a store that does as it is told: each call is settled once and is
 * a row or a counted loss, whatever the store does.
 */
#include "call_maker.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/log.h"
#include "record/recorder.h"
#include "sql/coverage.h"

#define SECOND_NS INT64_C(1000000000)

enum { ROWS_MAX = 4096 };

/* What the store has; guarded by lock. */
struct store {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool held; /* store_begin and store_probe wait */
	int fail_probes;
	int fail_begins; /* so many fail */
	int fail_commits;
	const char *bad_action; /* rows of it are refused */
	struct uuid id[ROWS_MAX];
	enum row_status status[ROWS_MAX];
	int32_t retry_count[ROWS_MAX];
	size_t count;   /* committed puts, in order */
	size_t pending; /* of the open transaction */
	size_t marked;
	size_t commits;
	size_t settled; /* calls; counted here so that one condition tells all */
	bool closed;
	uint64_t noted[2]; /* counts of coverage, and of unrouted paths */
	char last_note[2][400];
};

static struct store fake;
static struct route_table *shop;

int store_begin(struct store *store, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&store->lock);
	while (store->held) {
		pthread_cond_wait(&store->changed, &store->lock);
	}
	store->pending = 0;
	if (store->fail_begins > 0) {
		store->fail_begins--;
		r = err_set(err, ENOSPC, "disk full");
	}
	pthread_mutex_unlock(&store->lock);
	return r;
}

int store_probe(struct store *store, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&store->lock);
	while (store->held) {
		pthread_cond_wait(&store->changed, &store->lock);
	}
	if (store->fail_probes > 0) {
		store->fail_probes--;
		r = err_set(err, EROFS, "read only");
	}
	pthread_mutex_unlock(&store->lock);
	return r;
}

int store_put(struct store *store, const struct row *row, struct err *err)
{
	size_t i = store->count + store->pending;

	if (store->bad_action && strcmp(row->action, store->bad_action) == 0) {
		return err_set(err, EINVAL, "refused");
	}
	assert_true(i < ROWS_MAX);
	store->id[i] = row->id;
	store->status[i] = row->status;
	store->retry_count[i] = row->retry_count;
	store->pending++;
	return 0;
}

int store_put_coverage(
    struct store *store, const struct coverage_note *notes, size_t count, struct err *err)
{
	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < count; i++) {
		bool path = !notes[i].kind;

		store->noted[path] += notes[i].count;
		(void)snprintf(store->last_note[path], sizeof(store->last_note[path]),
		    "%s %s %s", notes[i].host, path ? notes[i].method : notes[i].kind,
		    path ? notes[i].path : notes[i].client);
	}
	pthread_mutex_unlock(&store->lock);
	(void)err;
	return 0;
}

int store_commit(struct store *store, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&store->lock);
	if (store->fail_commits > 0) {
		store->fail_commits--;
		r = err_set(err, EIO, "bad disk");
	} else {
		store->count += store->pending;
		store->commits++;
	}
	store->pending = 0;
	pthread_mutex_unlock(&store->lock);
	return r;
}

void store_rollback(struct store *store)
{
	store->pending = 0;
}

int store_mark_retrying(
    struct store *store, const struct uuid *id, int64_t updated_us, struct err *err)
{
	(void)id;
	(void)updated_us;
	(void)err;
	store->marked++;
	return 0;
}

int store_put_chain(struct store *store, const struct chain_link *link, struct err *err)
{
	(void)store;
	(void)link;
	(void)err;
	return 0;
}

int store_drop_chain(struct store *store, const uint8_t fingerprint[16], struct err *err)
{
	(void)store;
	(void)fingerprint;
	(void)err;
	return 0;
}

int store_load_chains(struct store *store, int64_t since_us,
    void (*visit)(void *arg, const struct chain_link *link), void *arg, struct err *err)
{
	(void)store;
	(void)since_us;
	(void)visit;
	(void)arg;
	(void)err;
	return 0;
}

int store_fail_interrupted(
    struct store *store, const char *message, int64_t updated_us, struct err *err)
{
	(void)store;
	(void)message;
	(void)updated_us;
	(void)err;
	return 0;
}

int store_flush(struct store *store, struct err *err)
{
	(void)store;
	(void)err;
	return 0;
}

void store_close(struct store *store)
{
	store->closed = true;
}

static void on_settled(void *arg)
{
	struct store *store = arg;

	pthread_mutex_lock(&store->lock);
	store->settled++;
	pthread_cond_broadcast(&store->changed);
	pthread_mutex_unlock(&store->lock);
}

static void wait_settled(size_t n)
{
	pthread_mutex_lock(&fake.lock);
	while (fake.settled < n) {
		pthread_cond_wait(&fake.changed, &fake.lock);
	}
	pthread_mutex_unlock(&fake.lock);
}

static void hold(bool held)
{
	pthread_mutex_lock(&fake.lock);
	fake.held = held;
	pthread_cond_broadcast(&fake.changed);
	pthread_mutex_unlock(&fake.lock);
}

static struct call *make(const char *target, int status, const char *body)
{
	struct call *call = call_of(shop, &(struct call_text){ .target = target,
	                                      .status = status,
	                                      .body = slice_of(body),
	                                      .limit = 1 << 16 });

	call->on_settled = on_settled;
	call->on_settled_arg = &fake;
	return call;
}

static struct recorder *start(uint64_t queue_bytes)
{
	const struct record_settings settings = { .max_body = 65536,
		.retry_window_ns = (int64_t)600 * 1000000000,
		.queue_bytes = queue_bytes };
	struct recorder *recorder = NULL;
	struct err err;

	assert_int_equal(recorder_start(&settings, &fake, &recorder, &err), 0);
	return recorder;
}

/* Counters now; take the difference later. */
static uint64_t counted[COUNTER_COUNT];

static void count_from_here(void)
{
	for (int i = 0; i < COUNTER_COUNT; i++) {
		counted[i] = counter_get((enum counter)i);
	}
}

static void assert_counted(enum counter counter, uint64_t n)
{
	assert_int_equal(counter_get(counter) - counted[counter], n);
}

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	pthread_mutex_init(&fake.lock, NULL);
	pthread_cond_init(&fake.changed, NULL);
	shop = table_of(
	    "service: shop\nhosts: [api.shop.test]\n"
	    "routes:\n"
	    "  - {path: /v1/poll, action: poll, long_poll: true, record: not_empty,\n"
	    "     empty: {at: /data, is: empty}}\n"
	    "  - {path: \"/v1/{name}\", action: \"{name}\"}\n");
	count_from_here();
	log_set_level(LOG_LEVEL_ERROR);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_true(fake.closed);
	route_table_unref(shop);
	pthread_mutex_destroy(&fake.lock);
	pthread_cond_destroy(&fake.changed);
	return 0;
}

static void every_call_is_a_row_in_its_order(void **state)
{
	enum { N = 2000 };
	static struct uuid id[N];
	struct recorder *recorder = start(1 << 26);

	(void)state;
	for (size_t i = 0; i < N; i++) {
		struct call *call = make("/v1/a", 200, "{}");

		id[i] = call->id;
		recorder_submit(recorder, call);
	}
	recorder_stop(recorder); /* stores all it has first */
	assert_int_equal(fake.settled, N);
	assert_int_equal(fake.count, N);
	assert_memory_equal(fake.id, id, sizeof(id));
	assert_counted(COUNTER_ROWS_STORED, N);
	assert_true(fake.commits < N); /* many rows, one commit */
}

static void row_is_committed_before_it_is_settled(void **state)
{
	struct recorder *recorder = start(1 << 26);

	(void)state;
	recorder_submit(recorder, make("/v1/a", 200, "{}"));
	wait_settled(1);
	assert_int_equal(fake.commits, 1);
	recorder_stop(recorder);
}

static void full_queue_drops_bodies_before_calls(void **state)
{
	static char large[30000];
	struct recorder *recorder = start(100000);
	size_t sent = 0;

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	hold(true);
	while (counter_get(COUNTER_LOST_QUEUE) == counted[COUNTER_LOST_QUEUE]) {
		recorder_submit(recorder, make("/v1/a", 200, large));
		sent++;
	}
	hold(false);
	recorder_stop(recorder);
	assert_true(counter_get(COUNTER_BODIES_SHED) > counted[COUNTER_BODIES_SHED]);
	assert_int_equal(fake.settled, sent);
	assert_int_equal(fake.count, sent - 1);
	assert_counted(COUNTER_LOST_QUEUE, 1);
	assert_counted(COUNTER_ROWS_STORED, sent - 1);
}

static void failed_transaction_is_tried_row_by_row(void **state)
{
	struct recorder *recorder = start(1 << 26);

	(void)state;
	fake.bad_action = "bad";
	hold(true);
	for (int i = 0; i < 10; i++) {
		recorder_submit(recorder, make(i == 4 ? "/v1/bad" : "/v1/a", 200, "{}"));
	}
	hold(false);
	wait_settled(10);
	recorder_stop(recorder);
	assert_int_equal(fake.count, 9);
	assert_counted(COUNTER_ROWS_STORED, 9);
	assert_counted(COUNTER_LOST_STORE, 1);
}

static void a_check_says_whether_the_store_can_be_written(void **state)
{
	struct recorder *recorder = start(1 << 26);
	struct err err = { "" };

	(void)state;
	hold(true);
	assert_int_equal(recorder_check(recorder, 10000000, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "not answered"));
	fake.fail_probes = 1;
	hold(false);
	assert_int_equal(recorder_check(recorder, SECOND_NS * 10, &err), -EROFS);
	assert_string_equal(err.text, "read only");
	/* a second later it is asked again */
	while (recorder_check(recorder, SECOND_NS * 10, &err) != 0) {
		(void)usleep(50000);
	}
	recorder_stop(recorder);
}

static void a_row_lost_to_the_disk_fails_the_check_until_one_is_stored(void **state)
{
	struct recorder *recorder = start(1 << 26);
	struct err err = { "" };

	(void)state;
	fake.fail_begins = 2;
	recorder_submit(recorder, make("/v1/a", 200, "{}"));
	wait_settled(1);
	assert_int_equal(recorder_check(recorder, SECOND_NS * 10, &err), -ENOSPC);
	assert_string_equal(err.text, "disk full");
	recorder_submit(recorder, make("/v1/a", 200, "{}"));
	wait_settled(2);
	while (recorder_check(recorder, SECOND_NS * 10, &err) != 0) {
		(void)usleep(50000);
	}
	recorder_stop(recorder);
}

static void store_that_fails_is_a_counted_loss(void **state)
{
	struct recorder *recorder = start(1 << 26);

	(void)state;
	fake.fail_begins = 2;
	recorder_submit(recorder, make("/v1/a", 200, "{}"));
	wait_settled(1);
	assert_counted(COUNTER_LOST_STORE, 1);
	fake.fail_commits = 1; /* the second try does it */
	recorder_submit(recorder, make("/v1/a", 200, "{}"));
	wait_settled(2);
	recorder_stop(recorder);
	assert_int_equal(fake.count, 1);
	assert_counted(COUNTER_LOST_STORE, 1);
	assert_counted(COUNTER_ROWS_STORED, 1);
}

static void what_is_recorded_is_counted_by_host_and_what_no_route_matches_by_path(
    void **state)
{
	struct recorder *recorder = start(1 << 26);
	struct call *snapshot = NULL;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct call *call = make("/v1/a", 200, "{}");

		(void)snprintf(call->client, sizeof(call->client), "10.0.0.7");
		recorder_submit(recorder, call);
	}
	recorder_submit(recorder, make("/v2/users/8471", 200, "{}"));
	snapshot = make("/v2/users/8471", 0, "");
	snapshot->in_flight = true;
	recorder_submit(recorder, snapshot); /* its end is still to come, and counts */
	recorder_stop(recorder);
	assert_int_equal(fake.noted[0], 4);
	assert_int_equal(fake.noted[1], 1);
	assert_string_equal(fake.last_note[1], "api.shop.test POST /v2/users/{id}");
	assert_counted(COUNTER_CALLS_OTHER, 1);
}

static void snapshot_never_follows_its_end(void **state)
{
	struct recorder *recorder = start(1 << 26);
	struct call *call = make("/v1/a", 200, "{}");
	struct call *early = call_snapshot(call);
	struct call *late = call_snapshot(call);

	(void)state;
	recorder_submit(recorder, early);
	recorder_submit(recorder, call);
	recorder_submit(recorder, late);
	recorder_stop(recorder);
	assert_int_equal(fake.count, 2);
	assert_int_equal(fake.status[0], ROW_PENDING);
	assert_int_equal(fake.status[1], ROW_SUCCESS);
	assert_int_equal(fake.settled, 1);
	assert_counted(COUNTER_ROWS_STORED, 1);
}

static void empty_poll_is_settled_and_counted_as_skipped(void **state)
{
	struct recorder *recorder = start(1 << 26);
	struct call *call = make("/v1/poll", 200, "");

	(void)state;
	capture_add(&call->response, "{\"data\":[]}", 11);
	recorder_submit(recorder, call);
	recorder_stop(recorder);
	assert_int_equal(fake.settled, 1);
	assert_int_equal(fake.count, 0);
	assert_counted(COUNTER_ROWS_SKIPPED, 1);
}

static void retries_are_counted_and_the_earlier_row_marked(void **state)
{
	struct recorder *recorder = start(1 << 26);

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct call *call = make("/v1/a", i < 2 ? 500 : 200, "{\"same\":1}");

		call->created_us += (int64_t)i * 1000000;
		recorder_submit(recorder, call);
	}
	recorder_stop(recorder);
	assert_int_equal(fake.count, 3);
	assert_int_equal(fake.retry_count[0], 0);
	assert_int_equal(fake.retry_count[1], 1);
	assert_int_equal(fake.retry_count[2], 2);
	assert_int_equal(fake.marked, 2);
}

static void *submit_many(void *arg)
{
	for (int i = 0; i < 300; i++) {
		recorder_submit(arg, make("/v1/a", 200, "{}"));
	}
	return NULL;
}

static void many_threads_submit_at_once(void **state)
{
	struct recorder *recorder = start(1 << 26);
	pthread_t thread[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(
		    pthread_create(&thread[i], NULL, submit_many, recorder), 0);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	}
	recorder_stop(recorder);
	assert_int_equal(fake.count, 1200);
	assert_int_equal(fake.settled, 1200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_is_recorded_is_counted_by_host_and_what_no_route_matches_by_path,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    every_call_is_a_row_in_its_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    row_is_committed_before_it_is_settled, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    full_queue_drops_bodies_before_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    failed_transaction_is_tried_row_by_row, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_check_says_whether_the_store_can_be_written, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_row_lost_to_the_disk_fails_the_check_until_one_is_stored, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    store_that_fails_is_a_counted_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    snapshot_never_follows_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    empty_poll_is_settled_and_counted_as_skipped, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    retries_are_counted_and_the_earlier_row_marked, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    many_threads_submit_at_once, setup, teardown),
	};

	(void)row_of;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

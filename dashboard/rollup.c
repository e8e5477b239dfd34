/* SPDX-License-Identifier: MIT */
#include "dashboard/rollup.h"

#include "base/clock.h"
#include "dashboard/facts.h"
#include "dashboard/tally.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SECOND_US INT64_C(1000000)
#define HOUR_S    INT64_C(3600)
/* Calls of an hour that has ended still end, fail and are made again: not yet. */
#define SETTLE_S        120
#define PAUSE_NS        INT64_C(10000000000)
#define COMPLAIN_NS     INT64_C(60000000000)
#define ROWS_PER_INSERT 200 /* times 7: parameters of one statement */

/* One hour that is being summed up. */
struct job {
	struct ask *ask; /* ASK_WRITE */
	int64_t hour;
	uint32_t token;     /* of the claim; not 0, which is a mark */
	struct tally tally; /* fields: bucket as text, then those of a fact */
	struct ask_fault *fault;
};

static int on_first(void *arg, const struct ask_cell *cell, size_t count)
{
	char text[24] = "";

	(void)count;
	if (cell->null) {
		return 0;
	}
	(void)snprintf(text, sizeof(text), "%.*s", SLICE_ARG(cell->text));
	*(int64_t *)arg = strtoll(text, NULL, 10);
	return 0;
}

static int run(struct job *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int run(struct job *job, const char *format, ...)
{
	char sql[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(sql, sizeof(sql), format, args); /* fits: numbers */
	va_end(args);
	return ask_run(job->ask, sql, NULL, 0, NULL, NULL, NULL, job->fault);
}

/* Two waybills must neither claim one hour, nor write sums of one day at a time. */
static int lock_sums(struct job *job)
{
	return ask_dialect(job->ask) == ASK_POSTGRES
	           ? run(job, "SELECT pg_advisory_xact_lock(33602696198581357)")
	           : 0; /* SQLite has one writer */
}

/* Takes the oldest hour that is due. *ret_hour -1: none is. */
static int claim(struct job *job, int64_t end_hour, int64_t *ret_hour)
{
	char sql[400];
	int rc;

	*ret_hour = -1;
	(void)snprintf(sql, sizeof(sql),
	    "SELECT hour FROM integration_rollup_marks AS mark WHERE hour < %" PRId64
	    " AND claimed = 0 AND NOT EXISTS (SELECT 1 FROM integration_rollup_marks AS claim"
	    " WHERE claim.hour = mark.hour AND claim.claimed <> 0) ORDER BY hour LIMIT 1",
	    end_hour);
	rc = ask_begin(job->ask, job->fault);
	if (rc == 0) {
		rc = lock_sums(job);
	}
	if (rc == 0) {
		rc =
		    ask_run(job->ask, sql, NULL, 0, on_first, ret_hour, NULL, job->fault);
	}
	if (rc == 0 && *ret_hour >= 0) {
		rc = run(job,
		    "INSERT INTO integration_rollup_marks (hour, claimed) VALUES (%" PRId64
		    ", %" PRIu32 ")",
		    *ret_hour, job->token);
	}
	if (rc == 0 && *ret_hour >= 0) {
		rc = run(job,
		    "DELETE FROM integration_rollup_marks WHERE hour = %" PRId64
		    " AND claimed = 0",
		    *ret_hour);
	}
	return rc == 0 ? ask_commit(job->ask, job->fault) : rc;
}

/* Adds a fact to the sum of the bucket of one level. */
static int add(struct job *job, int64_t level_s, const struct fact *fact)
{
	char bucket[48];
	char level[24];
	struct slice field[TALLY_FIELDS];
	struct tally_entry *entry;

	(void)snprintf(level, sizeof(level), "%" PRId64, level_s);
	(void)snprintf(bucket, sizeof(bucket), "%s %" PRId64, level,
	    fact->bucket_s / level_s * level_s);
	field[0] = slice_of(bucket);
	for (int i = 0; i < FACT_FIELDS; i++) {
		field[1 + i] = fact->field[i];
	}
	entry = tally_at(&job->tally, field, TALLY_FIELDS);
	if (!entry) {
		return -ENOMEM;
	}
	entry->count += fact->count;
	entry->duration_sum += fact->duration_sum;
	tally_span(entry, fact->first, fact->last);
	return fact_add(&entry->histogram, fact);
}

/* From rows: the levels up to the hour. */
static int on_row_fact(void *arg, const struct fact *fact)
{
	int rc = add(arg, cover_level_s[0], fact);

	return rc == 0 ? add(arg, cover_level_s[1], fact) : rc;
}

struct above {
	struct job *job;
	int64_t level_s;
};

static int on_hour_fact(void *arg, const struct fact *fact)
{
	struct above *above = arg;

	return add(above->job, above->level_s, fact);
}

static int put_rollups(struct job *job, size_t from, size_t to)
{
	struct query query = { .dialect = ask_dialect(job->ask) };
	struct buf text[ROWS_PER_INSERT] = { { 0 } };
	int rc;

	buf_puts(&query.sql,
	    "INSERT INTO integration_rollups (level, bucket, service_name, "
	    "action, status, error_code, count, duration_sum, "
	    "first_created, last_created, histogram) VALUES ");
	for (size_t i = from; i < to; i++) {
		const struct tally_entry *entry = job->tally.entry[i];
		struct slice bucket = entry->field[0];
		struct slice level = slice_cut(&bucket, ' ');

		histogram_put(&text[i - from], &entry->histogram);
		query.failed = query.failed || text[i - from].failed;
		/* the two are numbers, printed above */
		buf_printf(&query.sql, "%s(%.*s, %.*s, ", i > from ? ", " : "",
		    SLICE_ARG(level), SLICE_ARG(bucket));
		for (int k = 1; k <= FACT_FIELDS; k++) {
			query_param(&query, entry->field[k], "text");
			buf_puts(&query.sql, ", ");
		}
		buf_printf(&query.sql, "%" PRIu64 ", %" PRId64 ", ", entry->count,
		    entry->duration_sum);
		query_param(&query, slice_of(entry->first), "text");
		buf_puts(&query.sql, ", ");
		query_param(&query, slice_of(entry->last), "text");
		buf_puts(&query.sql, ", ");
		query_param(&query, buf_slice(&text[i - from]), "text");
		buf_putc(&query.sql, ')');
	}
	rc = query_run(&query, job->ask, NULL, NULL, job->fault);
	for (size_t i = 0; i < ROWS_PER_INSERT; i++) {
		buf_finish(&text[i]);
	}
	query_finish(&query);
	return rc;
}

static int put_all(struct job *job)
{
	int rc = 0;

	for (size_t at = 0; at < job->tally.count && rc == 0; at += ROWS_PER_INSERT) {
		size_t end = at + ROWS_PER_INSERT;

		rc =
		    put_rollups(job, at, end < job->tally.count ? end : job->tally.count);
	}
	tally_finish(&job->tally);
	return rc;
}

static int drop(struct job *job, int64_t level_s, int64_t from_s, int64_t to_s)
{
	return run(job,
	    "DELETE FROM integration_rollups WHERE level = %" PRId64
	    " AND bucket >= %" PRId64 " AND bucket < %" PRId64,
	    level_s, from_s, to_s);
}

/* Has an hour of the span still to be summed up? */
static int look_for_marks(
    struct job *job, int64_t from_s, int64_t to_s, int64_t *ret_hour)
{
	char sql[160];

	*ret_hour = -1;
	(void)snprintf(sql, sizeof(sql), /* fits: two numbers */
	    "SELECT hour FROM integration_rollup_marks WHERE hour >= %" PRId64
	    " AND hour < %" PRId64 " LIMIT 1",
	    from_s / HOUR_S, to_s / HOUR_S);
	return ask_run(job->ask, sql, NULL, 0, on_first, ret_hour, NULL, job->fault);
}

/*
 * The sums of the coarser levels that hold this hour, from those of their hours. Where
 * one of these is still to come they would not be used: then it makes them.
 */
static int replace_above(struct job *job)
{
	const struct filter everything = { 0 };
	int rc = 0;

	for (int i = 2; i < COVER_LEVELS && rc == 0; i++) {
		struct above above = { job, cover_level_s[i] };
		int64_t from_s = job->hour * HOUR_S / above.level_s * above.level_s;
		int64_t to_s = from_s + above.level_s;
		int64_t marked = -1;

		rc = look_for_marks(job, from_s, to_s, &marked);
		if (rc != 0 || marked >= 0) {
			break; /* what is coarser has that hour too */
		}
		rc = facts_of_rollups(job->ask, &everything, HOUR_S, from_s * SECOND_US,
		    to_s * SECOND_US, on_hour_fact, &above, job->fault);
		if (rc == 0) {
			rc = drop(job, above.level_s, from_s, to_s);
		}
		if (rc == 0) {
			rc = put_all(job);
		}
	}
	return rc;
}

/* Whose claim was taken back has counted too early: what it writes must not stay. */
static int drop_claim(struct job *job)
{
	char sql[160];
	int64_t dropped = 0;
	int rc;

	(void)snprintf(sql, sizeof(sql), /* fits: two numbers */
	    "DELETE FROM integration_rollup_marks WHERE hour = %" PRId64
	    " AND claimed = %" PRIu32,
	    job->hour, job->token);
	rc = ask_run(job->ask, sql, NULL, 0, NULL, NULL, &dropped, job->fault);
	if (rc == 0 && dropped == 0) {
		(void)snprintf(job->fault->message, sizeof(job->fault->message),
		    "another waybill sums up the same hour");
		return -EAGAIN;
	}
	return rc;
}

/*
 * Writes what was counted. Where the hour has been marked again since, the claim goes all
 * the same: the mark stays, and the sums are not used before they are made anew.
 */
static int replace(struct job *job)
{
	int64_t from_s = job->hour * HOUR_S;
	int rc = ask_begin(job->ask, job->fault);

	if (rc == 0) {
		rc = lock_sums(job);
	}
	for (int i = 0; i < 2 && rc == 0; i++) {
		rc = drop(job, cover_level_s[i], from_s, from_s + HOUR_S);
	}
	if (rc == 0) {
		rc = put_all(job);
	}
	if (rc == 0) {
		rc = drop_claim(job);
	}
	if (rc == 0) {
		rc = replace_above(job);
	}
	return rc == 0 ? ask_commit(job->ask, job->fault) : rc;
}

static int sum_up(struct job *job)
{
	const struct filter everything = { 0 };
	int64_t from_us = job->hour * HOUR_S * SECOND_US;
	int rc = facts_of_rows(job->ask, &everything, from_us,
	    from_us + HOUR_S * SECOND_US, cover_level_s[0], on_row_fact, job, job->fault);

	if (rc == 0) {
		rc = replace(job);
	}
	tally_finish(&job->tally);
	return rc;
}

/* Claims that nobody works on: this program has just started. They are due again. */
static int take_back(struct job *job)
{
	int rc = ask_begin(job->ask, job->fault);

	if (rc == 0) {
		rc = run(job,
		    "INSERT INTO integration_rollup_marks (hour, claimed) "
		    "SELECT hour, 0 FROM integration_rollup_marks WHERE claimed <> 0 "
		    "ON CONFLICT DO NOTHING");
	}
	if (rc == 0) {
		rc = run(job, "DELETE FROM integration_rollup_marks WHERE claimed <> 0");
	}
	return rc == 0 ? ask_commit(job->ask, job->fault) : rc;
}

static int with_handle(
    struct ask_pool *pool, struct job *job, struct err *err, int (*work)(struct job *job))
{
	struct ask_fault fault = { 0 };
	int rc = ask_take(pool, ASK_WRITE, &job->ask, &fault);

	if (rc == 0) {
		job->fault = &fault;
		rc = work(job);
		ask_give(job->ask);
	}
	if (rc < 0 && strcmp(fault.sqlstate, "42P01") == 0) {
		return err_set(err, -rc,
		    "the dashboard is slow over long ranges: PostgreSQL has no table of rollups; "
		    "run `waybill migrate`");
	}
	if (rc < 0) {
		(void)err_set(err, -rc, "the dashboard's sums are not up to date: %s",
		    fault.message[0] ? fault.message : "out of memory");
	}
	return rc;
}

static int one_hour(struct job *job)
{
	int64_t hour = -1;
	int rc = claim(job, job->hour, &hour);

	job->hour = hour;
	return rc == 0 && hour >= 0 ? sum_up(job) : rc;
}

/* Any number but 0 that no other waybill has just now; not a secret. */
static uint32_t new_token(void)
{
	uint64_t now = (uint64_t)wall_us() * UINT64_C(2654435761);
	uint64_t mixed = now ^ (uint64_t)getpid() << 20 ^ (uint64_t)mono_ns();

	return (uint32_t)(mixed % 0x7ffffffe) + 1;
}

int rollup_step(struct ask_pool *pool, int64_t now_us, int hours, struct err *err)
{
	int64_t end_hour = (now_us / SECOND_US - SETTLE_S) / HOUR_S;
	int done = 0;

	while (done < hours) {
		struct job job = { .hour = end_hour, .token = new_token() };
		int rc = with_handle(pool, &job, err, one_hour);

		if (rc < 0) {
			return rc;
		}
		if (job.hour < 0) {
			break;
		}
		done++;
	}
	return done;
}

struct rollup {
	struct ask_pool *pool;
	void (*on_trouble)(void *arg, const char *what);
	void *arg;
	pthread_t thread;
	pthread_mutex_t lock; /* guards stopping */
	pthread_cond_t wake;
	bool stopping;
	/* the thread's */
	bool taken_back;
	bool in_trouble;
	int64_t mono_told_ns;
};

static void tell(struct rollup *rollup, const char *what)
{
	int64_t now = mono_ns();

	if (what && rollup->on_trouble &&
	    (rollup->mono_told_ns == 0 || now - rollup->mono_told_ns > COMPLAIN_NS)) {
		rollup->mono_told_ns = now;
		rollup->on_trouble(rollup->arg, what);
	} else if (!what && rollup->in_trouble && rollup->on_trouble) {
		rollup->mono_told_ns = 0;
		rollup->on_trouble(rollup->arg, "");
	}
	rollup->in_trouble = what != NULL;
}

/* Waits; false: it is time to end. */
static bool pause_for(struct rollup *rollup, int64_t ns)
{
	struct timespec until;
	bool go_on;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ns / 1000000000;
	until.tv_nsec += ns % 1000000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_mutex_lock(&rollup->lock);
	while (!rollup->stopping && ns > 0 &&
	       pthread_cond_timedwait(&rollup->wake, &rollup->lock, &until) == 0) {
	}
	go_on = !rollup->stopping;
	(void)pthread_mutex_unlock(&rollup->lock);
	return go_on;
}

static int work(struct rollup *rollup, struct err *err)
{
	if (!rollup->taken_back) {
		struct job job = { 0 };
		int rc = with_handle(rollup->pool, &job, err, take_back);

		if (rc < 0) {
			return rc;
		}
		rollup->taken_back = true;
	}
	return rollup_step(rollup->pool, wall_us(), 1, err);
}

static void *rollup_main(void *arg)
{
	struct rollup *rollup = arg;
	int64_t pause_ns = 0;

	while (pause_for(rollup, pause_ns)) {
		struct err err = { "" };
		int64_t began_ns = mono_ns();
		int done = work(rollup, &err);

		tell(rollup, done < 0 ? err.text : NULL);
		/* half of the time at most: others want the database too */
		pause_ns = done > 0 ? mono_ns() - began_ns : PAUSE_NS;
	}
	return NULL;
}

int rollup_start(struct ask_pool *pool, void (*on_trouble)(void *arg, const char *what),
    void *arg, struct rollup **ret_rollup, struct err *err)
{
	struct rollup *rollup = calloc(1, sizeof(*rollup));
	pthread_condattr_t attributes;
	int rc;

	if (!rollup) {
		return err_set(err, ENOMEM, "out of memory");
	}
	*rollup = (struct rollup){ .pool = pool, .on_trouble = on_trouble, .arg = arg };
	(void)pthread_mutex_init(&rollup->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&rollup->wake, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	rc = pthread_create(&rollup->thread, NULL, rollup_main, rollup);
	if (rc != 0) {
		(void)pthread_cond_destroy(&rollup->wake);
		(void)pthread_mutex_destroy(&rollup->lock);
		free(rollup);
		return err_set(err, rc, "cannot start a thread: %s", strerror(rc));
	}
	*ret_rollup = rollup;
	return 0;
}

void rollup_stop(struct rollup *rollup)
{
	if (!rollup) {
		return;
	}
	(void)pthread_mutex_lock(&rollup->lock);
	rollup->stopping = true;
	(void)pthread_cond_signal(&rollup->wake);
	(void)pthread_mutex_unlock(&rollup->lock);
	(void)pthread_join(rollup->thread, NULL);
	(void)pthread_cond_destroy(&rollup->wake);
	(void)pthread_mutex_destroy(&rollup->lock);
	free(rollup);
}

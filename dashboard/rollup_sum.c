/* SPDX-License-Identifier: MIT */
#include "dashboard/rollup_sum.h"

#include "base/clock.h"
#include "dashboard/facts.h"
#include "dashboard/logrow.h"
#include "dashboard/tally.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define SECOND_US INT64_C(1000000)
#define HOUR_S    INT64_C(3600)
/* Calls of a slot that has ended still end, fail and are made again: not yet. */
#define SETTLE_S 30

enum {
	SLOTS = HOUR_S / COVER_SLOT_S,
	ROW_PARAMS = FACT_FIELDS + 3, /* of put_rollups */
	ROWS_PER_INSERT = QUERY_PARAMS / ROW_PARAMS,
};

/* The slots of one hour that are being summed up. */
struct job {
	struct ask *ask;  /* ASK_WRITE */
	int64_t end_slot; /* the first that is not due */
	uint32_t token;   /* of the claim; not 0, which is a mark */
	int64_t slot[SLOTS];
	size_t count;       /* of slot; 0: nothing is due */
	struct tally tally; /* of one level; fields: bucket as text, those of a fact */
	struct ask_fault *fault;
};

static int on_number(void *arg, const struct ask_cell *cell, size_t count)
{
	(void)count;
	*(int64_t *)arg = logrow_number(cell);
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

/* The hour of the oldest slot that is due. *ret_hour -1: none is. */
static int find_due(struct job *job, int64_t *ret_hour)
{
	char sql[400];
	int64_t slot = -1;
	int rc;

	(void)snprintf(sql, sizeof(sql), /* fits: a number */
	    "SELECT slot FROM integration_rollup_marks AS mark WHERE slot >= 0"
	    " AND slot < %" PRId64
	    " AND claimed = 0 AND NOT EXISTS (SELECT 1 FROM integration_rollup_marks AS claim"
	    " WHERE claim.slot = mark.slot AND claim.claimed <> 0) ORDER BY slot LIMIT 1",
	    job->end_slot);
	rc = ask_run(job->ask, sql, NULL, 0, on_number, &slot, NULL, job->fault);
	*ret_hour = slot < 0 ? -1 : slot / SLOTS;
	return rc;
}

static int on_claimed(void *arg, const struct ask_cell *cell, size_t count)
{
	struct job *job = arg;

	(void)count;
	if (job->count < SLOTS) {
		job->slot[job->count++] = logrow_number(cell);
	}
	return 0;
}

/* Makes claims of the marks of an hour that nobody else has claimed. */
static int claim_hour(struct job *job, int64_t hour)
{
	char sql[160];
	int64_t from = hour * SLOTS;
	int64_t end = from + SLOTS < job->end_slot ? from + SLOTS : job->end_slot;
	int rc = run(job,
	    "INSERT INTO integration_rollup_marks (slot, claimed)"
	    " SELECT DISTINCT slot, %" PRIu32 " FROM integration_rollup_marks AS mark"
	    " WHERE slot >= %" PRId64 " AND slot < %" PRId64 " AND claimed = 0"
	    " AND NOT EXISTS (SELECT 1 FROM integration_rollup_marks AS claim"
	    " WHERE claim.slot = mark.slot AND claim.claimed <> 0)",
	    job->token, from, end);

	if (rc == 0) {
		rc = run(job,
		    "DELETE FROM integration_rollup_marks WHERE claimed = 0 AND slot IN"
		    " (SELECT slot FROM integration_rollup_marks WHERE claimed = %" PRIu32
		    ")",
		    job->token);
	}
	(void)snprintf(sql, sizeof(sql), /* fits: a number */
	    "SELECT slot FROM integration_rollup_marks WHERE claimed = %" PRIu32
	    " ORDER BY slot",
	    job->token);
	return rc == 0
	           ? ask_run(job->ask, sql, NULL, 0, on_claimed, job, NULL, job->fault)
	           : rc;
}

/* Takes what is due of the oldest hour. job->count 0: nothing is. */
static int claim(struct job *job)
{
	int64_t hour = -1;
	int rc = ask_begin(job->ask, job->fault);

	if (rc == 0) {
		rc = lock_sums(job);
	}
	if (rc == 0) {
		rc = find_due(job, &hour);
	}
	if (rc == 0 && hour >= 0) {
		rc = claim_hour(job, hour);
	}
	return rc == 0 ? ask_commit(job->ask, job->fault) : rc;
}

/* Adds a fact to the sum of the bucket of one level. */
static int add(struct job *job, int64_t level_s, const struct fact *fact)
{
	char bucket[24];
	struct slice field[TALLY_FIELDS];
	struct tally_entry *entry;

	(void)snprintf(
	    bucket, sizeof(bucket), "%" PRId64, fact->bucket_s / level_s * level_s);
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
	histogram_merge(&entry->histogram, fact->durations);
	return 0;
}

struct into {
	struct job *job;
	int64_t level_s;
};

static int on_fact(void *arg, const struct fact *fact)
{
	struct into *into = arg;

	return add(into->job, into->level_s, fact);
}

static int put_rollups(struct job *job, int64_t level_s, size_t from, size_t to)
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

		histogram_put(&text[i - from], &entry->histogram);
		query.failed = query.failed || text[i - from].failed;
		/* the bucket is a number, printed above */
		buf_printf(&query.sql, "%s(%" PRId64 ", %.*s, ", i > from ? ", " : "",
		    level_s, SLICE_ARG(entry->field[0]));
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

static int put_all(struct job *job, int64_t level_s)
{
	int rc = 0;

	for (size_t at = 0; at < job->tally.count && rc == 0; at += ROWS_PER_INSERT) {
		size_t end = at + ROWS_PER_INSERT;

		rc = put_rollups(
		    job, level_s, at, end < job->tally.count ? end : job->tally.count);
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

/* Has a slot of the span still to be summed up? */
static int look_for_marks(
    struct job *job, int64_t from_s, int64_t to_s, int64_t *ret_slot)
{
	char sql[160];

	*ret_slot = -1;
	(void)snprintf(sql, sizeof(sql), /* fits: two numbers */
	    "SELECT slot FROM integration_rollup_marks WHERE slot >= %" PRId64
	    " AND slot < %" PRId64 " LIMIT 1",
	    from_s / COVER_SLOT_S, to_s / COVER_SLOT_S);
	return ask_run(job->ask, sql, NULL, 0, on_number, ret_slot, NULL, job->fault);
}

/*
 * The sums of the coarser levels that hold these slots, each from the level below. Where
 * a slot of one is still to come that sum would not be used: the last slot makes it.
 */
static int replace_above(struct job *job)
{
	const struct filter everything = { 0 };
	int rc = 0;

	for (int i = 1; i < COVER_LEVELS && rc == 0; i++) {
		struct into into = { job, cover_level_s[i] };
		int64_t from_s =
		    job->slot[0] * COVER_SLOT_S / into.level_s * into.level_s;
		int64_t to_s = from_s + into.level_s;
		int64_t marked = -1;

		rc = look_for_marks(job, from_s, to_s, &marked);
		if (rc != 0 || marked >= 0) {
			break; /* what is coarser has that slot too */
		}
		rc = facts_of_rollups(job->ask, &everything, cover_level_s[i - 1],
		    from_s * SECOND_US, to_s * SECOND_US, on_fact, &into, job->fault);
		if (rc == 0) {
			rc = drop(job, into.level_s, from_s, to_s);
		}
		if (rc == 0) {
			rc = put_all(job, into.level_s);
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

	(void)snprintf(sql, sizeof(sql), /* fits: a number */
	    "DELETE FROM integration_rollup_marks WHERE claimed = %" PRIu32, job->token);
	rc = ask_run(job->ask, sql, NULL, 0, NULL, NULL, &dropped, job->fault);
	if (rc == 0 && dropped != (int64_t)job->count) {
		(void)snprintf(job->fault->message, sizeof(job->fault->message),
		    "another waybill sums up the same hour");
		return -EAGAIN;
	}
	return rc;
}

/*
 * Writes what was counted. Where a slot has been marked again since, the claim goes all
 * the same: the mark stays, and the sums are not used before they are made anew.
 */
static int replace(struct job *job)
{
	int rc = ask_begin(job->ask, job->fault);

	if (rc == 0) {
		rc = lock_sums(job);
	}
	for (size_t i = 0; i < job->count && rc == 0; i++) {
		int64_t from_s = job->slot[i] * COVER_SLOT_S;

		rc = drop(job, COVER_SLOT_S, from_s, from_s + COVER_SLOT_S);
	}
	if (rc == 0) {
		rc = put_all(job, COVER_SLOT_S);
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
	struct into into = { job, COVER_SLOT_S };
	int rc = 0;

	for (size_t i = 0; i < job->count && rc == 0;) {
		size_t end = i + 1; /* slots side by side are one question */

		while (end < job->count && job->slot[end] == job->slot[end - 1] + 1) {
			end++;
		}
		rc = facts_of_rows(job->ask, &everything,
		    job->slot[i] * COVER_SLOT_S * SECOND_US,
		    (job->slot[end - 1] + 1) * COVER_SLOT_S * SECOND_US, COVER_SLOT_S,
		    on_fact, &into, job->fault);
		i = end;
	}
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
		    "INSERT INTO integration_rollup_marks (slot, claimed) "
		    "SELECT slot, 0 FROM integration_rollup_marks WHERE claimed <> 0 "
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
	int rc = claim(job);

	return rc == 0 && job->count > 0 ? sum_up(job) : rc;
}

/* Any number but 0 that no other waybill has just now; not a secret. */
static uint32_t new_token(void)
{
	uint64_t now = (uint64_t)wall_us() * UINT64_C(2654435761);
	uint64_t mixed = now ^ (uint64_t)getpid() << 20 ^ (uint64_t)mono_ns();

	return (uint32_t)(mixed % 0x7ffffffe) + 1;
}

int rollup_step(struct ask_pool *pool, int64_t now_us, struct err *err)
{
	struct job job = { .end_slot = (now_us / SECOND_US - SETTLE_S) / COVER_SLOT_S,
		.token = new_token() };
	int rc = with_handle(pool, &job, err, one_hour);

	return rc == 0 ? (int)job.count : rc;
}

int rollup_take_back(struct ask_pool *pool, struct err *err)
{
	struct job job = { 0 };

	return with_handle(pool, &job, err, take_back);
}

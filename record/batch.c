/* SPDX-License-Identifier: MIT */
/*
 * batch: building, storing, counting, settling.
 */
#include "record/batch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "record/build.h"
#include "record/chain.h"
#include "record/coverage.h"
#include "record/redact.h"
#include "sql/retention.h"

enum {
	ENDED_SLOTS = 4096,
	LOG_EVERY_S = 10,
	LOST_COUNTS_S = 30, /* a row lost this lately: the store cannot be written */
};

#define NS_PER_S 1000000000

enum job_state {
	JOB_BUILT, /* has a row to store */
	JOB_STORED,
	JOB_SKIPPED, /* not to be recorded */
	JOB_LATE,    /* a snapshot of a call that has ended */
	JOB_NO_MEMORY,
	JOB_LOST, /* the store failed */
};

struct job {
	struct call *call;
	struct row row;
	struct chain_step step;
	char unrouted[PATH_TEMPLATE_MAX + 1]; /* see build_notes */
	enum job_state state;
};

/* One line per reason and LOG_EVERY_S. */
struct log_limit {
	int64_t last_ns;
};

struct batch {
	struct record_settings settings;
	struct store *store; /* owned */
	struct chain *chain; /* owned */
	struct coverage *coverage;
	struct retention retention;
	bool dirty;
	struct log_limit store_failed;
	struct log_limit no_memory;
	int64_t mono_lost_ns; /* a disk's fault lost a row, and none was stored since */
	int lost_code;
	struct err lost;
	struct log_limit coverage_failed;
	struct uuid
	    ended[ENDED_SLOTS]; /* ids of calls that ended lately, by their last bits */
	size_t count;
	struct job job[BATCH_MAX];
};

static void on_link(void *arg, const struct chain_link *link)
{
	chain_load(arg, link);
}

static int load(struct batch *batch, struct err *err)
{
	int64_t now = wall_us();
	int n = store_fail_interrupted(
	    batch->store, outcome_text(OUTCOME_PROXY_RESTARTED), now, err);
	int r = n < 0 ? n : 0;

	if (r == 0) {
		r = store_load_chains(batch->store,
		    now - batch->settings.retry_window_ns / 1000, on_link, batch->chain,
		    err);
	}
	return r;
}

int batch_create(const struct record_settings *settings, struct store *store,
    struct coverage *coverage, struct batch **ret_batch, struct err *err)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	int r = 0;

	if (!batch) {
		store_close(store);
		return err_set(err, ENOMEM, "out of memory for the recorder");
	}
	batch->settings = *settings;
	batch->retention.success_ns = settings->retention_success_ns;
	batch->retention.all_ns = settings->retention_all_ns;
	batch->store = store;
	batch->coverage = coverage;
	r = redact_init(err);
	if (r == 0) {
		r = chain_create(settings->chain_key_path, settings->retry_window_ns,
		    &batch->chain, err);
	}
	batch->settings.chain_key_path = NULL; /* borrowed for the start only */
	if (r == 0) {
		r = load(batch, err);
	}
	if (r != 0) {
		batch_destroy(batch);
		return r;
	}
	*ret_batch = batch;
	return 0;
}

void batch_destroy(struct batch *batch)
{
	if (batch) {
		store_close(batch->store);
		chain_destroy(batch->chain);
		free(batch);
	}
}

static bool log_now(struct log_limit *limit)
{
	int64_t now = mono_ns();

	if (limit->last_ns != 0 &&
	    now - limit->last_ns < (int64_t)LOG_EVERY_S * NS_PER_S) {
		return false;
	}
	limit->last_ns = now;
	return true;
}

static struct uuid *ended_slot(struct batch *batch, const struct uuid *id)
{
	return &batch->ended[(id->byte[14] << 8 | id->byte[15]) % ENDED_SLOTS];
}

/* A final row is never overwritten by a snapshot that comes after it. */
static bool is_late(struct batch *batch, const struct call *call)
{
	struct uuid *slot = ended_slot(batch, &call->id);

	if (call->in_flight) {
		return memcmp(slot, &call->id, sizeof(*slot)) == 0;
	}
	*slot = call->id;
	return false;
}

static void build(struct batch *batch, struct job *job, struct call *call)
{
	struct build_notes notes;

	*job = (struct job){ .call = call, .state = JOB_BUILT };
	if (is_late(batch, call)) {
		job->state = JOB_LATE;
		return;
	}
	if (row_build(call, &batch->settings, &job->row, &notes) != 0) {
		job->state = JOB_NO_MEMORY;
		return;
	}
	memcpy(job->unrouted, notes.unrouted, sizeof(job->unrouted));
	if (notes.skip) {
		job->state = JOB_SKIPPED;
	} else if (notes.may_chain) {
		chain_advance(batch->chain, call, &job->row, &job->step);
	}
}

static int put(struct batch *batch, const struct job *job, struct err *err)
{
	int r = store_put(batch->store, &job->row, err);

	return r ? r : chain_store(batch->store, &job->step, job->row.updated_us, err);
}

/* Stores the jobs [begin, end) that have a row, in one transaction. */
static int store_jobs(struct batch *batch, size_t begin, size_t end, struct err *err)
{
	int r = store_begin(batch->store, err);

	for (size_t i = begin; r == 0 && i < end; i++) {
		if (batch->job[i].state == JOB_BUILT) {
			r = put(batch, &batch->job[i], err);
		}
	}
	r = r ? r : store_commit(batch->store, err);
	if (r != 0) {
		store_rollback(batch->store);
		return r;
	}
	for (size_t i = begin; i < end; i++) {
		if (batch->job[i].state == JOB_BUILT) {
			batch->job[i].state = JOB_STORED;
		}
	}
	batch->dirty = true;
	batch->mono_lost_ns = 0;
	return 0;
}

/* A fault of the row itself says nothing of the next one. */
static void note_lost(struct batch *batch, int code, const struct err *err)
{
	if (code == -ENOSPC || code == -EROFS || code == -EIO) {
		batch->mono_lost_ns = mono_ns();
		batch->lost_code = code;
		batch->lost = *err;
	}
}

/* One bad row does not take the others along. */
static void store_singly(struct batch *batch)
{
	struct err err = { "" };

	for (size_t i = 0; i < batch->count; i++) {
		struct job *job = &batch->job[i];
		int r = job->state == JOB_BUILT ? store_jobs(batch, i, i + 1, &err) : 0;

		if (r != 0) {
			job->state = JOB_LOST;
			note_lost(batch, r, &err);
			chain_forget(batch->chain, &job->step);
			if (log_now(&batch->store_failed)) {
				log_error(
				    "a call could not be recorded: %s (lost_store_failed "
				    "counts them)",
				    err.text);
			}
		}
	}
}

static void store_all(struct batch *batch)
{
	struct err err = { "" };
	size_t rows = 0;

	for (size_t i = 0; i < batch->count; i++) {
		rows += batch->job[i].state == JOB_BUILT;
	}
	if (rows > 0 && store_jobs(batch, 0, batch->count, &err) != 0) {
		store_singly(batch);
	}
}

/* A connection whose client refused our certificate has a row, but is no recorded call.
 */
static void count_coverage(struct batch *batch, const struct job *job)
{
	const struct call *call = job->call;

	if (call->outcome == OUTCOME_CLIENT_TLS_REJECTED || call->host.failed) {
		return;
	}
	coverage_note(
	    batch->coverage, COVERAGE_RECORDED, buf_slice(&call->host), call->client);
	if (job->unrouted[0]) {
		counter_add(COUNTER_CALLS_OTHER, 1);
		coverage_note_unrouted(batch->coverage, buf_slice(&call->host),
		    buf_slice(&call->method), job->unrouted);
	}
}

static void count(struct batch *batch, const struct job *job)
{
	if (job->call->in_flight) {
		return; /* its end is still to come, and counts */
	}
	switch (job->state) {
	case JOB_STORED:
		counter_add(COUNTER_ROWS_STORED, 1);
		count_coverage(batch, job);
		break;
	case JOB_SKIPPED:
		counter_add(COUNTER_ROWS_SKIPPED, 1);
		break;
	case JOB_NO_MEMORY:
		counter_add(COUNTER_LOST_MEMORY, 1);
		if (log_now(&batch->no_memory)) {
			log_error(
			    "out of memory: a call is not recorded (lost_out_of_memory "
			    "counts them)");
		}
		break;
	case JOB_BUILT:
	case JOB_LATE:
	case JOB_LOST:
		counter_add(COUNTER_LOST_STORE, 1);
		break;
	}
}

void batch_settle(struct call *call)
{
	if (call->on_settled) {
		call->on_settled(call->on_settled_arg);
	}
	call_destroy(call);
}

uint64_t batch_run(struct batch *batch, struct call *calls)
{
	uint64_t charged = 0;

	batch->count = 0;
	while (calls && batch->count < BATCH_MAX) {
		struct call *next = calls->next;

		charged += calls->charged;
		build(batch, &batch->job[batch->count++], calls);
		calls = next;
	}
	store_all(batch);
	for (size_t i = 0; i < batch->count; i++) {
		struct job *job = &batch->job[i];

		count(batch, job);
		row_finish(&job->row);
		batch_settle(job->call);
	}
	return charged;
}

bool batch_is_dirty(const struct batch *batch)
{
	return batch->dirty;
}

void batch_flush(struct batch *batch)
{
	struct err err = { "" };

	batch->dirty = false;
	if (store_flush(batch->store, &err) != 0 && log_now(&batch->store_failed)) {
		log_error("%s", err.text);
	}
}

int batch_check(struct batch *batch, struct err *err)
{
	int r;

	if (batch->mono_lost_ns != 0 &&
	    mono_ns() - batch->mono_lost_ns < (int64_t)LOST_COUNTS_S * NS_PER_S) {
		*err = batch->lost;
		return batch->lost_code;
	}
	r = store_probe(batch->store, err);
	batch->dirty = batch->dirty || r == 0;
	return r;
}

void batch_write_coverage(struct batch *batch, bool last)
{
	struct err err = { "" };
	int r = coverage_write(batch->coverage, batch->store, last, &err);

	/* another program's lock is nothing to report: the counts wait for the next time
	 */
	if (r != 0 && r != -EBUSY && log_now(&batch->coverage_failed)) {
		log_warn("%s; the counts are kept and tried again", err.text);
	}
}

int64_t batch_retain(struct batch *batch)
{
	struct retention *retention = &batch->retention;
	int64_t now = mono_ns();
	struct err err = { "" };
	int deleted = 0;

	if (retention->all_ns == 0) {
		return INT64_MAX;
	}
	if (now >= retention->mono_due_ns &&
	    store_retain(batch->store, retention, now, &deleted, &err) != 0 &&
	    log_now(&batch->store_failed)) {
		log_error("old rows cannot be deleted: %s", err.text);
	}
	return retention->mono_due_ns;
}

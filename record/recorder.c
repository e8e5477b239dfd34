/* SPDX-License-Identifier: MIT */
/*
 * recorder: the queue, and the thread behind it.
 */
#include "record/recorder.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "record/batch.h"
#include "record/coverage.h"

#define SECOND_NS INT64_C(1000000000)

enum {
	LOG_EVERY_S = 10, /* at most one line per reason */
	FLUSH_AFTER_S = 1,
};

#define NS_PER_S 1000000000

struct recorder {
	struct record_settings settings;
	struct coverage *coverage; /* owned */
	struct batch *batch;
	pthread_t thread;

	pthread_mutex_t lock; /* for all below; never held across a disk or a build */
	pthread_cond_t wake;
	struct call *first; /* linked by call.next */
	struct call **last;
	uint64_t bytes; /* charged to calls queued or being stored */
	bool stopping;
	int64_t full_logged_ns;
	bool check_wanted;
	pthread_cond_t checked;
	int64_t mono_checked_ns; /* 0: never; the answer is in check_code and check_err */
	int check_code;
	struct err check_err;
};

static size_t charge_of(const struct call *call)
{
	return sizeof(*call) + call->method.cap + call->scheme.cap + call->host.cap +
	       call->target.cap + call->request_fields.cap + call->reason.cap +
	       call->response_fields.cap + call->outcome_detail.cap +
	       call->request.bytes.cap + call->response.bytes.cap;
}

/* Takes up to max calls off the queue; waits for one, at most until due_ns. NULL:
 * stopped, and the queue is empty; or the time has come, and *ret_idle is set. */
static struct call *take(
    struct recorder *recorder, size_t max, int64_t due_ns, bool *ret_idle)
{
	struct timespec until = { .tv_sec = (time_t)(due_ns / SECOND_NS),
		.tv_nsec = (long)(due_ns % SECOND_NS) };
	struct call *calls = NULL;
	int waited = 0;

	*ret_idle = false;
	(void)pthread_mutex_lock(&recorder->lock);
	while (!recorder->first && !recorder->stopping && !recorder->check_wanted &&
	       waited != ETIMEDOUT) {
		waited =
		    due_ns < INT64_MAX
		        ? pthread_cond_timedwait(&recorder->wake, &recorder->lock, &until)
		        : pthread_cond_wait(&recorder->wake, &recorder->lock);
	}
	calls = recorder->first;
	if (calls) {
		struct call *end = calls;

		for (size_t i = 1; i < max && end->next; i++) {
			end = end->next;
		}
		recorder->first = end->next;
		end->next = NULL;
		if (!recorder->first) {
			recorder->last = &recorder->first;
		}
	} else {
		*ret_idle = !recorder->stopping;
	}
	(void)pthread_mutex_unlock(&recorder->lock);
	return calls;
}

static void check(struct recorder *recorder)
{
	struct err err = { "" };
	bool wanted = false;
	int code = 0;

	(void)pthread_mutex_lock(&recorder->lock);
	wanted = recorder->check_wanted;
	(void)pthread_mutex_unlock(&recorder->lock);
	if (!wanted) {
		return;
	}
	code = batch_check(recorder->batch, &err);
	(void)pthread_mutex_lock(&recorder->lock);
	recorder->check_wanted = false;
	recorder->check_code = code;
	recorder->check_err = err;
	recorder->mono_checked_ns = mono_ns();
	(void)pthread_cond_broadcast(&recorder->checked);
	(void)pthread_mutex_unlock(&recorder->lock);
}

int recorder_check(struct recorder *recorder, int64_t wait_ns, struct err *err)
{
	int64_t asked_ns = mono_ns();
	int64_t until_ns = asked_ns + wait_ns;
	struct timespec until = { .tv_sec = (time_t)(until_ns / SECOND_NS),
		.tv_nsec = (long)(until_ns % SECOND_NS) };
	int waited = 0;
	int code = 0;

	(void)pthread_mutex_lock(&recorder->lock);
	if (recorder->mono_checked_ns == 0 ||
	    asked_ns - recorder->mono_checked_ns >= SECOND_NS) {
		recorder->check_wanted = true;
		(void)pthread_cond_signal(&recorder->wake);
	}
	while (recorder->check_wanted && !recorder->stopping && waited == 0) {
		waited =
		    pthread_cond_timedwait(&recorder->checked, &recorder->lock, &until);
	}
	if (recorder->check_wanted) {
		code = err_set(err, ETIMEDOUT,
		    "the store has not answered for %d ms: its disk is slow or stands still",
		    (int)(wait_ns / 1000000));
	} else if (recorder->check_code != 0) {
		code = recorder->check_code;
		*err = recorder->check_err;
	}
	(void)pthread_mutex_unlock(&recorder->lock);
	return code;
}

/* When there is work though nobody calls: the last commits to be made safe, old rows, or
 * counts to be written down. */
static int64_t next_due(struct recorder *recorder)
{
	int64_t due_ns = batch_retain(recorder->batch);
	int64_t flush_ns = mono_ns() + FLUSH_AFTER_S * SECOND_NS;
	int64_t coverage_ns = coverage_due_ns(recorder->coverage);

	if (batch_is_dirty(recorder->batch) && flush_ns < due_ns) {
		due_ns = flush_ns;
	}
	return coverage_ns < due_ns ? coverage_ns : due_ns;
}

static void *run(void *arg)
{
	struct recorder *recorder = arg;

	for (;;) {
		bool idle = false;
		struct call *calls = take(recorder, BATCH_MAX, next_due(recorder), &idle);
		uint64_t done = 0;

		if (!calls && !idle) {
			batch_write_coverage(recorder->batch, true);
			return NULL;
		}
		if (calls) {
			done = batch_run(recorder->batch, calls);
			(void)pthread_mutex_lock(&recorder->lock);
			recorder->bytes -= done;
			(void)pthread_mutex_unlock(&recorder->lock);
		} else {
			batch_flush(recorder->batch);
		}
		batch_write_coverage(recorder->batch, false);
		check(recorder);
	}
}

/* Starts the thread with all signals blocked: they are for the main thread. */
static int start_thread(struct recorder *recorder)
{
	sigset_t all;
	sigset_t before;
	int r = 0;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&recorder->thread, NULL, run, recorder);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int init_sync(struct recorder *recorder)
{
	pthread_condattr_t attributes;
	int r = pthread_condattr_init(&attributes);

	if (r != 0) {
		return r;
	}
	r = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	r = r ? r : pthread_cond_init(&recorder->wake, &attributes);
	if (r == 0) {
		/* neither this nor the mutex can fail where the first one did not: Linux
		 */
		(void)pthread_cond_init(&recorder->checked, &attributes);
		(void)pthread_mutex_init(&recorder->lock, NULL);
	}
	(void)pthread_condattr_destroy(&attributes);
	return r;
}

int recorder_start(const struct record_settings *settings, struct store *store,
    struct recorder **ret_recorder, struct err *err)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	int r = 0;

	if (!recorder) {
		store_close(store);
		return err_set(err, ENOMEM, "out of memory for the recorder");
	}
	recorder->settings = *settings;
	recorder->settings.chain_key_path = NULL; /* borrowed for the start only */
	recorder->last = &recorder->first;
	recorder->coverage = coverage_create();
	if (!recorder->coverage) {
		store_close(store);
		free(recorder);
		return err_set(err, ENOMEM, "out of memory for the recorder");
	}
	/* takes the store */
	r = batch_create(settings, store, recorder->coverage, &recorder->batch, err);
	if (r != 0) {
		coverage_destroy(recorder->coverage);
		free(recorder);
		return r;
	}
	r = init_sync(recorder);
	if (r == 0) {
		r = start_thread(recorder);
		if (r == 0) {
			*ret_recorder = recorder;
			return 0;
		}
		(void)pthread_cond_destroy(&recorder->wake);
		(void)pthread_cond_destroy(&recorder->checked);
		(void)pthread_mutex_destroy(&recorder->lock);
	}
	batch_destroy(recorder->batch);
	coverage_destroy(recorder->coverage);
	free(recorder);
	return err_set(err, r, "cannot start the recorder's thread: %s", strerror(r));
}

void recorder_stop(struct recorder *recorder)
{
	if (!recorder) {
		return;
	}
	(void)pthread_mutex_lock(&recorder->lock);
	recorder->stopping = true;
	(void)pthread_cond_signal(&recorder->wake);
	(void)pthread_mutex_unlock(&recorder->lock);
	(void)pthread_join(recorder->thread, NULL);
	batch_destroy(recorder->batch);
	coverage_destroy(recorder->coverage);
	(void)pthread_cond_destroy(&recorder->wake);
	(void)pthread_cond_destroy(&recorder->checked);
	(void)pthread_mutex_destroy(&recorder->lock);
	free(recorder);
}

/* Queues the call when there is room for it. */
static bool queue(struct recorder *recorder, struct call *call)
{
	bool room = false;

	call->charged = charge_of(call);
	call->next = NULL;
	(void)pthread_mutex_lock(&recorder->lock);
	room = recorder->bytes + call->charged <= recorder->settings.queue_bytes;
	if (room) {
		recorder->bytes += call->charged;
		*recorder->last = call;
		recorder->last = &call->next;
		(void)pthread_cond_signal(&recorder->wake);
	}
	(void)pthread_mutex_unlock(&recorder->lock);
	return room;
}

static bool shed(struct capture *capture)
{
	if (capture->bytes.len == 0) {
		return false;
	}
	capture_shed(capture);
	counter_add(COUNTER_BODIES_SHED, 1);
	return true;
}

/* A call for which there is no room at all. */
static void lose(struct recorder *recorder, struct call *call)
{
	int64_t now = mono_ns();
	bool log = false;

	(void)pthread_mutex_lock(&recorder->lock);
	log = !call->in_flight &&
	      (recorder->full_logged_ns == 0 ||
	          now - recorder->full_logged_ns >= (int64_t)LOG_EVERY_S * NS_PER_S);
	if (log) {
		recorder->full_logged_ns = now;
	}
	(void)pthread_mutex_unlock(&recorder->lock);
	if (log) {
		log_error("record.queue is full: calls are not recorded until the store "
		          "keeps up (lost_queue_full counts them)");
	}
	if (!call->in_flight) {
		counter_add(
		    COUNTER_LOST_QUEUE, 1); /* a snapshot's end is still to come */
	}
	batch_settle(call);
}

void recorder_submit(struct recorder *recorder, struct call *call)
{
	if (queue(recorder, call)) {
		return;
	}
	/* the answer says how the call went: it is the last to be given up */
	if (!call->in_flight && shed(&call->request) && queue(recorder, call)) {
		return;
	}
	if (!call->in_flight && shed(&call->response) && queue(recorder, call)) {
		return;
	}
	lose(recorder, call);
}

void recorder_note(struct recorder *recorder, enum coverage_kind kind, struct slice host,
    const char *client)
{
	coverage_note(recorder->coverage, kind, host, client);
}

/* SPDX-License-Identifier: MIT */
#include "dashboard/rollup.h"

#include "base/clock.h"
#include "dashboard/rollup_sum.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAUSE_NS    INT64_C(10000000000)
#define COMPLAIN_NS INT64_C(60000000000)

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
		int rc = rollup_take_back(rollup->pool, err);

		if (rc < 0) {
			return rc;
		}
		rollup->taken_back = true;
	}
	return rollup_step(rollup->pool, wall_us(), err);
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

/* SPDX-License-Identifier: MIT */
#include "sql/ask.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "sql/ask_private.h"

#define HANDLES    4
#define TIMEOUT_NS INT64_C(10000000000)

/* The handles of one right; guarded by the pool's lock. */
struct shelf {
	struct ask *idle; /* linked by next; the last one used first */
	size_t open;      /* idle or out */
};

struct ask_pool {
	const struct ask_driver *driver;
	struct ask_settings settings; /* strings owned */
	pthread_mutex_t lock;
	pthread_cond_t given; /* a handle came back, or one fewer is open */
	struct shelf shelves[2];
};

int ask_fault_set(
    struct ask_fault *fault, int code, const char *sqlstate, const char *format, ...)
{
	va_list args;

	*fault = (struct ask_fault){ 0 };
	(void)snprintf(fault->sqlstate, sizeof(fault->sqlstate), "%s", sqlstate);
	va_start(args, format);
	(void)vsnprintf(fault->message, sizeof(fault->message), format, args);
	va_end(args);
	return -code;
}

int ask_errno(const char *sqlstate)
{
	static const struct {
		const char *prefix; /* the first that fits counts */
		int code;
	} codes[] = {
		{ "57014", ETIMEDOUT },
		{ "08", ECONNRESET },
		{ "57P", ECONNRESET },
		{ "53300", EAGAIN },
		{ "53100", ENOSPC },
		{ "53", ENOMEM },
		{ "25006", EROFS },
		{ "55P03", EBUSY },
		{ "40", EAGAIN },
		{ "42501", EACCES },
		{ "22", EINVAL },
		{ "23", EINVAL },
		{ "42", EINVAL },
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strncmp(sqlstate, codes[i].prefix, strlen(codes[i].prefix)) == 0) {
			return codes[i].code;
		}
	}
	return EIO;
}

static int copy_settings(const struct ask_settings *from, struct ask_settings *ret_copy)
{
	struct ask_settings copy = *from;

	copy.store_path = from->store_path ? strdup(from->store_path) : NULL;
	copy.database = from->database ? strdup(from->database) : NULL;
	if (copy.timeout_ns <= 0) {
		copy.timeout_ns = TIMEOUT_NS;
	}
	if (copy.handles == 0) {
		copy.handles = HANDLES;
	}
	*ret_copy = copy;
	return (from->store_path && !copy.store_path) ||
	               (from->database && !copy.database)
	           ? -ENOMEM
	           : 0;
}

static int init_locks(struct ask_pool *pool)
{
	pthread_condattr_t attr;
	int code = pthread_mutex_init(&pool->lock, NULL);

	if (code != 0) {
		return -code;
	}
	code = pthread_condattr_init(&attr);
	if (code == 0) {
		code = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
		if (code == 0) {
			code = pthread_cond_init(&pool->given, &attr);
		}
		(void)pthread_condattr_destroy(&attr); /* cannot fail */
	}
	if (code != 0) {
		(void)pthread_mutex_destroy(&pool->lock); /* nobody has it */
	}
	return -code;
}

int ask_pool_create(
    const struct ask_settings *settings, struct ask_pool **ret_pool, struct err *err)
{
	struct ask_pool *pool;

	if (!settings->database && !settings->store_path) {
		return err_set(err, EINVAL, "neither a store nor a database is named");
	}
	pool = calloc(1, sizeof(*pool));
	if (!pool) {
		return err_set(err, ENOMEM, "out of memory");
	}
	pool->driver = settings->database ? &ask_postgres : &ask_sqlite;
	if (copy_settings(settings, &pool->settings) < 0 || init_locks(pool) < 0) {
		free((char *)pool->settings.store_path);
		free((char *)pool->settings.database);
		free(pool);
		return err_set(err, ENOMEM, "out of memory");
	}
	*ret_pool = pool;
	return 0;
}

static void destroy_handle(struct ask *ask)
{
	ask->driver->close(ask);
	free(ask);
}

void ask_pool_destroy(struct ask_pool *pool)
{
	if (!pool) {
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		while (pool->shelves[i].idle) {
			struct ask *ask = pool->shelves[i].idle;

			pool->shelves[i].idle = ask->next;
			destroy_handle(ask);
		}
	}
	(void)pthread_cond_destroy(&pool->given);
	(void)pthread_mutex_destroy(&pool->lock);
	free((char *)pool->settings.store_path);
	free((char *)pool->settings.database);
	free(pool);
}

enum ask_dialect ask_pool_dialect(const struct ask_pool *pool)
{
	return pool->driver->dialect;
}

enum ask_dialect ask_dialect(const struct ask *ask)
{
	return ask->driver->dialect;
}

/*
 * Takes an idle handle, or the right to open one (*ret_ask NULL), waiting until
 * mono_end_ns. False: all were out all the time.
 */
static bool reserve(
    struct ask_pool *pool, struct shelf *shelf, int64_t mono_end_ns, struct ask **ret_ask)
{
	struct timespec end = {
		.tv_sec = (time_t)(mono_end_ns / 1000000000),
		.tv_nsec = (long)(mono_end_ns % 1000000000),
	};
	bool good = true;

	(void)pthread_mutex_lock(&pool->lock);
	while (good && !shelf->idle && shelf->open >= pool->settings.handles) {
		good = pthread_cond_timedwait(&pool->given, &pool->lock, &end) == 0;
	}
	if (shelf->idle) {
		*ret_ask = shelf->idle;
		shelf->idle = shelf->idle->next;
		good = true;
	} else if (shelf->open < pool->settings.handles) {
		*ret_ask = NULL;
		shelf->open++;
		good = true;
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return good;
}

/* Gives the right to have one open back. */
static void release(struct ask_pool *pool, struct shelf *shelf)
{
	(void)pthread_mutex_lock(&pool->lock);
	shelf->open--;
	(void)pthread_cond_broadcast(&pool->given);
	(void)pthread_mutex_unlock(&pool->lock);
}

static int open_handle(struct ask_pool *pool, enum ask_right right, struct ask **ret_ask,
    struct ask_fault *fault)
{
	struct ask *ask = calloc(1, sizeof(*ask));
	int result;

	if (!ask) {
		return ask_fault_set(fault, ENOMEM, "53200", "out of memory");
	}
	ask->pool = pool;
	ask->driver = pool->driver;
	ask->settings = &pool->settings;
	ask->right = right;
	result = ask->driver->open(ask, fault);
	if (result < 0) {
		destroy_handle(ask);
		return result;
	}
	*ret_ask = ask;
	return 0;
}

int ask_take(struct ask_pool *pool, enum ask_right right, struct ask **ret_ask,
    struct ask_fault *fault)
{
	struct shelf *shelf = &pool->shelves[right];
	struct ask *ask = NULL;
	int result;

	*fault = (struct ask_fault){ 0 };
	if (!reserve(pool, shelf, mono_ns() + pool->settings.timeout_ns, &ask)) {
		return ask_fault_set(fault, EAGAIN, "53300",
		    "all %zu connections to the rows are in use; try again in a moment",
		    pool->settings.handles);
	}
	if (ask && !ask->driver->is_fresh(ask)) {
		destroy_handle(ask);
		ask = NULL;
	}
	if (!ask) {
		result = open_handle(pool, right, &ask, fault);
		if (result < 0) {
			release(pool, shelf);
			return result;
		}
	}
	*ret_ask = ask;
	return 0;
}

void ask_give(struct ask *ask)
{
	struct ask_pool *pool = ask->pool;
	struct shelf *shelf = &pool->shelves[ask->right];

	if (ask->begun && !ask->broken) {
		ask->driver->rollback(ask);
	}
	ask->begun = false;
	if (ask->broken) {
		destroy_handle(ask);
		release(pool, shelf);
		return;
	}
	(void)pthread_mutex_lock(&pool->lock);
	ask->next = shelf->idle;
	shelf->idle = ask;
	(void)pthread_cond_broadcast(&pool->given);
	(void)pthread_mutex_unlock(&pool->lock);
}

int ask_run(struct ask *ask, const char *sql, const struct slice *params,
    size_t param_count, ask_visit visit, void *arg, int64_t *ret_changed,
    struct ask_fault *fault)
{
	int64_t changed = 0;
	int result;

	*fault = (struct ask_fault){ 0 };
	result =
	    ask->driver->run(ask, sql, params, param_count, visit, arg, &changed, fault);
	if (result == 0 && ret_changed) {
		*ret_changed = changed;
	}
	return result;
}

int ask_begin(struct ask *ask, struct ask_fault *fault)
{
	int result;

	*fault = (struct ask_fault){ 0 };
	result = ask->driver->begin(ask, fault);
	ask->begun = result == 0;
	return result;
}

int ask_commit(struct ask *ask, struct ask_fault *fault)
{
	int result;

	*fault = (struct ask_fault){ 0 };
	result = ask->driver->commit(ask, fault);
	ask->begun = ask->begun && result < 0;
	return result;
}

/* SPDX-License-Identifier: MIT */
#include "sql/shipper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "sql/shipper_private.h"

#define MS_NS         INT64_C(1000000)
#define SECOND_NS     INT64_C(1000000000)
#define LOG_EVERY_NS  (60 * SECOND_NS)
#define FIRST_WAIT_NS (100 * MS_NS)
#define HOLD_WAIT_NS  (5 * SECOND_NS) /* a mended table is seen this soon */
#define IDLE_WAIT_NS  (500 * MS_NS)   /* rows whose writer did not say so */
#define GATHER_NS     (10 * MS_NS)    /* few rows: others may be about to come */
#define NAME_WAIT_NS  (3 * SECOND_NS)
#define FEW_ROWS      64

static const char *const state_texts[] = {
	[SHIPPER_IDLE] = "idle",
	[SHIPPER_DELIVERING] = "delivering",
	[SHIPPER_FAILING] = "failing",
	[SHIPPER_HOLDING] = "holding",
};

const char *shipper_state_text(enum shipper_state state)
{
	return state_texts[state];
}

static bool is_stopping(struct shipper *shipper)
{
	return atomic_load(&shipper->mono_stop_ns) != INT64_MAX;
}

static void post(int fd)
{
	const uint64_t one = 1;

	/* Fails only when the counter is at its end: readable it is then too. */
	(void)!write(fd, &one, sizeof(one));
}

void shipper_notify(void *arg)
{
	struct shipper *shipper = arg;

	if (atomic_exchange(&shipper->sleeping, false)) {
		post(shipper->wake_fd);
	}
}

static void set_state(
    struct shipper *shipper, enum shipper_state state, const char *problem)
{
	(void)pthread_mutex_lock(&shipper->lock);
	if (shipper->status.state != state) {
		shipper->status.state = state;
		shipper->status.mono_since_ns = mono_ns();
	}
	if (state != SHIPPER_FAILING && state != SHIPPER_HOLDING) {
		shipper->status.mono_trouble_ns = 0;
	} else if (shipper->status.mono_trouble_ns == 0) {
		shipper->status.mono_trouble_ns = mono_ns();
	}
	(void)snprintf(
	    shipper->status.problem, sizeof(shipper->status.problem), "%s", problem);
	(void)pthread_mutex_unlock(&shipper->lock);
}

void shipper_status(struct shipper *shipper, struct shipper_status *ret_status)
{
	(void)pthread_mutex_lock(&shipper->lock);
	*ret_status = shipper->status;
	(void)pthread_mutex_unlock(&shipper->lock);
}

/* What is due about once a second. */
static void tick(struct shipper *shipper)
{
	struct outbox_counts counts;
	int64_t now_ns = mono_ns();

	if (now_ns - shipper->mono_counted_ns < SECOND_NS) {
		return;
	}
	shipper->mono_counted_ns = now_ns;
	shipper_keep_room(shipper);
	if (outbox_count(shipper->outbox, &counts, NULL) == 0) {
		(void)pthread_mutex_lock(&shipper->lock);
		shipper->status.waiting = counts.waiting;
		shipper->status.refused = counts.refused;
		(void)pthread_mutex_unlock(&shipper->lock);
	}
}

/* Waits for the time, for the end of the program, or (wake) for rows. */
static void wait_for(struct shipper *shipper, int64_t ns, bool wake)
{
	int64_t end_ns = mono_ns() + ns;
	struct pollfd fds[] = {
		{ .fd = shipper->stop_fd, .events = POLLIN },
		{ .fd = shipper->wake_fd, .events = POLLIN },
	};

	while (!is_stopping(shipper)) {
		int64_t left_ns = end_ns - mono_ns();
		uint64_t count;

		if (left_ns <= 0) {
			return;
		}
		if (left_ns > SECOND_NS) {
			left_ns = SECOND_NS; /* there is a tick to do */
		}
		(void)poll(fds, wake ? 2 : 1, (int)(left_ns / MS_NS) + 1);
		if (wake && fds[1].revents) {
			(void)!read(shipper->wake_fd, &count, sizeof(count));
			return;
		}
		tick(shipper);
	}
}

static enum counter error_counter(enum delivery_class class)
{
	switch (class) {
	case DELIVERY_TRANSPORT:
		return COUNTER_DELIVERY_ERRORS_TRANSPORT;
	case DELIVERY_READ_ONLY:
		return COUNTER_DELIVERY_ERRORS_READ_ONLY;
	case DELIVERY_DATA:
		return COUNTER_DELIVERY_ERRORS_DATA;
	case DELIVERY_SCHEMA:
		return COUNTER_DELIVERY_ERRORS_SCHEMA;
	case DELIVERY_LOCAL:
		return COUNTER_DELIVERY_ERRORS_LOCAL;
	default:
		return COUNTER_DELIVERY_ERRORS_RESOURCES;
	}
}

static void report(struct shipper *shipper, const struct answer *answer)
{
	bool holding = answer->class == DELIVERY_SCHEMA;
	int64_t now_ns = mono_ns();
	char line[640];

	(void)snprintf(line, sizeof(line), "%s: %s%s%s%s%s%s",
	    answer->class == DELIVERY_LOCAL ? "the store" : "PostgreSQL", answer->message,
	    answer->sqlstate[0] ? " (" : "", answer->sqlstate,
	    answer->sqlstate[0] ? ")" : "", answer->advice ? "; " : "",
	    answer->advice ? answer->advice : "");
	set_state(shipper, holding ? SHIPPER_HOLDING : SHIPPER_FAILING, line);
	if (shipper->mono_logged_ns != 0 && shipper->told_holding == holding &&
	    now_ns - shipper->mono_logged_ns < LOG_EVERY_NS) {
		return;
	}
	shipper->told_holding = holding;
	shipper->mono_logged_ns = now_ns;
	log_write(holding ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
	    "rows are not delivered and wait in the store: %s", line);
}

/* 0.1 s, doubled with each failure, of which a random half is left out. */
static int64_t backoff_ns(const struct shipper *shipper, enum delivery_class class)
{
	int64_t most_ns = shipper->settings.backoff_max_ns;
	int64_t wait_ns = FIRST_WAIT_NS;

	if (class == DELIVERY_SCHEMA && most_ns > HOLD_WAIT_NS) {
		most_ns = HOLD_WAIT_NS;
	}
	for (unsigned i = 1; i < shipper->failures && wait_ns < most_ns; i++) {
		wait_ns *= 2;
	}
	if (wait_ns > most_ns) {
		wait_ns = most_ns;
	}
	/* the clock's last digits are as good as random for this */
	return wait_ns / 2 + mono_ns() % (wait_ns / 2 + 1);
}

/* gone: an idle connection turned out to be cut. */
static void on_failure(struct shipper *shipper, const struct answer *answer, bool gone)
{
	counter_add(error_counter(answer->class), 1);
	shipper->failures++;
	if (gone && shipper->failures == 1) {
		return; /* no trouble yet: the next connection tells */
	}
	report(shipper, answer);
	wait_for(shipper, backoff_ns(shipper, answer->class), false);
}

static void on_success(struct shipper *shipper)
{
	if (shipper->failures > 0 && shipper->mono_logged_ns != 0) {
		log_info("rows are delivered again");
		shipper->mono_logged_ns = 0;
	}
	shipper->failures = 0;
	set_state(shipper, SHIPPER_DELIVERING, "");
}

/* Fills current. False: that failed (ret_answer). */
static bool read_batch(struct shipper *shipper, struct answer *ret_answer)
{
	struct outbox_limits limits = { .rows = shipper->row_limit,
		.bytes = shipper->settings.batch_bytes };
	struct err err;

	if (!shipper_settle(shipper, shipper->other, ret_answer)) {
		return false;
	}
	if (outbox_read(shipper->outbox, &limits, NULL, shipper->current, &err) < 0) {
		*ret_answer = (struct answer){ .class = DELIVERY_LOCAL };
		(void)snprintf(
		    ret_answer->message, sizeof(ret_answer->message), "%.250s", err.text);
		return false;
	}
	return true;
}

/* Sends current; afterwards the next rows are in current, if they were read ahead. */
static bool send_batch(struct shipper *shipper, struct answer *ret_answer)
{
	struct shipment *sent = shipper->current;
	struct shipment *ahead = shipper->other;
	struct answer settling;

	shipper_deliver(shipper, ret_answer);
	if (ret_answer->class == DELIVERY_OK &&
	    (ahead->count == 0 || ahead->row[0].fate == ROW_FATE_WAITING)) {
		shipper->current = ahead;
		shipper->other = sent;
		return true;
	}
	/* What was delivered is settled; the rest is read again, as it will be then. */
	if (!shipper_settle(shipper, sent, &settling) &&
	    ret_answer->class == DELIVERY_OK) {
		*ret_answer = settling;
	}
	if (!shipper_settle(shipper, ahead, &settling) &&
	    ret_answer->class == DELIVERY_OK) {
		*ret_answer = settling;
	}
	shipment_clear(sent);
	shipment_clear(ahead);
	return ret_answer->class == DELIVERY_OK;
}

/* Nothing waits. Sleeps until there is something; at once when it came meanwhile. */
static void idle(struct shipper *shipper)
{
	if (!atomic_exchange(&shipper->sleeping, true)) {
		return; /* look once more: who came between did not wake us */
	}
	set_state(shipper, SHIPPER_IDLE, "");
	shipper->failures = 0;
	shipper->mono_counted_ns = 0; /* the count that others see is to be 0 soon */
	wait_for(shipper, IDLE_WAIT_NS, true);
	atomic_store(&shipper->sleeping, false);
	wait_for(shipper, GATHER_NS, false);
}

static void *run(void *arg)
{
	struct shipper *shipper = arg;
	struct answer answer;

	for (;;) {
		bool stopping = is_stopping(shipper);
		int64_t begun_ns = mono_ns();
		bool gone;

		if (begun_ns >= atomic_load(&shipper->mono_stop_ns)) {
			break;
		}
		tick(shipper);
		if (shipper->current->count == 0 && !read_batch(shipper, &answer)) {
			if (stopping) {
				break;
			}
			shipment_clear(shipper->other);
			on_failure(shipper, &answer, false);
			continue;
		}
		if (shipper->current->count == 0) {
			if (stopping) {
				break;
			}
			idle(shipper);
			continue;
		}
		gone = shipper->wire.conn && shipper->wire.used;
		if (send_batch(shipper, &answer)) {
			on_success(shipper);
			if (shipper->other->count < FEW_ROWS) {
				wait_for(shipper, GATHER_NS, false);
			}
			continue;
		}
		gone = gone && answer.class == DELIVERY_TRANSPORT &&
		       mono_ns() - begun_ns < SECOND_NS;
		if (stopping && !gone) {
			break;
		}
		on_failure(shipper, &answer, gone);
	}
	(void)shipper_settle(shipper, shipper->other, &answer); /* sent again then */
	return NULL;
}

static void destroy(struct shipper *shipper)
{
	wire_close(&shipper->wire);
	outbox_close(shipper->outbox);
	insert_finish(&shipper->insert);
	shipment_finish(&shipper->batches[0]);
	shipment_finish(&shipper->batches[1]);
	if (shipper->wake_fd >= 0) {
		(void)close(shipper->wake_fd);
	}
	if (shipper->stop_fd >= 0) {
		(void)close(shipper->stop_fd);
	}
	(void)pthread_mutex_destroy(&shipper->lock);
	if (shipper->settings.database) {
		explicit_bzero((char *)shipper->settings.database,
		    strlen(shipper->settings.database));
	}
	free((char *)shipper->settings.database);
	free((char *)shipper->settings.ballast_path);
	free(shipper);
}

static void set_defaults(struct shipper_settings *settings)
{
	if (settings->batch_rows == 0) {
		settings->batch_rows = 1000;
	}
	if (settings->batch_bytes == 0) {
		settings->batch_bytes = (size_t)4 << 20;
	}
	if (settings->connect_timeout_ns == 0) {
		settings->connect_timeout_ns = 10 * SECOND_NS;
	}
	if (settings->batch_timeout_ns == 0) {
		settings->batch_timeout_ns = 30 * SECOND_NS;
	}
	if (settings->backoff_max_ns == 0) {
		settings->backoff_max_ns = 15 * SECOND_NS;
	}
}

static int init(
    struct shipper *shipper, const struct shipper_settings *settings, struct err *err)
{
	shipper->settings = *settings;
	set_defaults(&shipper->settings);
	shipper->settings.store_path = NULL; /* only borrowed for this call */
	shipper->settings.database = strdup(settings->database);
	shipper->settings.ballast_path =
	    settings->ballast_path ? strdup(settings->ballast_path) : NULL;
	atomic_init(&shipper->mono_stop_ns, INT64_MAX);
	atomic_init(&shipper->sleeping, false);
	shipper->current = &shipper->batches[0];
	shipper->other = &shipper->batches[1];
	shipper->row_limit = shipper->settings.batch_rows;
	shipper->status.mono_since_ns = mono_ns();
	shipper->seen_full = counter_get(COUNTER_STORE_FULL);
	shipper->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	shipper->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!shipper->settings.database ||
	    (settings->ballast_path && !shipper->settings.ballast_path)) {
		return err_set(err, ENOMEM, "out of memory");
	}
	if (shipper->wake_fd < 0 || shipper->stop_fd < 0) {
		return err_set(err, errno, "cannot make an eventfd: %s", strerror(errno));
	}
	shipper->ballast = (struct ballast){ .path = shipper->settings.ballast_path,
		.bytes = BALLAST_BYTES };
	shipper->wire = (struct wire){ .stop_fd = shipper->stop_fd,
		.mono_stop_ns = &shipper->mono_stop_ns };
	return outbox_open(settings->store_path, &shipper->outbox, err);
}

static int start_thread(struct shipper *shipper, struct err *err)
{
	sigset_t all;
	sigset_t before;
	int code;

	/* Signals are for the main thread. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&shipper->thread, NULL, run, shipper);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code != 0) {
		return err_set(err, code, "cannot start a thread: %s", strerror(code));
	}
	(void)pthread_setname_np(shipper->thread, "shipper"); /* only for the eye */
	return 0;
}

int shipper_start(const struct shipper_settings *settings, struct shipper **ret_shipper,
    struct err *err)
{
	struct shipper *shipper;
	int result = wire_check_url(settings->database, err);

	if (result < 0) {
		return result;
	}
	shipper = calloc(1, sizeof(*shipper));
	if (!shipper) {
		return err_set(err, ENOMEM, "out of memory");
	}
	(void)pthread_mutex_init(&shipper->lock, NULL); /* cannot fail on Linux */
	result = init(shipper, settings, err);
	if (result == 0) {
		result = start_thread(shipper, err);
	}
	if (result < 0) {
		destroy(shipper);
		return result;
	}
	*ret_shipper = shipper;
	return 0;
}

void shipper_stop(struct shipper *shipper, int64_t drain_ns)
{
	struct timespec until = { 0 };
	int64_t wait_ns = drain_ns + NAME_WAIT_NS;

	if (!shipper) {
		return;
	}
	atomic_store(&shipper->mono_stop_ns, mono_ns() + drain_ns);
	post(shipper->stop_fd);
	(void)clock_gettime(CLOCK_REALTIME, &until); /* cannot fail with this clock */
	until.tv_sec += (time_t)(wait_ns / SECOND_NS);
	if (pthread_timedjoin_np(shipper->thread, NULL, &until) != 0) {
		/* It looks up a name, which cannot be cut short: it ends with the
		 * program. */
		log_warn("the shipper still waits for the name of the database's server");
		return;
	}
	destroy(shipper);
}

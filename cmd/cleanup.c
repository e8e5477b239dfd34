/* SPDX-License-Identifier: MIT */
#include "cmd/cleanup.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cmd/cleanup_run.h"
#include "cmd/print.h"
#include "sql/pg.h"
#include "sql/retention.h"

#define STORE_ROWS 500
#define BUSY_TRIES 12 /* of 5 s each */
#define PAUSE_NS   INT64_C(5000000)
#define SHOW_NS    INT64_C(200000000)
#define SECOND_NS  INT64_C(1000000000)
#define CLEAR_LINE "\r\033[K"

bool cleanup_stopped(const struct cleanup_run *run)
{
	return run->options->stop && *run->options->stop;
}

void cleanup_sleep_ns(int64_t ns)
{
	struct timespec time = { .tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS };

	(void)nanosleep(&time, NULL); /* a signal may cut it short */
}

void cleanup_count(struct cleanup_run *run, long long deleted)
{
	FILE *out = run->options->progress;
	int64_t now_ns = mono_ns();
	struct buf line = { 0 };

	run->deleted += deleted;
	if (!out || now_ns - run->mono_shown_ns < SHOW_NS) {
		return;
	}
	run->mono_shown_ns = now_ns;
	buf_puts(&line, CLEAR_LINE "deleted ");
	print_thousands(&line, run->deleted);
	if (run->total >= run->deleted) {
		buf_puts(&line, " of ");
		print_thousands(&line, run->total);
	}
	buf_puts(&line, " rows");
	if (!line.failed) {
		(void)fwrite(line.ptr, 1, line.len, out);
		(void)fflush(out); /* only a show */
	}
	buf_finish(&line);
}

static const char due_sql[] =
    "SELECT count(*) FROM integration_logs WHERE created_at < ?1"
    " OR (status = 'success' AND created_at < ?2)";

/* How many rows of the store are due; -1 when that cannot be said. */
static long long count_due(sqlite3 *db, const struct sweep *sweep)
{
	sqlite3_stmt *statement = NULL;
	long long count = -1;

	if (sqlite3_prepare_v2(db, due_sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_bind_text(statement, 1, sweep->all_before, -1, SQLITE_STATIC) ==
	        SQLITE_OK &&
	    sqlite3_bind_text(statement, 2, sweep->success_before, -1, SQLITE_STATIC) ==
	        SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW) {
		count = sqlite3_column_int64(statement, 0);
	}
	sqlite3_finalize(statement);
	return count;
}

int cleanup_store(struct cleanup_run *run, struct err *err)
{
	const struct cleanup_options *options = run->options;
	sqlite3 *db = NULL;
	struct sweep sweep;
	int busy = 0;
	int result = retention_open(options->database, &db, err);

	if (result < 0) {
		return result;
	}
	sweep_init(&sweep, options->success_ns, options->all_ns, wall_us());
	run->total = options->progress ? count_due(db, &sweep) : -1;
	while (!sweep.done && !cleanup_stopped(run)) {
		int64_t mono_began_ns = mono_ns();
		int64_t took_ns;
		int deleted = 0;

		result = retention_step(
		    db, options->database, &sweep, STORE_ROWS, &deleted, err);
		if (result == -EBUSY && ++busy < BUSY_TRIES) {
			result = 0;
			continue;
		}
		if (result < 0) {
			break;
		}
		busy = 0;
		cleanup_count(run, deleted);
		if (deleted > 0 && !sweep.done) {
			/* SQLite's lock has no queue: leave the others half of the time
			 */
			took_ns = mono_ns() - mono_began_ns;
			cleanup_sleep_ns(took_ns > PAUSE_NS ? took_ns : PAUSE_NS);
		}
	}
	(void)sqlite3_close(db); /* no statement is left */
	return result;
}

static const struct unit {
	int64_t seconds;
	const char *name;
} units[] = {
	{ 86400, "day" },
	{ 3600, "hour" },
	{ 60, "minute" },
	{ 1, "second" },
};

/* "90 days", "36 hours", … */
static void put_age(struct buf *out, int64_t ns)
{
	int64_t seconds = ns / SECOND_NS;
	const struct unit *unit = units;

	while (unit->seconds > 1 && seconds % unit->seconds != 0) {
		unit++;
	}
	buf_printf(out, "%lld %s%s", (long long)(seconds / unit->seconds), unit->name,
	    seconds / unit->seconds == 1 ? "" : "s");
}

static int report(const struct cleanup_run *run, struct err *err)
{
	const struct cleanup_options *options = run->options;
	struct buf line = { 0 };
	int result = 0;

	if (options->json) {
		buf_printf(&line, "{\"deleted\":%lld}\n", run->deleted);
	} else {
		buf_puts(&line, "deleted ");
		print_thousands(&line, run->deleted);
		buf_printf(
		    &line, " row%s (successes older than ", run->deleted == 1 ? "" : "s");
		put_age(&line, options->success_ns);
		buf_puts(&line, ", everything older than ");
		put_age(&line, options->all_ns);
		buf_puts(&line, ")\n");
	}
	if (line.failed) {
		result = err_set(err, ENOMEM, "out of memory");
	} else if (fwrite(line.ptr, 1, line.len, options->out) != line.len ||
	           fflush(options->out) != 0) {
		result = err_set(err, errno, "cannot write: %s", strerror(errno));
	}
	buf_finish(&line);
	return result;
}

int cmd_cleanup_run(const struct cleanup_options *options)
{
	struct cleanup_run run = { .options = options, .total = -1 };
	struct err err = { { 0 } };
	int result = pg_is_url(options->database) ? cleanup_postgresql(&run, &err)
	                                          : cleanup_store(&run, &err);

	if (run.mono_shown_ns != 0) {
		(void)fputs(CLEAR_LINE, options->progress); /* only a show */
		(void)fflush(options->progress);
	}
	if (result < 0 && run.deleted > 0) {
		(void)fprintf(stderr,
		    "waybill cleanup: %s; %lld rows were deleted before, run it "
		    "again for the rest\n",
		    err.text, run.deleted);
		return 1;
	}
	if (result == 0) {
		result = report(&run, &err);
	}
	if (result < 0) {
		(void)fprintf(stderr, "waybill cleanup: %s\n", err.text);
		return 1;
	}
	if (cleanup_stopped(&run)) {
		(void)fprintf(
		    stderr, "waybill cleanup: stopped; run it again for the rest\n");
		return 1;
	}
	return 0;
}

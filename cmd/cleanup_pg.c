/* SPDX-License-Identifier: MIT */
/*
 * The retention rule in PostgreSQL. A statement deletes some rows and commits; rows that
 * somebody else holds are left for the next run, and nobody waits for us.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cleanup_run.h"
#include "sql/pg.h"

#define BATCH_ROWS   1000
#define TRIES        5
#define TRY_PAUSE_NS INT64_C(200000000)
#define TIME_SIZE    40
#define LOGS         "public.integration_logs"
#define ISO(timestamp)                                                                   \
	"to_char((" timestamp ") AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

/* The server's clock, as its own function would use it; the same for all batches. */
static const char ages_sql[] =
    "SELECT " ISO("now() - make_interval(secs => $1::float8)") ", " ISO(
        "now() - make_interval(secs => $2::float8)") ", to_regclass('" LOGS
                                                     "') IS NOT NULL";

/* A message of two statements is one transaction: the timeout ends with it. */
static const char count_format[] = "SET LOCAL statement_timeout = '5s';"
                                   "SELECT count(*) FROM " LOGS " WHERE created_at < '%s'"
                                   " OR (status = 'success' AND created_at < '%s')";

static const char delete_format[] =
    "SET LOCAL statement_timeout = '30s'; SET LOCAL lock_timeout = '5s';"
    "WITH due AS MATERIALIZED (SELECT id FROM " LOGS
    " WHERE created_at >= '%s' AND created_at < '%s'%s"
    " ORDER BY created_at LIMIT %d FOR UPDATE SKIP LOCKED),"
    " gone AS (DELETE FROM " LOGS " AS l USING due WHERE l.id = due.id"
    " RETURNING l.created_at)"
    " SELECT count(*), " ISO("max(created_at)") " FROM gone";

struct ages {
	char all_before[TIME_SIZE];
	char success_before[TIME_SIZE];
};

static void keep_time(char out[TIME_SIZE], const PGresult *row, int column)
{
	(void)snprintf(out, TIME_SIZE, "%s", PQgetvalue(row, 0, column));
}

static int read_ages(
    struct cleanup_run *run, struct pg *pg, struct ages *ages, struct err *err)
{
	char all[32];
	char success[32];
	const char *values[] = { all, success };
	PGresult *row = NULL;
	bool is_there;
	int result;

	(void)snprintf(
	    all, sizeof(all), "%lld", (long long)(run->options->all_ns / 1000000000));
	(void)snprintf(success, sizeof(success), "%lld",
	    (long long)(run->options->success_ns / 1000000000));
	result = pg_query(pg, ages_sql, values, 2, &row, err);
	if (result < 0) {
		return result;
	}
	keep_time(ages->all_before, row, 0);
	keep_time(ages->success_before, row, 1);
	is_there = PQgetvalue(row, 0, 2)[0] == 't';
	PQclear(row);
	return is_there
	           ? 0
	           : err_set(err, ENOENT,
	                 "the database %s has no table integration_logs; run `waybill "
	                 "migrate`",
	                 pg_database(pg));
}

/* How many rows are due; stays -1 when it would take long to say. */
static int count_due(
    struct cleanup_run *run, struct pg *pg, const struct ages *ages, struct err *err)
{
	char sql[512];
	PGresult *row = NULL;
	int result;

	(void)snprintf(
	    sql, sizeof(sql), count_format, ages->all_before, ages->success_before);
	result = pg_query(pg, sql, NULL, 0, &row, err);
	if (result == 0) {
		run->total = strtoll(PQgetvalue(row, 0, 0), NULL, 10);
		PQclear(row);
	}
	return result == -EIO && strcmp(pg_sqlstate(pg), "57014") == 0 ? 0 : result;
}

/* May the same statement go through when it is tried once more? */
static bool is_passing(const struct pg *pg)
{
	static const char *const states[] = { "40001", "40P01", "55P03", "57014" };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(pg_sqlstate(pg), states[i]) == 0) {
			return true;
		}
	}
	return false;
}

static int delete_batch(struct pg *pg, const char *condition, char from[TIME_SIZE],
    const char *before, int rows, long long *ret_deleted, struct err *err)
{
	char sql[1024];
	PGresult *row = NULL;
	int result;

	(void)snprintf(sql, sizeof(sql), delete_format, from, before, condition, rows);
	result = pg_query(pg, sql, NULL, 0, &row, err);
	if (result < 0) {
		return result;
	}
	*ret_deleted = strtoll(PQgetvalue(row, 0, 0), NULL, 10);
	if (!PQgetisnull(row, 0, 1)) {
		keep_time(from, row, 1);
	}
	PQclear(row);
	return 0;
}

/*
 * Deletes what is older than before, oldest first. Each batch begins where the one before
 * it ended, so that rows which stay are passed once.
 */
static int delete_all(struct cleanup_run *run, struct pg *pg, const char *condition,
    const char *before, struct err *err)
{
	char from[TIME_SIZE] = "-infinity";
	int rows = BATCH_ROWS;
	int tries = 0;

	while (!cleanup_stopped(run)) {
		long long deleted = 0;
		int result =
		    delete_batch(pg, condition, from, before, rows, &deleted, err);

		if (result == -EIO && is_passing(pg) && ++tries < TRIES) {
			rows = rows > 10 ? rows / 4 : rows;
			cleanup_sleep_ns(TRY_PAUSE_NS * tries);
			continue;
		}
		if (result < 0) {
			return result;
		}
		tries = 0;
		cleanup_count(run, deleted);
		if (deleted < rows) {
			break;
		}
	}
	return 0;
}

int cleanup_postgresql(struct cleanup_run *run, struct err *err)
{
	struct pg_settings settings = { .url = run->options->database,
		.program = "waybill cleanup",
		.writing = true };
	struct ages ages;
	struct pg *pg = NULL;
	int result = pg_open(&settings, &pg, err);

	if (result == 0) {
		result = read_ages(run, pg, &ages, err);
	}
	if (result == 0 && run->options->progress) {
		result = count_due(run, pg, &ages, err);
	}
	if (result == 0) {
		result = delete_all(run, pg, "", ages.all_before, err);
	}
	if (result == 0) {
		result = delete_all(
		    run, pg, " AND status = 'success'", ages.success_before, err);
	}
	if (pg && result == -EIO && strcmp(pg_sqlstate(pg), "42501") == 0) {
		result = err_set(err, EACCES,
		    "%s; connect as the owner of the table, or let the owner run: GRANT service_role "
		    "TO \"%s\"",
		    pg_message(pg), pg_user(pg));
	}
	pg_close(pg);
	return result;
}

/* SPDX-License-Identifier: MIT */
/*
 * pg: one PostgreSQL connection of a command that runs and ends, or of a pool (ask.h).
 *
 * Nothing here waits for ever: a server that is stopped, or gone without a word, is an
 * error after a while. Statements are unnamed and nothing is set for the session, so that
 * a pooler in transaction mode may stand between. A password is never part of a message.
 */
#ifndef SQL_PG_H
#define SQL_PG_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg;
struct pg_result; /* libpq's PGresult */

struct pg_settings {
	const char *url;     /* borrowed for the call: postgresql://… */
	const char *program; /* application_name; a literal */
	bool writing;        /* of several hosts, take one that accepts writes */
	int64_t connect_ns;  /* how long to try at most; 0: 10 s for each host */
};

/* Does the text name a PostgreSQL database, not a file? */
bool pg_is_url(const char *text);

/*
 * Connects. On failure err says which server, database and user, what is wrong, and what
 * to do. Returns 0, -EINVAL (the URL is wrong), -ENOMEM or -EIO.
 */
MUST_CHECK int pg_open(
    const struct pg_settings *settings, struct pg **ret_pg, struct err *err);

/* NULL is fine. The server takes back what was not committed. */
void pg_close(struct pg *pg);

/* How long a statement may take from now on; at first 90 s. */
void pg_set_deadline(struct pg *pg, int64_t ns);

/*
 * Runs sql; without values it may hold several statements, and the result is that of the
 * last one. Gives a result (PQclear) of kind PGRES_TUPLES_OK or PGRES_COMMAND_OK.
 *
 * values  texts for $1, $2, …; NULL when count is 0
 * Returns 0; -EIO: the server refused it, see pg_sqlstate; -ECONNRESET: the connection is
 *         lost; -ETIMEDOUT: no answer in time, and the connection is of no more use;
 *         -ENOMEM
 */
MUST_CHECK int pg_query(struct pg *pg, const char *sql, const char *const *values,
    size_t count, struct pg_result **ret_result, struct err *err);

/* The same where no result is wanted. */
MUST_CHECK int pg_do(struct pg *pg, const char *sql, struct err *err);

/* A row; its result belongs to pg_each. Returns 0 to go on. */
typedef int (*pg_row)(void *arg, const struct pg_result *one_row);

/*
 * Runs one statement and hands over its rows one by one as they come, each in a result of
 * its own: memory does not grow with their number.
 *
 * row          may be NULL. What it returns other than 0 ends the call with that, and the
 *              connection is of no more use
 * ret_changed  may be NULL: rows inserted, updated or deleted
 * Returns what pg_query does, or what row stopped with.
 */
MUST_CHECK int pg_each(struct pg *pg, const char *sql, const char *const *values,
    size_t count, pg_row row, void *arg, int64_t *ret_changed, struct err *err);

/* False: the connection is lost, a statement is open on it, or the server has hung up. */
bool pg_is_idle(struct pg *pg);

/* The server's own words on the last statement that failed, "" where it said nothing. */
struct pg_refusal {
	char primary[512];
	char detail[512];
	char hint[256];
};

const struct pg_refusal *pg_refusal(const struct pg *pg);

/* The SQLSTATE of the last statement that failed; "" when the server did not say. */
const char *pg_sqlstate(const struct pg *pg);

/* What the server said of it, one line, without what err adds; "" likewise. */
const char *pg_message(const struct pg *pg);

/* Who is connected to what; borrowed until pg_close. */
const char *pg_user(const struct pg *pg);
const char *pg_database(const struct pg *pg);

/* 150020: 15.20 */
int pg_server_version(const struct pg *pg);

#endif

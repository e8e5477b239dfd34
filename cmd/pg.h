/* SPDX-License-Identifier: MIT */
/*
 * pg: one PostgreSQL connection of a command that runs and ends.
 *
 * Nothing here waits for ever: a server that is stopped, or gone without a word, is an
 * error after a while. Statements are unnamed and nothing is set for the session, so that
 * a pooler in transaction mode may stand between. A password is never part of a message.
 */
#ifndef CMD_PG_H
#define CMD_PG_H

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

/* SPDX-License-Identifier: MIT */
/*
 * pg_connect: from a URL to a connection, or to words that say what is wrong with it.
 * For pg.c.
 */
#ifndef SQL_PG_CONNECT_H
#define SQL_PG_CONNECT_H

#include "sql/pg.h"

struct pg_conn; /* libpq's PGconn */

/* Gives a connection (PQfinish). Returns what pg_open does. */
MUST_CHECK int pg_connect(
    const struct pg_settings *settings, struct pg_conn **ret_conn, struct err *err);

/*
 * Copies text, and after a semicolon more (may be NULL), without line ends and controls.
 * Returns out.
 */
const char *pg_one_line(char *out, size_t size, const char *text, const char *more);

/* Waits until the socket is ready. 1, 0 when mono_end_ns has come, or a negative errno.
 */
int pg_wait(struct pg_conn *conn, short events, int64_t mono_end_ns);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * wire: one connection to PostgreSQL on which nothing waits for ever.
 *
 * Thread: its owner's. Statements are unnamed, autocommit and one at a time, so that a
 * pooler in transaction mode may stand between.
 */
#ifndef SQL_WIRE_H
#define SQL_WIRE_H

#include "base/err.h"
#include "sql/sqlstate.h"

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdint.h>

struct wire {
	PGconn *conn; /* owned; NULL while there is none */
	bool used;    /* a statement was answered on it */
	int stop_fd;  /* borrowed; readable when *mono_stop_ns has changed */
	const _Atomic int64_t *mono_stop_ns; /* borrowed; nothing waits longer */
};

/* What became of a connection or a statement. */
struct answer {
	enum delivery_class class;
	char sqlstate[6];   /* "" where the server did not say */
	char message[300];  /* one line */
	const char *advice; /* static, or NULL */
	char column[64];    /* that the error names, or "" */
};

/*
 * Checks a postgresql:// URL (or libpq's key=value form) without connecting.
 * Returns 0, -EINVAL with words, or -ENOMEM.
 */
MUST_CHECK int wire_check_url(const char *url, struct err *err);

/* Connects within timeout_ns to a server that accepts writes. False: see ret_answer. */
bool wire_connect(
    struct wire *wire, const char *url, int64_t timeout_ns, struct answer *ret_answer);

/* Drops the connection without waiting for the server. */
void wire_close(struct wire *wire);

struct statement_params {
	const char *sql;
	int count;
	const Oid *types;
	const char *const *values; /* borrowed for the call, like all of these */
	const int *lengths;
	const int *formats;
};

/*
 * Sends all of a statement. False: it failed, and the connection is closed (ret_answer).
 * Until wire_finish the server works on it and the caller may do something else.
 */
bool wire_send(struct wire *wire, const struct statement_params *params,
    int64_t mono_end_ns, struct answer *ret_answer);

/*
 * Waits for the answer to the end: CommandComplete and ReadyForQuery. DELIVERY_OK is
 * given for nothing less. What leaves the connection in doubt closes it.
 */
void wire_finish(struct wire *wire, int64_t mono_end_ns, struct answer *ret_answer);

#endif

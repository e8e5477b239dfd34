/* SPDX-License-Identifier: MIT */
#include "sql/pg.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sql/pg_connect.h"

#define STATEMENT_NS INT64_C(90000000000) /* over the timeouts that commands set */

struct pg {
	PGconn *conn; /* owned */
	int64_t deadline_ns;
	char sqlstate[6];
	char message[1024];
	struct pg_refusal refusal;
};

bool pg_is_url(const char *text)
{
	return strncmp(text, "postgresql://", 13) == 0 ||
	       strncmp(text, "postgres://", 11) == 0;
}

/* "relation … exists" is for people who type; no part of a command's output. */
static void on_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

int pg_open(const struct pg_settings *settings, struct pg **ret_pg, struct err *err)
{
	struct pg *pg = calloc(1, sizeof(*pg));
	int result;

	if (!pg) {
		return err_set(err, ENOMEM, "out of memory");
	}
	pg->deadline_ns = STATEMENT_NS;
	result = pg_connect(settings, &pg->conn, err);
	if (result < 0) {
		free(pg);
		return result;
	}
	(void)PQsetNoticeReceiver(pg->conn, on_notice, NULL);
	*ret_pg = pg;
	return 0;
}

void pg_close(struct pg *pg)
{
	if (pg) {
		PQfinish(pg->conn);
		free(pg);
	}
}

void pg_set_deadline(struct pg *pg, int64_t ns)
{
	pg->deadline_ns = ns;
}

/* Waits until the socket is ready. 1, 0 when mono_end_ns has come, negative errno. */
int pg_wait(PGconn *conn, short events, int64_t mono_end_ns)
{
	struct pollfd one = { .fd = PQsocket(conn), .events = events };

	if (one.fd < 0) {
		return -ECONNRESET;
	}
	for (;;) {
		int64_t left_ms = (mono_end_ns - mono_ns() + 999999) / 1000000;
		int ready;

		if (left_ms <= 0) {
			return 0;
		}
		ready = poll(&one, 1, left_ms > 3600000 ? 3600000 : (int)left_ms);
		if (ready > 0) {
			return 1;
		}
		if (ready < 0 && errno != EINTR) {
			return -errno;
		}
	}
}

static int lost(struct pg *pg, struct err *err)
{
	(void)pg_one_line(
	    pg->message, sizeof(pg->message), PQerrorMessage(pg->conn), NULL);
	return err_set(err, ECONNRESET, "the connection to the database broke: %s",
	    pg->message[0] ? pg->message : "closed by the server");
}

static int late(const struct pg *pg, struct err *err)
{
	return err_set(err, ETIMEDOUT,
	    "the database gave no answer within %lld s; look at the server and its load",
	    (long long)(pg->deadline_ns / 1000000000));
}

/* Hands over what libpq still has to send. */
static int send_all(struct pg *pg, int64_t mono_end_ns, struct err *err)
{
	int left;

	while ((left = PQflush(pg->conn)) > 0) {
		int ready = pg_wait(pg->conn, POLLIN | POLLOUT, mono_end_ns);

		if (ready <= 0) {
			return ready == 0 ? late(pg, err) : lost(pg, err);
		}
		if (!PQconsumeInput(pg->conn)) {
			return lost(pg, err);
		}
	}
	return left < 0 ? lost(pg, err) : 0;
}

/* Takes the next result; *ret_result is NULL when there are no more. */
static int next_result(
    struct pg *pg, int64_t mono_end_ns, PGresult **ret_result, struct err *err)
{
	while (PQisBusy(pg->conn)) {
		int ready = pg_wait(pg->conn, POLLIN, mono_end_ns);

		if (ready <= 0) {
			return ready == 0 ? late(pg, err) : lost(pg, err);
		}
		if (!PQconsumeInput(pg->conn)) {
			return lost(pg, err);
		}
	}
	*ret_result = PQgetResult(pg->conn);
	return 0;
}

/* Says why the server refused a statement, and what it advises. */
static int refused(struct pg *pg, const PGresult *result, struct err *err)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);

	if (PQstatus(pg->conn) == CONNECTION_BAD && !state) {
		return lost(pg, err);
	}
	(void)snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%.5s", state ? state : "");
	(void)pg_one_line(pg->refusal.primary, sizeof(pg->refusal.primary),
	    primary ? primary : "", NULL);
	(void)pg_one_line(
	    pg->refusal.detail, sizeof(pg->refusal.detail), detail ? detail : "", NULL);
	(void)pg_one_line(
	    pg->refusal.hint, sizeof(pg->refusal.hint), hint ? hint : "", NULL);
	(void)pg_one_line(pg->message, sizeof(pg->message),
	    primary ? primary : PQresultErrorMessage(result), hint);
	return err_set(err, EIO, "%s%s%s%s", pg->message, state ? " (SQLSTATE " : "",
	    state ? state : "", state ? ")" : "");
}

/* Reads the results of one call; gives the last good one. */
static int take_results(
    struct pg *pg, int64_t mono_end_ns, PGresult **ret_result, struct err *err)
{
	PGresult *last = NULL;
	PGresult *one = NULL;
	int outcome = 0;
	int result;

	while ((result = next_result(pg, mono_end_ns, &one, err)) == 0 && one) {
		ExecStatusType kind = PQresultStatus(one);

		if (kind == PGRES_TUPLES_OK || kind == PGRES_COMMAND_OK) {
			PQclear(last);
			last = one;
			continue;
		}
		if (outcome == 0) {
			outcome = kind == PGRES_FATAL_ERROR
			              ? refused(pg, one, err)
			              : err_set(err, EIO, "an empty statement");
		}
		PQclear(one);
		if (PQstatus(pg->conn) == CONNECTION_BAD) {
			break;
		}
	}
	if (result == 0) {
		result = outcome;
	}
	if (result == 0 && !last) {
		result = lost(pg, err);
	}
	if (result < 0) {
		PQclear(last);
		return result;
	}
	*ret_result = last;
	return 0;
}

/* Sends one statement, or several where there are no values. */
static int send_statement(struct pg *pg, const char *sql, const char *const *values,
    size_t count, int64_t mono_end_ns, struct err *err)
{
	int sent;

	pg->sqlstate[0] = '\0';
	pg->message[0] = '\0';
	pg->refusal = (struct pg_refusal){ 0 };
	if (PQsetnonblocking(pg->conn, 1) < 0) {
		return lost(pg, err);
	}
	sent = count == 0 ? PQsendQuery(pg->conn, sql)
	                  : PQsendQueryParams(
	                        pg->conn, sql, (int)count, NULL, values, NULL, NULL, 0);
	return sent ? send_all(pg, mono_end_ns, err) : lost(pg, err);
}

int pg_query(struct pg *pg, const char *sql, const char *const *values, size_t count,
    PGresult **ret_result, struct err *err)
{
	int64_t mono_end_ns = mono_ns() + pg->deadline_ns;
	int result = send_statement(pg, sql, values, count, mono_end_ns, err);

	return result < 0 ? result : take_results(pg, mono_end_ns, ret_result, err);
}

/* 0 to go on. */
static int take_one(struct pg *pg, const PGresult *one, pg_row row, void *arg,
    int64_t *ret_changed, struct err *err)
{
	switch (PQresultStatus(one)) {
	case PGRES_SINGLE_TUPLE:
		return row ? row(arg, one) : 0;
	case PGRES_TUPLES_OK: /* after the last row */
	case PGRES_COMMAND_OK:
		if (ret_changed &&
		    strncmp(PQcmdStatus((PGresult *)one), "SELECT", 6) != 0) {
			*ret_changed = strtoll(PQcmdTuples((PGresult *)one), NULL, 10);
		}
		return 0;
	case PGRES_FATAL_ERROR:
		return refused(pg, one, err);
	default:
		return err_set(
		    err, EIO, "the server answered something that was not asked");
	}
}

int pg_each(struct pg *pg, const char *sql, const char *const *values, size_t count,
    pg_row row, void *arg, int64_t *ret_changed, struct err *err)
{
	int64_t mono_end_ns = mono_ns() + pg->deadline_ns;
	PGresult *one = NULL;
	int outcome = 0;
	int result = send_statement(pg, sql, values, count, mono_end_ns, err);

	if (ret_changed) {
		*ret_changed = 0;
	}
	if (result < 0) {
		return result;
	}
	(void)PQsetSingleRowMode(pg->conn); /* right after a send it cannot be refused */
	while ((result = next_result(pg, mono_end_ns, &one, err)) == 0 && one) {
		if (outcome == 0) {
			outcome = take_one(pg, one, row, arg, ret_changed, err);
		}
		PQclear(one);
		if ((outcome != 0 && !pg->sqlstate[0]) ||
		    PQstatus(pg->conn) == CONNECTION_BAD) {
			break; /* stopped or lost: the rest is not waited for */
		}
	}
	if (outcome != 0) {
		return outcome;
	}
	if (result == 0 && PQstatus(pg->conn) == CONNECTION_BAD) {
		result = lost(pg, err);
	}
	return result;
}

bool pg_is_idle(struct pg *pg)
{
	struct pollfd one = { .fd = PQsocket(pg->conn), .events = POLLIN };

	if (PQstatus(pg->conn) != CONNECTION_OK ||
	    PQtransactionStatus(pg->conn) != PQTRANS_IDLE) {
		return false;
	}
	/* Nothing was asked: what is there to read is a notice, or the end. */
	return poll(&one, 1, 0) == 0 ||
	       (PQconsumeInput(pg->conn) && PQstatus(pg->conn) == CONNECTION_OK);
}

const struct pg_refusal *pg_refusal(const struct pg *pg)
{
	return &pg->refusal;
}

int pg_do(struct pg *pg, const char *sql, struct err *err)
{
	PGresult *answer = NULL;
	int result = pg_query(pg, sql, NULL, 0, &answer, err);

	if (result == 0) {
		PQclear(answer);
	}
	return result;
}

const char *pg_sqlstate(const struct pg *pg)
{
	return pg->sqlstate;
}

const char *pg_message(const struct pg *pg)
{
	return pg->message;
}

const char *pg_user(const struct pg *pg)
{
	return PQuser(pg->conn);
}

const char *pg_database(const struct pg *pg)
{
	return PQdb(pg->conn);
}

int pg_server_version(const struct pg *pg)
{
	return PQserverVersion(pg->conn);
}

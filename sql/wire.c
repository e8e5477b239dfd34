/* SPDX-License-Identifier: MIT */
#include "sql/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static void one_line(char *out, size_t size, const char *text)
{
	size_t len = 0;

	for (; *text && len + 1 < size; text++) {
		char c = (unsigned char)*text < 0x20 ? ' ' : *text;

		if (c != ' ' || (len > 0 && out[len - 1] != ' ')) {
			out[len++] = c;
		}
	}
	while (len > 0 && out[len - 1] == ' ') {
		len--;
	}
	out[len] = '\0';
}

static void set_answer(struct answer *answer, enum delivery_class class, const char *text)
{
	*answer = (struct answer){ .class = class };
	one_line(answer->message, sizeof(answer->message), text ? text : "out of memory");
}

/* The connection is of no use any more; what was sent may or may not have happened. */
static void lose(struct wire *wire, struct answer *answer, const char *text)
{
	set_answer(answer, DELIVERY_TRANSPORT, text ? text : PQerrorMessage(wire->conn));
	wire_close(wire);
}

void wire_close(struct wire *wire)
{
	PQfinish(wire->conn); /* NULL is fine; the socket does not block */
	wire->conn = NULL;
	wire->used = false;
}

int wire_check_url(const char *url, struct err *err)
{
	char *reason = NULL;
	PQconninfoOption *options = PQconninfoParse(url, &reason);
	char line[300];

	if (options) {
		PQconninfoFree(options);
		return 0;
	}
	if (!reason) {
		return err_set(err, ENOMEM, "out of memory");
	}
	/* It quotes the place at fault, which could be a piece of a password. */
	one_line(line, sizeof(line),
	    strchr(url, '@') ? "look at its signs: in the user and "
	                       "the password @ : / ? # % are "
	                       "written %40 %3A %2F %3F %23 %25"
	                     : reason);
	PQfreemem(reason);
	return err_set(err, EINVAL, "database: not a PostgreSQL URL: %s", line);
}

static void drain(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count)); /* empty already: nothing to do */
}

/* Waits for the socket. False: the time is over, or the program ends. */
static bool wait_socket(struct wire *wire, short events, int64_t mono_end_ns)
{
	for (;;) {
		int64_t stop_ns = atomic_load(wire->mono_stop_ns);
		int64_t end_ns = stop_ns < mono_end_ns ? stop_ns : mono_end_ns;
		int64_t left_ns = end_ns - mono_ns();
		struct pollfd fds[] = {
			{ .fd = PQsocket(wire->conn), .events = events },
			{ .fd = wire->stop_fd, .events = POLLIN },
		};

		if (left_ns <= 0 || fds[0].fd < 0) {
			return false;
		}
		if (left_ns > INT64_C(60000000000)) {
			left_ns = INT64_C(60000000000);
		}
		if (poll(fds, 2, (int)(left_ns / 1000000) + 1) < 0 && errno != EINTR) {
			return false;
		}
		if (fds[0].revents) {
			return true;
		}
		if (fds[1].revents) {
			drain(wire->stop_fd);
		}
	}
}

/* libpq would print notices on standard error, past the log. */
static void on_notice(void *arg, const PGresult *notice)
{
	(void)arg;
	(void)notice;
}

static PGconn *begin_connect(const char *url)
{
	/* What the URL says comes later and counts more. */
	const char *const names[] = { "fallback_application_name", "client_encoding",
		"target_session_attrs", "keepalives", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname",
		NULL };
	const char *const values[] = { "waybill", "UTF8", "read-write", "1", "10", "5",
		"3", "15000", url, NULL };

	return PQconnectStartParams(names, values, 1);
}

bool wire_connect(
    struct wire *wire, const char *url, int64_t timeout_ns, struct answer *ret_answer)
{
	int64_t end_ns = mono_ns() + timeout_ns;
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	wire_close(wire);
	wire->conn = begin_connect(url);
	if (!wire->conn || PQstatus(wire->conn) == CONNECTION_BAD) {
		lose(wire, ret_answer, NULL);
		return false;
	}
	(void)PQsetNoticeReceiver(wire->conn, on_notice, NULL);
	while (state != PGRES_POLLING_OK) {
		short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;

		if (state == PGRES_POLLING_FAILED) {
			lose(wire, ret_answer, NULL);
			return false;
		}
		if (!wait_socket(wire, events, end_ns)) {
			lose(wire, ret_answer, "the server does not answer");
			return false;
		}
		state = PQconnectPoll(wire->conn);
	}
	if (PQsetnonblocking(wire->conn, 1) != 0) {
		lose(wire, ret_answer, NULL);
		return false;
	}
	return true;
}

bool wire_send(struct wire *wire, const struct statement_params *params,
    int64_t mono_end_ns, struct answer *ret_answer)
{
	int left;

	if (!PQsendQueryParams(wire->conn, params->sql, params->count, params->types,
	        params->values, params->lengths, params->formats, 0)) {
		lose(wire, ret_answer, NULL);
		return false;
	}
	while ((left = PQflush(wire->conn)) == 1) {
		if (!wait_socket(wire, POLLIN | POLLOUT, mono_end_ns)) {
			lose(wire, ret_answer, "the server does not read");
			return false;
		}
		/* The server may be saying something that must be read before it reads.
		 */
		if (!PQconsumeInput(wire->conn)) {
			lose(wire, ret_answer, NULL);
			return false;
		}
	}
	if (left < 0) {
		lose(wire, ret_answer, NULL);
		return false;
	}
	return true;
}

static void read_error(const PGresult *result, struct answer *answer)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
	const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);

	set_answer(
	    answer, DELIVERY_TRANSPORT, text ? text : PQresultErrorMessage(result));
	if (sqlstate && strlen(sqlstate) == 5) {
		memcpy(answer->sqlstate, sqlstate, sizeof(answer->sqlstate));
		answer->class = sqlstate_class(sqlstate, constraint != NULL);
		answer->advice = sqlstate_advice(sqlstate, constraint != NULL);
	}
	if (column) {
		one_line(answer->column, sizeof(answer->column), column);
	}
}

/* Notes one result; a failure is not forgotten for a later success. */
static void take_result(const PGresult *result, bool *done, struct answer *answer)
{
	if (PQresultStatus(result) == PGRES_COMMAND_OK &&
	    strncmp(PQcmdStatus((PGresult *)result), "INSERT ", 7) == 0) {
		*done = true;
	} else if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
		read_error(result, answer);
	} else {
		set_answer(answer, DELIVERY_TRANSPORT,
		    "the server answered something that was not asked");
	}
}

void wire_finish(struct wire *wire, int64_t mono_end_ns, struct answer *ret_answer)
{
	struct answer answer = { .class = DELIVERY_OK };
	bool done = false;
	bool ready;
	bool elsewhere; /* another connection may have more luck */

	for (;;) {
		PGresult *result;

		while (PQisBusy(wire->conn)) {
			if (!wait_socket(wire, POLLIN, mono_end_ns)) {
				lose(
				    wire, ret_answer, "no answer to a statement in time");
				return;
			}
			if (!PQconsumeInput(wire->conn)) {
				lose(wire, ret_answer, NULL);
				return;
			}
		}
		result = PQgetResult(wire->conn);
		if (!result) {
			break;
		}
		take_result(result, &done, &answer);
		PQclear(result);
	}
	if (answer.class == DELIVERY_OK && !done) {
		set_answer(&answer, DELIVERY_TRANSPORT, "the server gave no answer");
	}
	/* NULL came with ReadyForQuery, unless the connection is gone */
	ready = PQstatus(wire->conn) == CONNECTION_OK &&
	        PQtransactionStatus(wire->conn) == PQTRANS_IDLE;
	if (!ready && answer.class == DELIVERY_OK) {
		set_answer(&answer, DELIVERY_TRANSPORT, PQerrorMessage(wire->conn));
	}
	elsewhere =
	    answer.class == DELIVERY_TRANSPORT || answer.class == DELIVERY_READ_ONLY;
	wire->used = true;
	if (!ready || elsewhere) {
		wire_close(wire);
	}
	*ret_answer = answer;
}

/* SPDX-License-Identifier: MIT */
/*
 * The handle on PostgreSQL. Whatever matters of the session is set anew within each
 * transaction (SET LOCAL), so that a pooler in transaction mode may stand between.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sql/ask_private.h"
#include "sql/pg.h"

#define CELLS_MAX  64
#define GRACE_NS   INT64_C(2000000000)   /* the server's own timeout comes first */
#define UNUSED_NS  INT64_C(300000000000) /* firewalls forget a connection */
#define CONNECT_NS INT64_C(5000000000)

static int postgres_open(struct ask *ask, struct ask_fault *fault)
{
	const struct pg_settings settings = {
		.url = ask->settings->database,
		.program = "waybill-admin",
		.writing = true, /* the shipper's server: a standby may be behind */
		.connect_ns = CONNECT_NS,
	};
	struct err err;
	int result = pg_open(&settings, &ask->pg, &err);

	if (result < 0) {
		return ask_fault_set(fault, -result, "08006", "%s", err.text);
	}
	pg_set_deadline(ask->pg, ask->settings->timeout_ns + GRACE_NS);
	ask->mono_used_ns = mono_ns();
	return 0;
}

static void postgres_close(struct ask *ask)
{
	pg_close(ask->pg);
	ask->pg = NULL;
}

static bool postgres_is_fresh(struct ask *ask)
{
	return mono_ns() - ask->mono_used_ns < UNUSED_NS && pg_is_idle(ask->pg);
}

/* Makes a fault of what pg said; result is negative. */
static int refused(
    struct ask *ask, int result, const struct err *err, struct ask_fault *fault)
{
	const char *sqlstate = pg_sqlstate(ask->pg);
	const struct pg_refusal *said = pg_refusal(ask->pg);

	if (result == -ETIMEDOUT) {
		ask->broken = true;
		return ask_fault_set(fault, ETIMEDOUT, "57014", "%s", err->text);
	}
	if (strlen(sqlstate) != 5 || result == -ECONNRESET || result == -ENOMEM) {
		ask->broken = true;
		return ask_fault_set(fault, -result,
		    result == -ENOMEM ? "53200" : "08006", "%s", err->text);
	}
	result = ask_fault_set(fault, ask_errno(sqlstate), sqlstate, "%s", said->primary);
	(void)snprintf(fault->detail, sizeof(fault->detail), "%s", said->detail);
	(void)snprintf(fault->hint, sizeof(fault->hint), "%s", said->hint);
	return result;
}

static int command(struct ask *ask, const char *sql, struct ask_fault *fault)
{
	struct err err;
	int result = pg_do(ask->pg, sql, &err);

	return result == 0 ? 0 : refused(ask, result, &err, fault);
}

static int postgres_begin(struct ask *ask, struct ask_fault *fault)
{
	char sql[400];
	long long ms = (ask->settings->timeout_ns + 999999) / 1000000;

	/* one round trip; fits: a fixed text and a number */
	(void)snprintf(sql, sizeof(sql),
	    "BEGIN %s; SET LOCAL statement_timeout = %lld; SET LOCAL lock_timeout = %lld;"
	    " SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD';"
	    " SET LOCAL search_path = public, pg_temp",
	    ask->right == ASK_READ ? "ISOLATION LEVEL REPEATABLE READ READ ONLY"
	                           : "ISOLATION LEVEL READ COMMITTED READ WRITE",
	    ms, ms);
	return command(ask, sql, fault);
}

static int postgres_commit(struct ask *ask, struct ask_fault *fault)
{
	return command(ask, "COMMIT", fault);
}

static void postgres_rollback(struct ask *ask)
{
	struct ask_fault ignored;

	if (command(ask, "ROLLBACK", &ignored) < 0) {
		ask->broken = true;
	}
}

struct visitor {
	ask_visit visit;
	void *arg;
};

static int on_row(void *arg, const PGresult *row)
{
	const struct visitor *visitor = arg;
	struct ask_cell cells[CELLS_MAX];
	int count = PQnfields(row);

	if (count > CELLS_MAX) {
		return -E2BIG;
	}
	for (int i = 0; i < count; i++) {
		cells[i].null = PQgetisnull(row, 0, i);
		cells[i].text = (struct slice){ PQgetvalue(row, 0, i),
			(size_t)PQgetlength(row, 0, i) };
	}
	return visitor->visit(visitor->arg, cells, (size_t)count);
}

/* NUL-terminated copies in one block (free()); NULL: out of memory, or *ret_bad. */
static const char **copy_params(const struct slice *params, size_t count, bool *ret_bad)
{
	size_t size = (count + 1) * sizeof(char *);
	const char **values;
	char *at;

	for (size_t i = 0; i < count; i++) {
		size += params[i].len + 1;
		if (params[i].len > 0 && memchr(params[i].ptr, '\0', params[i].len)) {
			*ret_bad = true;
			return NULL;
		}
	}
	values = malloc(size);
	if (!values) {
		return NULL;
	}
	at = (char *)(values + count + 1);
	for (size_t i = 0; i < count; i++) {
		values[i] = params[i].ptr ? at : NULL;
		if (params[i].len > 0) {
			memcpy(at, params[i].ptr, params[i].len);
		}
		at[params[i].len] = '\0';
		at += params[i].len + 1;
	}
	return values;
}

static int run_in_transaction(struct ask *ask, const char *sql, const char *const *values,
    size_t count, struct visitor *visitor, int64_t *ret_changed, struct ask_fault *fault)
{
	struct err err = { "" };
	int result = pg_each(ask->pg, sql, values, count, visitor->visit ? on_row : NULL,
	    visitor, ret_changed, &err);

	if (result == 0) {
		return 0;
	}
	if (err.text[0]) {
		return refused(ask, result, &err, fault);
	}
	ask->broken = true; /* the visitor has seen enough; rows may still come */
	return result;
}

static int postgres_run(struct ask *ask, const char *sql, const struct slice *params,
    size_t count, ask_visit visit, void *arg, int64_t *ret_changed,
    struct ask_fault *fault)
{
	struct visitor visitor = { visit, arg };
	bool alone = !ask->begun;
	bool is_bad = false;
	const char **values = copy_params(params, count, &is_bad);
	int result = 0;

	if (!values) {
		return is_bad ? ask_fault_set(fault, EINVAL, "22021",
		                    "invalid byte sequence for encoding \"UTF8\": 0x00")
		              : ask_fault_set(fault, ENOMEM, "53200", "out of memory");
	}
	ask->mono_used_ns = mono_ns();
	if (alone) {
		result = postgres_begin(ask, fault);
	}
	if (result == 0) {
		result = run_in_transaction(
		    ask, sql, values, count, &visitor, ret_changed, fault);
		if (alone && result == 0) {
			result = postgres_commit(ask, fault);
		} else if (alone && !ask->broken) {
			postgres_rollback(ask);
		}
	}
	free(values);
	return result;
}

const struct ask_driver ask_postgres = {
	.dialect = ASK_POSTGRES,
	.open = postgres_open,
	.close = postgres_close,
	.is_fresh = postgres_is_fresh,
	.run = postgres_run,
	.begin = postgres_begin,
	.commit = postgres_commit,
	.rollback = postgres_rollback,
};

/* SPDX-License-Identifier: MIT */
#include "cmd/verify.h"

#include <errno.h>
#include <libpq-fe.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/verify_check.h"
#include "sql/pg.h"

static const struct verify_group groups[] = {
	{ "table, views, function, policies", verify_schema_checks },
	{ "indexes", verify_index_checks },
	{ "rows", verify_row_checks },
	{ "jsonb", verify_json_checks },
	{ "roles", verify_role_checks },
	{ "plans", verify_plan_checks },
	{ "retention", verify_retention_checks },
};

#define GROUP_COUNT (sizeof(groups) / sizeof(groups[0]))

static const char begin_sql[] = "BEGIN; SET LOCAL client_min_messages = error;"
                                " SET LOCAL statement_timeout = '60s';"
                                " SET LOCAL lock_timeout = '10s'; SAVEPOINT verify";

struct run {
	FILE *out;
	struct pg *pg;
	bool kept; /* the check before has left rows on purpose */
	int passed;
	int failed;
	int skipped;
};

/* What failed of one check; both empty while it is good. */
struct finding {
	char problem[1024];
	char remedy[512];
};

static void find(struct finding *finding, const char *problem, const char *remedy)
{
	(void)snprintf(finding->problem, sizeof(finding->problem), "%s", problem);
	(void)snprintf(finding->remedy, sizeof(finding->remedy), "%s",
	    remedy ? remedy : VERIFY_MIGRATE);
}

static void find_refusal(
    const struct run *run, const struct verify_check *check, struct finding *finding)
{
	char problem[1024];
	const char *remedy = check->remedy;

	(void)snprintf(problem, sizeof(problem), "%s (SQLSTATE %s)", pg_message(run->pg),
	    pg_sqlstate(run->pg));
	if (strcmp(pg_sqlstate(run->pg), "55P03") == 0) {
		remedy =
		    "another session holds a lock on the table: try again when it is over";
	} else if (strcmp(pg_sqlstate(run->pg), "57014") == 0) {
		remedy =
		    "the server took longer than its statement_timeout: try again when it "
		    "is less busy";
	} else if (strcmp(pg_sqlstate(run->pg), "42501") == 0 && !check->role) {
		remedy = "connect as the owner of the table (on Supabase: postgres)";
	}
	find(finding, problem, remedy);
}

static void judge_answer(
    const struct verify_check *check, const PGresult *result, struct finding *finding)
{
	if (PQntuples(result) < 1 || PQgetisnull(result, 0, 0)) {
		find(finding, "it had no effect on any row", check->remedy);
	} else if (strcmp(PQgetvalue(result, 0, 0), "ok") != 0) {
		find(finding, PQgetvalue(result, 0, 0), check->remedy);
	}
}

/* A statement that should have failed went through: only without any row is that fine. */
static void judge_permitted(
    const struct verify_check *check, PGresult *result, struct finding *finding)
{
	bool nothing = strcmp(PQcmdTuples(result), "0") == 0;

	if (strcmp(check->wanted, "42501") != 0 || !nothing) {
		find(
		    finding, "the server did it, and should have refused", check->remedy);
	}
}

static void judge_plan(
    const struct verify_check *check, const PGresult *result, struct finding *finding)
{
	struct buf plan = { 0 };
	bool used = false;

	buf_puts(&plan, "the plan is without it:");
	for (int i = 0; i < PQntuples(result); i++) {
		const char *line = PQgetvalue(result, i, 0);

		used = used || strstr(line, check->wanted);
		buf_putc(&plan, ' ');
		buf_puts(&plan, line + strspn(line, " "));
	}
	buf_putc(&plan, '\0');
	if (!used) {
		find(finding, plan.failed ? "out of memory" : plan.ptr, check->remedy);
	}
	buf_finish(&plan);
}

static void judge(
    const struct verify_check *check, PGresult *result, struct finding *finding)
{
	switch (check->kind) {
	case VERIFY_ANSWER:
		judge_answer(check, result, finding);
		return;
	case VERIFY_REFUSED:
		judge_permitted(check, result, finding);
		return;
	case VERIFY_PLAN:
		judge_plan(check, result, finding);
		return;
	}
}

/*
 * Takes the role of the check. A login that may not is a finding, and the statement is
 * not tried. *ret_taken: it is taken. Returns 0, or negative: no connection.
 */
static int take_role(struct run *run, const char *start, const struct verify_check *check,
    struct finding *finding, bool *ret_taken, struct err *err)
{
	char sql[256];
	char remedy[512];
	int result;

	(void)snprintf(sql, sizeof(sql), "%sSET LOCAL ROLE %s", start, check->role);
	result = pg_do(run->pg, sql, err);
	*ret_taken = result == 0;
	if (result != -EIO) {
		return result;
	}
	if (strcmp(pg_sqlstate(run->pg), "22023") == 0) {
		find(finding, "the role does not exist", NULL);
		return 0;
	}
	(void)snprintf(remedy, sizeof(remedy),
	    "let a superuser run: GRANT %s TO \"%s\"; or verify as a user who is a member of it",
	    check->role, pg_user(run->pg));
	find(finding, "the connected user may not act as this role (SET ROLE)", remedy);
	return 0;
}

/* Returns 0, or negative: no connection. */
static int try_check(struct run *run, const struct verify_check *check,
    struct finding *finding, struct err *err)
{
	const char *start = run->kept ? "RELEASE SAVEPOINT verify; SAVEPOINT verify; "
	                              : "ROLLBACK TO SAVEPOINT verify; ";
	struct buf sql = { 0 };
	PGresult *answer = NULL;
	bool ready = true;
	int result;

	if (check->role) {
		result = take_role(run, start, check, finding, &ready, err);
		run->kept = false;
		start = "";
		if (result < 0 || !ready) {
			return result;
		}
	}
	buf_puts(&sql, start);
	buf_puts(&sql, check->sql);
	buf_putc(&sql, '\0');
	result = sql.failed ? err_set(err, ENOMEM, "out of memory")
	                    : pg_query(run->pg, sql.ptr, NULL, 0, &answer, err);
	buf_finish(&sql);
	if (result == 0) {
		judge(check, answer, finding);
		PQclear(answer);
	} else if (result == -EIO) {
		result = 0;
		if (check->kind != VERIFY_REFUSED ||
		    strcmp(pg_sqlstate(run->pg), check->wanted) != 0) {
			find_refusal(run, check, finding);
		}
	}
	run->kept = check->keep && !finding->problem[0];
	return result;
}

static int count_checks(const struct verify_check *check)
{
	int count = 0;

	for (; check->title; check++) {
		count++;
	}
	return count;
}

/* *ret_vital: a check failed without which the others would only repeat it. */
static int run_group(
    struct run *run, const struct verify_group *group, bool *ret_vital, struct err *err)
{
	for (const struct verify_check *check = group->checks; check->title; check++) {
		struct finding finding = { .problem = "" };
		int result = try_check(run, check, &finding, err);

		if (result < 0) {
			return result;
		}
		if (!finding.problem[0]) {
			(void)fprintf(run->out, "\u2713 %s\n", check->title);
			run->passed++;
			continue;
		}
		(void)fprintf(run->out, "\u2717 %s: %s; %s\n", check->title,
		    finding.problem, finding.remedy);
		run->failed++;
		if (check->vital) {
			run->skipped += count_checks(check + 1);
			*ret_vital = true;
			return 0;
		}
	}
	return 0;
}

/* The checks, in a transaction that pg_close ends if this does not. */
static int run_all(struct run *run, struct err *err)
{
	int result = pg_do(run->pg, begin_sql, err);
	bool vital = false;

	for (size_t i = 0; i < GROUP_COUNT && result == 0; i++) {
		bool lost = false;

		if (vital) { /* there is no table */
			run->skipped += count_checks(groups[i].checks);
			continue;
		}
		result = run_group(run, &groups[i], &lost, err);
		vital = lost && i == 0;
		(void)fflush(run->out); /* checked at the end */
	}
	return result == 0 ? pg_do(run->pg, "ROLLBACK", err) : result;
}

static void sum_up(const struct run *run)
{
	if (run->failed == 0) {
		(void)fprintf(run->out, "\n%d checks passed; nothing was left in %s\n",
		    run->passed, pg_database(run->pg));
		return;
	}
	(void)fprintf(run->out, "\n%d of %d checks failed", run->failed,
	    run->failed + run->passed + run->skipped);
	if (run->skipped > 0) {
		(void)fprintf(run->out, ", and %d were not tried for that", run->skipped);
	}
	(void)fprintf(run->out, "\n");
}

int cmd_verify_run(const struct verify_options *options)
{
	struct pg_settings settings = {
		.url = options->database, .program = "waybill verify", .writing = true
	};
	struct run run = { .out = options->out };
	struct err err = { { 0 } };
	int result;

	if (!pg_is_url(options->database)) {
		(void)fprintf(stderr,
		    "waybill verify: no PostgreSQL database is configured, and the SQLite store is "
		    "checked at each start; give --database postgresql://…\n");
		return 2;
	}
	result = pg_open(&settings, &run.pg, &err);
	if (result == 0) {
		result = run_all(&run, &err);
	}
	if (result == 0) {
		sum_up(&run);
		if (fflush(options->out) != 0) {
			result =
			    err_set(&err, errno, "cannot write: %s", strerror(errno));
		}
	}
	pg_close(run.pg);
	if (result < 0) {
		(void)fprintf(stderr, "waybill verify: %s\n", err.text);
		return 1;
	}
	return run.failed > 0 ? 1 : 0;
}

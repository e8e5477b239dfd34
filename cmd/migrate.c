/* SPDX-License-Identifier: MIT */
#include "cmd/migrate.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/migrations.h"
#include "sql/pg.h"

#define OLDEST_SERVER 150000
#define DEADLINE_NS   INT64_C(1800000000000) /* an index on a long table takes minutes */
#define NUMBER_MAX    1000                   /* file names have three digits */

/* "waybill" in ASCII, cut to 63 bits: no other program's lock, and the same in each run.
 */
#define LOCK_SQL "SELECT pg_advisory_xact_lock(33602696198581356)"

static const char begin_sql[] = "BEGIN;\n"
                                "SET LOCAL client_min_messages = warning;\n"
                                "SET LOCAL statement_timeout = 0;\n"
                                "SET LOCAL lock_timeout = '60s';\n" LOCK_SQL ";\n";

/* Nobody but its owner needs it: Supabase would offer it to the world. */
static const char table_sql[] =
    "CREATE TABLE IF NOT EXISTS public.waybill_migrations (\n"
    "\tnumber integer PRIMARY KEY,\n"
    "\tname text NOT NULL,\n"
    "\tapplied_at timestamptz NOT NULL DEFAULT now(),\n"
    "\tapplied_by text NOT NULL DEFAULT current_user\n"
    ");\n"
    "ALTER TABLE public.waybill_migrations ENABLE ROW LEVEL SECURITY;\n"
    "REVOKE ALL ON public.waybill_migrations FROM PUBLIC;\n";

static const char rights_sql[] =
    "REVOKE ALL ON public.waybill_migrations FROM anon, authenticated, service_role;\n";

/* A table that is busy for longer must not make its writers queue behind us. */
static const char short_lock_sql[] = "SET LOCAL lock_timeout = '10s';\n";

static const char record_format[] =
    "INSERT INTO public.waybill_migrations (number, name) VALUES (%d, '%s')\n"
    "ON CONFLICT (number) DO UPDATE SET applied_at = now(), applied_by = current_user;\n";

static const char state_sql[] =
    "SELECT to_regclass('public.waybill_migrations') IS NOT NULL,"
    " to_regclass('public.integration_logs') IS NOT NULL";

struct run {
	const struct migrate_options *options;
	struct pg *pg; /* owned; NULL: no database to look at */
	bool applied[NUMBER_MAX];
	const char *at; /* the file that is being applied */
};

static int check_server(const struct run *run, struct err *err)
{
	int version = pg_server_version(run->pg);

	if (version >= OLDEST_SERVER) {
		return 0;
	}
	return err_set(err, EINVAL,
	    "the server is PostgreSQL %d; the views need 15 or later (security_invoker)",
	    version / 10000);
}

static int read_numbers(struct run *run, struct err *err)
{
	PGresult *rows = NULL;
	int result = pg_query(
	    run->pg, "SELECT number FROM public.waybill_migrations", NULL, 0, &rows, err);

	if (result < 0) {
		return result;
	}
	for (int i = 0; i < PQntuples(rows); i++) {
		long number = strtol(PQgetvalue(rows, i, 0), NULL, 10);

		if (number >= 0 && number < NUMBER_MAX) {
			run->applied[number] = true;
		}
	}
	PQclear(rows);
	return 0;
}

/* What was applied; nothing when the table of rows has been dropped since. */
static int read_state(struct run *run, struct err *err)
{
	PGresult *row = NULL;
	bool recorded;
	int result = pg_query(run->pg, state_sql, NULL, 0, &row, err);

	if (result < 0) {
		return result;
	}
	recorded = PQgetvalue(row, 0, 0)[0] == 't' && PQgetvalue(row, 0, 1)[0] == 't';
	PQclear(row);
	return recorded && !run->options->all ? read_numbers(run, err) : 0;
}

static int count_pending(const struct run *run)
{
	int count = 0;

	for (const struct migration *m = migrations; m->name; m++) {
		count += !run->applied[m->number];
	}
	return count;
}

static int apply(struct run *run, const struct migration *migration, struct err *err)
{
	int64_t mono_began_ns = mono_ns();
	char sql[512];
	int result;

	run->at = migration->name;
	result = pg_do(run->pg, migration->sql, err);
	if (result < 0) {
		return result;
	}
	(void)snprintf(
	    sql, sizeof(sql), record_format, migration->number, migration->name);
	result = pg_do(run->pg, sql, err);
	run->at = NULL;
	if (result == 0) {
		(void)fprintf(run->options->out, "%s (%lld ms)\n", migration->name,
		    (long long)((mono_ns() - mono_began_ns) / 1000000));
	}
	return result;
}

/* All that is missing, in the transaction that was begun. */
static int apply_pending(struct run *run, struct err *err)
{
	int result = pg_do(run->pg, table_sql, err);

	if (result == 0) {
		result = pg_do(run->pg, short_lock_sql, err);
	}
	for (const struct migration *m = migrations; m->name && result == 0; m++) {
		if (!run->applied[m->number]) {
			result = apply(run, m, err);
		}
	}
	if (result == 0) {
		result = pg_do(run->pg, rights_sql, err);
	}
	return result == 0 ? pg_do(run->pg, "COMMIT", err) : result;
}

static int migrate(struct run *run, struct err *err)
{
	int count;
	int result;

	pg_set_deadline(run->pg, DEADLINE_NS);
	result = pg_do(run->pg, begin_sql, err);
	if (result == 0) {
		result = read_state(run, err);
	}
	if (result < 0) {
		return result;
	}
	count = count_pending(run);
	if (count == 0) {
		(void)fprintf(run->options->out,
		    "nothing to do: %s has every migration\n", pg_database(run->pg));
		return pg_do(run->pg, "ROLLBACK", err);
	}
	result = apply_pending(run, err);
	if (result == 0) {
		(void)fprintf(run->options->out, "%d migration%s applied to %s\n", count,
		    count == 1 ? "" : "s", pg_database(run->pg));
	}
	return result;
}

static void print_sql(const struct run *run)
{
	FILE *out = run->options->out;

	if (count_pending(run) == 0) {
		(void)fprintf(out, "-- nothing to do: %s has every migration\n",
		    pg_database(run->pg));
		return;
	}
	(void)fprintf(out, "%s\n%s%s", begin_sql, table_sql, short_lock_sql);
	for (const struct migration *m = migrations; m->name; m++) {
		if (run->applied[m->number]) {
			continue;
		}
		(void)fprintf(out, "\n-- %s\n\n%s\n", m->name, m->sql);
		(void)fprintf(out, record_format, m->number, m->name);
	}
	(void)fprintf(out, "\n%s\nCOMMIT;\n", rights_sql);
}

static int dry_run(struct run *run, struct err *err)
{
	int result = 0;

	if (run->pg) {
		result = pg_do(run->pg, "BEGIN READ ONLY", err);
	}
	if (run->pg && result == 0) {
		result = read_state(run, err);
	}
	if (result == 0) {
		print_sql(run);
	}
	return result;
}

/* What to do, for the refusals that people meet. */
static const char *advice(const struct pg *pg)
{
	const char *state = pg ? pg_sqlstate(pg) : "";

	if (strcmp(state, "42501") == 0) {
		return "; connect as the owner of the database (on Supabase: postgres)";
	}
	if (strcmp(state, "55P03") == 0) {
		return "; another waybill migrate or a long transaction holds the lock: try again "
		       "when it is over";
	}
	if (strcmp(state, "25006") == 0) {
		return "; this server is a read-only standby: name the primary";
	}
	return "";
}

static int complain(const struct run *run, int result, const struct err *err)
{
	const char *after = "";

	if (run->pg && !run->options->dry_run) {
		after = result == -ECONNRESET || result == -ETIMEDOUT
		            ? "; it is safe to run it again"
		            : "; nothing was changed";
	}
	(void)fprintf(stderr, "waybill migrate: %s%s%s%s%s\n", run->at ? run->at : "",
	    run->at ? ": " : "", err->text, advice(run->pg), after);
	return 1;
}

int cmd_migrate_run(const struct migrate_options *options)
{
	struct pg_settings settings = { .url = options->database,
		.program = "waybill migrate",
		.writing = !options->dry_run };
	struct run run = { .options = options };
	struct err err = { { 0 } };
	bool is_url = pg_is_url(options->database);
	int result = 0;
	int rc = 0;

	if (!is_url && !options->dry_run) {
		(void)fprintf(stderr,
		    "waybill migrate: no PostgreSQL database is configured, and the SQLite store "
		    "needs no migration; give --database postgresql://…\n");
		return 2;
	}
	if (is_url) {
		result = pg_open(&settings, &run.pg, &err);
	}
	if (result == 0 && run.pg) {
		result = check_server(&run, &err);
	}
	if (result == 0) {
		result = options->dry_run ? dry_run(&run, &err) : migrate(&run, &err);
	}
	if (result == 0 && fflush(options->out) != 0) {
		result = err_set(&err, errno, "cannot write: %s", strerror(errno));
	}
	if (result < 0) {
		rc = complain(&run, result, &err);
	}
	pg_close(run.pg);
	return rc;
}

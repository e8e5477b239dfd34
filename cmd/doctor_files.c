/* SPDX-License-Identifier: MIT */
/*
 * doctor_files: what is on the disk, and the database.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/doctor.h"
#include "cmd/hosts.h"
#include "sql/pg.h"
#include "sql/store.h"
#include "tls/ca.h"

#define DAY        86400
#define SOON       (30 * DAY)
#define CONNECT_NS INT64_C(5000000000)

static bool check_state_dir(struct doctor *doctor)
{
	const char *dir = doctor->settings->state_dir;
	struct stat info;

	if (stat(dir, &info) != 0) {
		report_add(doctor->report, FINDING_FAIL, "state_dir",
		    errno == ENOENT ? "start `waybill run`, which makes it"
		                    : "run doctor as the user that waybill runs as",
		    "%s: %s", dir, strerror(errno));
		return false;
	}
	if (access(dir, R_OK | X_OK) != 0) {
		report_add(doctor->report, FINDING_FAIL, "state_dir",
		    "run doctor as the user that waybill runs as",
		    "%s belongs to another user", dir);
		return false;
	}
	if (info.st_mode & 077) {
		report_add(doctor->report, FINDING_WARN, "state_dir",
		    "chmod 700 it: the CA's keys and the rows are in it",
		    "%s is open to other users (mode %o)", dir,
		    (unsigned)info.st_mode & 0777);
	} else {
		report_add(doctor->report, FINDING_OK, "state_dir", NULL, "%s", dir);
	}
	return true;
}

/* Seconds until the end of a day such as 2036-11-20. */
static double seconds_until(const char *date)
{
	struct tm tm = { 0 };

	if (!strptime(date, "%Y-%m-%d", &tm)) {
		return 0;
	}
	return difftime(timegm(&tm) + DAY, time(NULL));
}

static void check_date(
    struct doctor *doctor, const char *what, const char *date, const char *fix)
{
	double left = seconds_until(date);

	if (left <= SOON) {
		report_add(doctor->report, left <= 0 ? FINDING_FAIL : FINDING_WARN, "ca",
		    fix, "the %s %s on %s", what, left <= 0 ? "ended" : "ends", date);
	}
}

/* A file for clients beside the CA. */
static void check_client_file(
    struct doctor *doctor, const char *dir, const char *name, const char *root_pem)
{
	char *path = NULL;
	const char *fault;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		doctor->report->failed = true;
		return;
	}
	if (strstr(name, ".p12")) {
		struct stat info;

		fault = stat(path, &info) != 0 ? "it is not there"
		        : info.st_size == 0    ? "it is empty"
		                               : NULL;
	} else {
		fault = access(path, F_OK) != 0 ? "it is not there"
		                                : doctor_pem_fault(path, root_pem);
	}
	if (fault) {
		report_add(doctor->report, FINDING_FAIL, "bundle",
		    "`waybill env` writes it anew", "%s: %s", path, fault);
	} else {
		report_add(doctor->report, FINDING_OK, "bundle", NULL, "%s", path);
	}
	free(path);
}

static void check_ca(struct doctor *doctor)
{
	char *dir = command_state_path(doctor->settings, "ca");
	struct ca_settings where = { .dir = dir };
	const struct ca_facts *facts;
	struct ca *ca = NULL;
	struct err err;

	if (!dir) {
		doctor->report->failed = true;
		return;
	}
	if (ca_open_existing(&where, &ca, &err) != 0) {
		report_add(doctor->report, FINDING_FAIL, "ca",
		    access(dir, F_OK) != 0 ? "start `waybill run`, which makes it" : NULL,
		    "%s", err.text);
		free(dir);
		return;
	}
	facts = ca_facts(ca);
	report_add(doctor->report, FINDING_OK, "ca", NULL,
	    "root until %s, intermediate until %s, SHA-256 %s", facts->not_after,
	    facts->intermediate_not_after[0] ? facts->intermediate_not_after
	                                     : "(none yet)",
	    facts->fingerprint);
	check_date(doctor, "root", facts->not_after,
	    "`waybill ca renew --root`, restart, and let the clients trust the new one");
	if (facts->intermediate_not_after[0]) {
		check_date(doctor, "intermediate", facts->intermediate_not_after,
		    "restart waybill, which signs a new one");
	}
	check_client_file(doctor, dir, "root.pem", facts->root_pem);
	check_client_file(doctor, dir, "bundle.pem", facts->root_pem);
	check_client_file(doctor, dir, "truststore.p12", NULL);
	ca_close(ca);
	free(dir);
}

static void check_store(struct doctor *doctor)
{
	char *path = command_state_path(doctor->settings, "waybill.db");
	sqlite3_stmt *look = NULL;
	sqlite3 *db = NULL;
	struct err err;

	if (!path) {
		doctor->report->failed = true;
		return;
	}
	if (store_open_reader(path, &db, &err) != 0) {
		report_add(doctor->report, FINDING_FAIL, "store", NULL, "%s", err.text);
		free(path);
		return;
	}
	if (sqlite3_prepare_v2(db, "SELECT max(created_at) FROM integration_logs", -1,
	        &look, NULL) == SQLITE_OK &&
	    sqlite3_step(look) == SQLITE_ROW) {
		const char *last = (const char *)sqlite3_column_text(look, 0);

		report_add(doctor->report, FINDING_OK, "store", NULL, "%s, %s%s", path,
		    last ? "last row " : "no row yet", last ? last : "");
	} else {
		report_add(doctor->report, FINDING_FAIL, "store",
		    "restart waybill, which sets a damaged store aside",
		    "%s: cannot be read: %s", path, sqlite3_errmsg(db));
	}
	sqlite3_finalize(look);
	(void)sqlite3_close(db); /* only read from */
	free(path);
}

void doctor_check_database(struct doctor *doctor)
{
	struct pg_settings where = { .url = doctor->settings->database,
		.program = "waybill doctor",
		.connect_ns = CONNECT_NS };
	struct pg *pg = NULL;
	struct err err;

	if (settings_is_sqlite(doctor->settings)) {
		return;
	}
	if (pg_open(&where, &pg, &err) != 0) {
		report_add(doctor->report, FINDING_FAIL, "database",
		    "rows wait in the store until it is back; `waybill verify` says more",
		    "%s", err.text);
		return;
	}
	pg_set_deadline(pg, CONNECT_NS);
	if (pg_do(pg, "SELECT 1 FROM integration_logs LIMIT 0", &err) != 0) {
		report_add(doctor->report, FINDING_FAIL, "database",
		    "`waybill migrate` makes the table", "%s", err.text);
	} else {
		report_add(doctor->report, FINDING_OK, "database", NULL,
		    "PostgreSQL has the table");
	}
	pg_close(pg);
}

void doctor_check_files(struct doctor *doctor)
{
	if (check_state_dir(doctor)) {
		check_ca(doctor);
		check_store(doctor);
	}
}

static const char *environment(const char *name)
{
	return getenv(name);
}

void doctor_check_environment(struct doctor *doctor)
{
	char *dir = command_state_path(doctor->settings, "ca");
	struct ca_settings where = { .dir = dir };
	struct host_list hosts = { 0 };
	struct ca *ca = NULL;
	struct err err;

	if (host_list_init(&hosts, doctor->table, &err) == 0) {
		struct doctor_env env = { .hosts = hosts.item,
			.host_count = hosts.count,
			.proxy_host = doctor->host,
			.proxy_port = doctor->port,
			.get = environment };

		if (dir && ca_open_existing(&where, &ca, &err) == 0) {
			env.root_pem = ca_facts(ca)->root_pem;
		}
		doctor_check_env(&env, doctor->report);
		ca_close(ca);
	}
	host_list_finish(&hosts);
	free(dir);
}

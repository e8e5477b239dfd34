/* SPDX-License-Identifier: MIT */
#include "sql/schema.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Fixed width, so that text order is time order, and PostgreSQL reads it as timestamptz.
 */
#define NOW "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"

/* As gen_random_uuid(): for rows written by hand; waybill brings its own ids. */
#define RANDOM_UUID                                                                      \
	"lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || "              \
	"substr(hex(randomblob(2)), 2) || '-' || substr('89AB', 1 + (random() & 3), 1) " \
	"|| substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))"

/*
 * Each is harmless when its object exists. rowids are never given out twice while rows
 * are only added, and VACUUM keeps them for a table with an index: readers follow new
 * rows by rowid and later changes of status by waybill_changes.seq.
 */
static const char *const statements[] = {
	"CREATE TABLE IF NOT EXISTS integration_logs (\n"
	"	id TEXT NOT NULL PRIMARY KEY DEFAULT (" RANDOM_UUID "),\n"
	"	service_name TEXT NOT NULL,\n"
	"	action TEXT NOT NULL,\n"
	"	status TEXT NOT NULL\n"
	"		CHECK (status IN ('success', 'failed', 'pending', 'retrying')),\n"
	"	related_entity_type TEXT,\n"
	"	related_entity_id TEXT,\n"
	"	request_payload TEXT\n"
	"		CHECK (request_payload IS NULL OR json_valid(request_payload)),\n"
	"	response_payload TEXT\n"
	"		CHECK (response_payload IS NULL OR json_valid(response_payload)),\n"
	"	error_message TEXT,\n"
	"	error_code TEXT,\n"
	"	duration_ms INTEGER,\n"
	"	retry_count INTEGER DEFAULT 0,\n"
	"	created_at TEXT DEFAULT (" NOW "),\n"
	"	updated_at TEXT DEFAULT (" NOW ")\n"
	") STRICT",

	"CREATE INDEX IF NOT EXISTS idx_integration_logs_service_name"
	" ON integration_logs (service_name)",
	"CREATE INDEX IF NOT EXISTS idx_integration_logs_status"
	" ON integration_logs (status)",
	"CREATE INDEX IF NOT EXISTS idx_integration_logs_created_at"
	" ON integration_logs (created_at DESC)",
	"CREATE INDEX IF NOT EXISTS idx_integration_logs_related_entity"
	" ON integration_logs (related_entity_type, related_entity_id)",
	"CREATE INDEX IF NOT EXISTS idx_integration_logs_failed"
	" ON integration_logs (service_name, created_at DESC) WHERE status = 'failed'",
	"CREATE INDEX IF NOT EXISTS idx_integration_logs_dashboard"
	" ON integration_logs (service_name, status, created_at DESC)",

	"CREATE VIEW IF NOT EXISTS integration_stats_hourly AS\n"
	"SELECT service_name, action, status,\n"
	"	substr(created_at, 1, 13) || ':00:00Z' AS hour,\n"
	"	count(*) AS count,\n"
	"	CAST(round(avg(duration_ms)) AS INTEGER) AS avg_duration_ms,\n"
	"	max(duration_ms) AS max_duration_ms,\n"
	"	count(*) FILTER (WHERE status = 'failed') AS failed_count\n"
	"FROM integration_logs\n"
	"WHERE created_at >= strftime('%Y-%m-%dT%H:%M:%f', 'now', '-24 hours')\n"
	"GROUP BY service_name, action, status, substr(created_at, 1, 13)\n"
	"ORDER BY hour DESC, service_name, action, status",

	"CREATE VIEW IF NOT EXISTS integration_stats_daily AS\n"
	"SELECT service_name, action, status,\n"
	"	substr(created_at, 1, 10) || 'T00:00:00Z' AS day,\n"
	"	count(*) AS count,\n"
	"	CAST(round(avg(duration_ms)) AS INTEGER) AS avg_duration_ms,\n"
	"	count(*) FILTER (WHERE status = 'failed') AS failed_count\n"
	"FROM integration_logs\n"
	"WHERE created_at >= strftime('%Y-%m-%dT%H:%M:%f', 'now', '-30 days')\n"
	"GROUP BY service_name, action, status, substr(created_at, 1, 10)\n"
	"ORDER BY day DESC, service_name, action, status",

	/* waybill sets updated_at itself; this is for whoever else changes a row. */
	"CREATE TRIGGER IF NOT EXISTS integration_logs_updated_at\n"
	"AFTER UPDATE ON integration_logs WHEN NEW.updated_at IS OLD.updated_at\n"
	"BEGIN\n"
	"	UPDATE integration_logs SET updated_at = " NOW
	" WHERE rowid = NEW.rowid;\n"
	"END",

	/* Which rows have changed status, so that a reader can follow; the oldest are
	   dropped. */
	"CREATE TABLE IF NOT EXISTS waybill_changes (\n"
	"	seq INTEGER PRIMARY KEY,\n"
	"	log_rowid INTEGER NOT NULL\n"
	") STRICT",
	"CREATE TRIGGER IF NOT EXISTS integration_logs_changed\n"
	"AFTER UPDATE OF status ON integration_logs WHEN NEW.status IS NOT OLD.status\n"
	"BEGIN\n"
	"	INSERT INTO waybill_changes (log_rowid) VALUES (NEW.rowid);\n"
	"END",
	"CREATE TRIGGER IF NOT EXISTS waybill_changes_trimmed\n"
	"AFTER INSERT ON waybill_changes WHEN NEW.seq % 1000 = 0\n"
	"BEGIN\n"
	"	DELETE FROM waybill_changes WHERE seq <= NEW.seq - 200000;\n"
	"END",

	/* user_version once more: a damaged header must not pass for a later waybill. */
	"CREATE TABLE IF NOT EXISTS waybill_schema (version INTEGER PRIMARY KEY) STRICT",

	"CREATE TABLE IF NOT EXISTS waybill_chains (\n"
	"	fingerprint BLOB NOT NULL PRIMARY KEY,\n"
	"	id TEXT NOT NULL,\n"
	"	retry_count INTEGER NOT NULL,\n"
	"	created_us INTEGER NOT NULL\n"
	") STRICT, WITHOUT ROWID",

	/* Rows that PostgreSQL does not have as they are now. rev is another one with
	   each change: what was sent as one revision is not delivered when there is
	   another. It is random and no count, because a new row can get the rowid of one
	   that was deleted. */
	"CREATE TABLE IF NOT EXISTS waybill_outbox (\n"
	"	log_rowid INTEGER PRIMARY KEY,\n"
	"	rev INTEGER NOT NULL\n"
	") STRICT",
	/* Rows that PostgreSQL refused, and why. */
	"CREATE TABLE IF NOT EXISTS waybill_refused (\n"
	"	log_rowid INTEGER PRIMARY KEY,\n"
	"	sqlstate TEXT NOT NULL,\n"
	"	message TEXT NOT NULL,\n"
	"	refused_at TEXT NOT NULL\n"
	") STRICT",
	/* What retention deletes here is not sent any more. */
	"CREATE TRIGGER IF NOT EXISTS waybill_outbox_deleted\n"
	"AFTER DELETE ON integration_logs\n"
	"BEGIN\n"
	"	DELETE FROM waybill_outbox WHERE log_rowid = OLD.rowid;\n"
	"	DELETE FROM waybill_refused WHERE log_rowid = OLD.rowid;\n"
	"END",

	/* What passes by unrecorded, and what does not: sql/coverage.h. Not delivered. */
	"CREATE TABLE IF NOT EXISTS waybill_coverage (\n"
	"	kind TEXT NOT NULL,\n"
	"	host TEXT NOT NULL,\n"
	"	client TEXT NOT NULL,\n"
	"	count INTEGER NOT NULL,\n"
	"	first_seen TEXT NOT NULL,\n"
	"	last_seen TEXT NOT NULL,\n"
	"	PRIMARY KEY (kind, host, client)\n"
	") STRICT",
	"CREATE TABLE IF NOT EXISTS waybill_unrouted (\n"
	"	host TEXT NOT NULL,\n"
	"	method TEXT NOT NULL,\n"
	"	path TEXT NOT NULL,\n"
	"	count INTEGER NOT NULL,\n"
	"	first_seen TEXT NOT NULL,\n"
	"	last_seen TEXT NOT NULL,\n"
	"	PRIMARY KEY (host, method, path)\n"
	") STRICT",
};

/*
 * Sums for the dashboard, as sql/migrations/006_create_integration_rollups.sql has them
 * for PostgreSQL: the triggers mark the slots (300 s each, counted since 1970) whose rows
 * have changed.
 */
#define MARK_SLOT_OF(row)                                                                \
	"	INSERT INTO integration_rollup_marks (slot, claimed)\n"                        \
	"	SELECT slot, 0 FROM (\n"                                                       \
	"		SELECT unixepoch(" row ".created_at) / 300 AS slot)\n"           \
	"	WHERE slot IS NOT NULL ON CONFLICT DO NOTHING;\n"

static const char *const rollups[] = {
	"CREATE TABLE IF NOT EXISTS integration_rollups (\n"
	"	level INTEGER NOT NULL,\n"
	"	bucket INTEGER NOT NULL,\n"
	"	service_name TEXT NOT NULL,\n"
	"	action TEXT NOT NULL,\n"
	"	status TEXT NOT NULL,\n"
	"	error_code TEXT NOT NULL,\n"
	"	count INTEGER NOT NULL,\n"
	"	duration_sum INTEGER NOT NULL,\n"
	"	first_created TEXT NOT NULL,\n"
	"	last_created TEXT NOT NULL,\n"
	"	histogram TEXT NOT NULL,\n"
	"	PRIMARY KEY (level, bucket, service_name, action, status, error_code)\n"
	") STRICT, WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS integration_rollup_marks (\n"
	"	slot INTEGER NOT NULL,\n"
	"	claimed INTEGER NOT NULL,\n"
	"	PRIMARY KEY (slot, claimed)\n"
	") STRICT, WITHOUT ROWID",
	/* the log of one status, newest first */
	"CREATE INDEX IF NOT EXISTS idx_integration_logs_status_created_at"
	" ON integration_logs (status, created_at DESC)",
	/* and of what failed with one code, or with some words */
	"CREATE INDEX IF NOT EXISTS idx_integration_logs_error_code"
	" ON integration_logs (error_code, created_at DESC) WHERE error_code IS NOT NULL",
	"CREATE INDEX IF NOT EXISTS idx_integration_logs_error_message"
	" ON integration_logs (created_at DESC) WHERE error_message IS NOT NULL",
	/* calls that are under way: few, however many are pending at the other end */
	"CREATE INDEX IF NOT EXISTS idx_integration_logs_in_flight"
	" ON integration_logs (created_at DESC) WHERE status = 'pending' AND duration_ms IS NULL",
	"CREATE TRIGGER IF NOT EXISTS integration_logs_rollup_inserted\n"
	"AFTER INSERT ON integration_logs\n"
	"BEGIN\n" MARK_SLOT_OF("NEW") "END",
	"CREATE TRIGGER IF NOT EXISTS integration_logs_rollup_updated\n"
	"AFTER UPDATE OF service_name, action, status, error_code, duration_ms, created_at\n"
	"ON integration_logs\n"
	"BEGIN\n" MARK_SLOT_OF("OLD") MARK_SLOT_OF("NEW") "END",
	"CREATE TRIGGER IF NOT EXISTS integration_logs_rollup_deleted\n"
	"AFTER DELETE ON integration_logs\n"
	"BEGIN\n" MARK_SLOT_OF("OLD") "END",
};

/* Version 2 marked whole hours. */
static const char drop_hours[] =
    "DROP TRIGGER IF EXISTS integration_logs_rollup_inserted;"
    "DROP TRIGGER IF EXISTS integration_logs_rollup_updated;"
    "DROP TRIGGER IF EXISTS integration_logs_rollup_deleted;"
    "DROP TABLE IF EXISTS integration_rollup_marks;"
    "DROP TABLE IF EXISTS integration_rollups";

/* A store from before the marks: every slot from its first row to its last. */
static const char mark_all[] =
    "INSERT INTO integration_rollup_marks (slot, claimed)\n"
    "WITH RECURSIVE span (slot, last) AS (\n"
    "	SELECT unixepoch((SELECT min(created_at) FROM integration_logs\n"
    "		WHERE created_at BETWEEN '1970' AND '3000')) / 300,\n"
    "	unixepoch((SELECT max(created_at) FROM integration_logs\n"
    "		WHERE created_at BETWEEN '1970' AND '3000')) / 300\n"
    "	UNION ALL SELECT slot + 1, last FROM span WHERE slot < last)\n"
    "SELECT slot, 0 FROM span WHERE slot IS NOT NULL ON CONFLICT DO NOTHING";

#define NOTE_IN_OUTBOX                                                                   \
	"	INSERT INTO waybill_outbox (log_rowid, rev) VALUES (NEW.rowid, random())\n"    \
	"		ON CONFLICT (log_rowid) DO UPDATE SET rev = excluded.rev;\n"

static const char *const delivery_on[] = {
	"CREATE TRIGGER IF NOT EXISTS waybill_outbox_inserted\n"
	"AFTER INSERT ON integration_logs\n"
	"BEGIN\n" NOTE_IN_OUTBOX "END",

	"CREATE TRIGGER IF NOT EXISTS waybill_outbox_updated\n"
	"AFTER UPDATE ON integration_logs\n"
	"BEGIN\n" NOTE_IN_OUTBOX
	"	DELETE FROM waybill_refused WHERE log_rowid = NEW.rowid;\n"
	"END",
};

static const char *const delivery_off[] = {
	"DROP TRIGGER IF EXISTS waybill_outbox_inserted",
	"DROP TRIGGER IF EXISTS waybill_outbox_updated",
};

static int query_int(sqlite3 *db, const char *sql, int *ret_value)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_step(statement);
	}
	if (code == SQLITE_ROW) {
		*ret_value = sqlite3_column_int(statement, 0);
		code = SQLITE_OK;
	} else if (code == SQLITE_DONE) {
		code = SQLITE_CORRUPT; /* these always answer */
	}
	sqlite3_finalize(statement);
	return code;
}

int schema_look(sqlite3 *db, enum schema_state *ret_state)
{
	int application_id = 0;
	int version = 0;
	int objects = 0;
	int recorded = 0;
	int code = query_int(db, "PRAGMA application_id", &application_id);

	if (code == SQLITE_OK) {
		code = query_int(db, "PRAGMA user_version", &version);
	}
	if (code == SQLITE_OK) {
		code = query_int(db, "SELECT count(*) FROM sqlite_schema", &objects);
	}
	if (code != SQLITE_OK) {
		return code;
	}

	if (application_id == 0 && objects == 0) {
		*ret_state = SCHEMA_OURS;
	} else if (application_id != SCHEMA_APPLICATION_ID || version < 0) {
		*ret_state = SCHEMA_FOREIGN;
	} else if (version <= SCHEMA_VERSION) {
		*ret_state = SCHEMA_OURS;
	} else {
		code =
		    query_int(db, "SELECT max(version) FROM waybill_schema", &recorded);
		*ret_state = recorded == version ? SCHEMA_NEWER : SCHEMA_FOREIGN;
	}
	return code;
}

static int run_all(sqlite3 *db, const char *const *sql, size_t count)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
		code = sqlite3_exec(db, sql[i], NULL, NULL, NULL);
	}
	return code;
}

static int make_tables(sqlite3 *db, bool deliver)
{
	int code = run_all(db, statements, sizeof(statements) / sizeof(statements[0]));

	if (code == SQLITE_OK) {
		code = run_all(db, rollups, sizeof(rollups) / sizeof(rollups[0]));
	}
	if (code == SQLITE_OK) {
		code = deliver ? run_all(db, delivery_on,
		                     sizeof(delivery_on) / sizeof(delivery_on[0]))
		               : run_all(db, delivery_off,
		                     sizeof(delivery_off) / sizeof(delivery_off[0]));
	}
	return code;
}

static int apply_all(sqlite3 *db, bool deliver)
{
	char sql[200];
	int version = 0;
	int code = query_int(db, "PRAGMA user_version", &version);

	if (code == SQLITE_OK && version < SCHEMA_WITH_SLOTS) {
		code = sqlite3_exec(db, drop_hours, NULL, NULL, NULL);
	}
	if (code == SQLITE_OK) {
		code = make_tables(db, deliver);
	}
	/* Written only when it differs: a whole database opens on a full disk. */
	if (code != SQLITE_OK || version == SCHEMA_VERSION) {
		return code;
	}
	if (version < SCHEMA_WITH_SLOTS) {
		code = sqlite3_exec(db, mark_all, NULL, NULL, NULL);
		if (code != SQLITE_OK) {
			return code;
		}
	}
	(void)snprintf(sql, sizeof(sql), /* fits: three numbers */
	    "PRAGMA application_id = %d; PRAGMA user_version = %d;"
	    "INSERT OR IGNORE INTO waybill_schema (version) VALUES (%d)",
	    SCHEMA_APPLICATION_ID, SCHEMA_VERSION, SCHEMA_VERSION);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int schema_apply(sqlite3 *db, bool deliver)
{
	int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (code != SQLITE_OK) {
		return code;
	}
	code = apply_all(db, deliver);
	if (code == SQLITE_OK) {
		code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	}
	return code;
}

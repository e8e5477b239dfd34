/* SPDX-License-Identifier: MIT */
/*
 * That the planner uses each index, and that the retention function keeps its rule.
 *
 * The plans are those of a temporary table with the same columns, the indexes that the
 * real table has (their definitions come from the catalog) and 10,000 rows of known
 * distribution: to fill and analyse the real one would leave its statistics changed and
 * its file grown, whatever is rolled back, and prove less where it is large.
 */
#include "cmd/verify_check.h"

#include <stddef.h>

#define COPY "pg_temp.integration_logs"
#define LOGS "public.integration_logs"
#define OURS "service_name = '" VERIFY_SERVICE "'"

#define PLAN(index, condition)                                                           \
	{                                                                                \
		.title = "the planner uses " index, .kind = VERIFY_PLAN,                 \
		.sql = "EXPLAIN (COSTS OFF) SELECT * FROM " COPY " " condition,          \
		.wanted = index,                                                         \
		.remedy = "see that the index is there, and that enable_indexscan and "  \
		          "enable_bitmapscan are on for this user",                      \
	}

static const char copy_sql[] =
    "CREATE TEMPORARY TABLE integration_logs (LIKE " LOGS
    " INCLUDING DEFAULTS) ON COMMIT DROP;"
    "DO $$ DECLARE definition text; BEGIN"
    " FOR definition IN SELECT pg_get_indexdef(indexrelid) FROM pg_index"
    " WHERE indrelid = '" LOGS "'::regclass AND NOT indisprimary AND indisvalid LOOP"
    " EXECUTE regexp_replace(definition, ' ON (ONLY )?public\\.integration_logs ',"
    " ' ON pg_temp.integration_logs ');"
    " END LOOP; END $$;"
    "INSERT INTO " COPY " (service_name, action, status, related_entity_type,"
    " related_entity_id, request_payload, duration_ms, created_at)"
    " SELECT 'service ' || n % 10, 'action ' || n % 7,"
    " CASE n / 10 % 50 WHEN 0 THEN 'failed' WHEN 1 THEN 'retrying' WHEN 2 THEN 'pending'"
    " ELSE 'success' END, 'lead', gen_random_uuid(), '{\"to\": \"+77010000000\"}',"
    " n % 1000, now() - n * interval '5 minutes' FROM generate_series(1, 10000) AS n;"
    "ANALYZE " COPY ";"
    "SELECT CASE count(*) WHEN 10000 THEN 'ok' ELSE count(*) || ' rows' END FROM " COPY;

const struct verify_check verify_plan_checks[] = {
	{
	    .title = "a filled table with the same indexes",
	    .keep = true,
	    .vital = true,
	    .sql = copy_sql,
	    .remedy =
	        "let the owner of the database run: GRANT TEMPORARY ON DATABASE … TO this "
	        "user",
	},
	PLAN("idx_integration_logs_service_name", "WHERE service_name = 'service 3'"),
	PLAN("idx_integration_logs_status", "WHERE status = 'retrying'"),
	PLAN("idx_integration_logs_created_at", "ORDER BY created_at DESC LIMIT 50"),
	PLAN("idx_integration_logs_related_entity",
	    "WHERE related_entity_type = 'lead'"
	    " AND related_entity_id = '00000000-0000-4000-8000-00000000000a'"),
	PLAN("idx_integration_logs_failed",
	    "WHERE service_name = 'service 0' AND status = 'failed'"
	    " ORDER BY created_at DESC LIMIT 20"),
	PLAN("idx_integration_logs_dashboard",
	    "WHERE service_name = 'service 2' AND status = 'pending'"
	    " AND created_at >= now() - interval '20 days' ORDER BY created_at DESC"),
	{ .title = NULL },
};

#define AGED(action, status, days)                                                       \
	"('" VERIFY_SERVICE "', '" action "', '" status "', now() - interval '" days     \
	" days')"

#define KEEPS(what, action)                                                              \
	{                                                                                \
		.title = "it keeps a " what " old",                                      \
		.sql = "SELECT CASE WHEN count(*) = 1 THEN 'ok' ELSE 'it is gone' END"   \
		       " FROM " LOGS " WHERE " OURS " AND action = '" action "'",        \
	}

#define DELETES(what, action)                                                            \
	{                                                                                \
		.title = "it deletes a " what " old",                                    \
		.sql =                                                                   \
		    "SELECT CASE WHEN count(*) = 0 THEN 'ok' ELSE 'it is still there'"   \
		    " END FROM " LOGS " WHERE " OURS " AND action = '" action "'",       \
	}

/* More than this would keep rows locked for long, and be written to the log for nothing.
 */
#define OLD_MAX "100000"

static const char retention_sql[] =
    "INSERT INTO " LOGS " (service_name, action, status, created_at) VALUES " AGED(
        "s89", "success", "89") ", " AGED("s91", "success", "91") ", " AGED("f91",
        "failed", "91") ", " AGED("p179", "pending", "179") ", " AGED("s181", "success",
        "181") ", " AGED("f181", "failed",
        "181") ";"
               "SELECT set_config('waybill.old', (SELECT count(*) FROM (SELECT FROM " LOGS
               " WHERE created_at < now() - interval '180 days' OR (status = 'success'"
               " AND created_at < now() - interval '90 days') LIMIT " OLD_MAX
               " + 1) AS old)::text, true);"
               "SELECT CASE WHEN current_setting('waybill.old')::integer > " OLD_MAX
               " THEN 'more than " OLD_MAX
               " rows are due, which is too many to try it on'"
               " WHEN set_config('waybill.deleted', public.cleanup_old_integration_logs()::text,"
               " true) IS NOT NULL THEN 'ok' END";

const struct verify_check verify_retention_checks[] = {
	{
	    .title = "cleanup_old_integration_logs() runs",
	    .keep = true,
	    .vital = true,
	    .sql = retention_sql,
	    .remedy = "run `waybill cleanup`, then this again",
	},
	KEEPS("success 89 days", "s89"),
	DELETES("success 91 days", "s91"),
	KEEPS("failure 91 days", "f91"),
	KEEPS("pending call 179 days", "p179"),
	DELETES("success 181 days", "s181"),
	DELETES("failure 181 days", "f181"),
	{
	    .title = "it returns how many rows it deleted",
	    .sql = "SELECT CASE WHEN current_setting('waybill.deleted')"
	           " = current_setting('waybill.old') THEN 'ok' ELSE 'it returned '"
	           " || current_setting('waybill.deleted') || ' instead of '"
	           " || current_setting('waybill.old') END",
	},
	{ .title = NULL },
};

/* SPDX-License-Identifier: MIT */
/*
 * What the catalogs say: sql/migrations/004_create_integration_logs_table.sql, read back.
 */
#include "cmd/verify_check.h"

#include <stddef.h>

#define TABLE "'public.integration_logs'::regclass"

/* The columns of a relation as "name type, name type, …". */
#define COLUMNS_OF(relation)                                                             \
	"(SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', '"    \
	" ORDER BY attnum) FROM pg_attribute"                                            \
	" WHERE attrelid = to_regclass('" relation                                       \
	"') AND attnum > 0 AND NOT attisdropped)"

/* Whether the view looks at rows with the rights of who asks. */
#define IS_INVOKER(view)                                                                 \
	"(SELECT coalesce('security_invoker=true' = ANY (reloptions), false)"            \
	" FROM pg_class WHERE oid = to_regclass('" view "'))"

#define VIEW(view, columns)                                                              \
	"SELECT CASE WHEN found IS NULL THEN 'it is not there' WHEN found <> '" columns  \
	"' THEN 'its columns are ' || found WHEN NOT invoker"                            \
	" THEN 'it has its owner''s rights, not those of who asks (security_invoker)'"   \
	" ELSE 'ok' END FROM (SELECT " COLUMNS_OF(view) " AS found, " IS_INVOKER(        \
	    view) " AS invoker) AS view"

#define POLICY(name, command, role)                                                      \
	"SELECT coalesce((SELECT CASE WHEN cmd <> '" command "' OR roles <> '{" role     \
	"}'::name[] OR permissive <> 'PERMISSIVE' OR qual <> 'true'"                     \
	" THEN 'it is for ' || cmd || ' to ' || roles::text || ' using ' || qual"        \
	" ELSE 'ok' END FROM pg_policies WHERE schemaname = 'public'"                    \
	" AND tablename = 'integration_logs' AND policyname = '" name                    \
	"'), 'it is not there')"

#define INDEX(name, definition)                                                          \
	{                                                                                \
		.title = "index " name,                                                  \
		.sql = "SELECT coalesce((SELECT CASE WHEN NOT indisvalid OR NOT"         \
		       " indisready THEN 'it is not valid: REINDEX INDEX public." name   \
		       "' WHEN pg_get_indexdef(indexrelid) <> 'CREATE INDEX " name       \
		       " ON public.integration_logs USING btree " definition             \
		       "' THEN 'it is ' || pg_get_indexdef(indexrelid) ELSE 'ok' END"    \
		       " FROM pg_index WHERE indexrelid = to_regclass('public." name     \
		       "')), 'it is not there')",                                        \
		.remedy = "drop it if it is there, and " VERIFY_MIGRATE,                 \
	}

const struct verify_check verify_schema_checks[] = {
	{
	    .title = "table integration_logs",
	    .vital = true,
	    .sql =
	        "SELECT CASE WHEN to_regclass('public.integration_logs') IS NULL"
	        " THEN 'it is not there' WHEN (SELECT relkind FROM pg_class"
	        " WHERE oid = to_regclass('public.integration_logs')) NOT IN ('r', 'p')"
	        " THEN 'it is not a table' ELSE 'ok' END",
	    .remedy = "run `waybill migrate`",
	},
	{
	    .title = "14 columns with their types and defaults",
	    .sql =
	        "WITH wanted (name, type, needed, value) AS (VALUES"
	        " ('id', 'uuid', true, 'gen_random_uuid()'),"
	        " ('service_name', 'text', true, NULL),"
	        " ('action', 'text', true, NULL),"
	        " ('status', 'text', true, NULL),"
	        " ('related_entity_type', 'text', false, NULL),"
	        " ('related_entity_id', 'uuid', false, NULL),"
	        " ('request_payload', 'jsonb', false, NULL),"
	        " ('response_payload', 'jsonb', false, NULL),"
	        " ('error_message', 'text', false, NULL),"
	        " ('error_code', 'text', false, NULL),"
	        " ('duration_ms', 'integer', false, NULL),"
	        " ('retry_count', 'integer', false, '0'),"
	        " ('created_at', 'timestamp with time zone', false, 'now()'),"
	        " ('updated_at', 'timestamp with time zone', false, 'now()')),"
	        " found AS (SELECT attname::text AS name,"
	        " format_type(atttypid, atttypmod) AS type, attnotnull AS needed,"
	        " pg_get_expr(adbin, adrelid) AS value FROM pg_attribute"
	        " LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
	        " WHERE attrelid = " TABLE " AND attnum > 0 AND NOT attisdropped)"
	        " SELECT coalesce(string_agg(CASE WHEN found.name IS NULL"
	        " THEN wanted.name || ' is missing' ELSE concat_ws(' ', wanted.name, 'is',"
	        " found.type, CASE WHEN found.needed THEN 'not null' END,"
	        " 'default ' || found.value) END, ', '), 'ok')"
	        " FROM wanted LEFT JOIN found USING (name) WHERE found.name IS NULL"
	        " OR found.type <> wanted.type OR (wanted.needed AND NOT found.needed)"
	        " OR found.value IS DISTINCT FROM wanted.value",
	    .remedy =
	        "the table was made by something else: alter these columns, or rename "
	        "the table and " VERIFY_MIGRATE,
	},
	{
	    .title = "primary key id",
	    .sql = "SELECT coalesce((SELECT CASE pg_get_constraintdef(oid)"
	           " WHEN 'PRIMARY KEY (id)' THEN 'ok' ELSE 'it is '"
	           " || pg_get_constraintdef(oid) END FROM pg_constraint"
	           " WHERE conrelid = " TABLE " AND contype = 'p'), 'it is not there')",
	    .remedy = "run: ALTER TABLE public.integration_logs ADD PRIMARY KEY (id)",
	},
	{
	    .title = "view integration_stats_hourly and its columns",
	    .sql = VIEW("public.integration_stats_hourly",
	        "service_name text, action text, status text, hour timestamp with time zone,"
	        " count bigint, avg_duration_ms integer, max_duration_ms integer,"
	        " failed_count bigint"),
	    .remedy = "drop it if it is there, and " VERIFY_MIGRATE,
	},
	{
	    .title = "view integration_stats_daily and its columns",
	    .sql = VIEW("public.integration_stats_daily",
	        "service_name text, action text, status text, day timestamp with time zone,"
	        " count bigint, avg_duration_ms integer, failed_count bigint"),
	    .remedy = "drop it if it is there, and " VERIFY_MIGRATE,
	},
	{
	    .title = "function cleanup_old_integration_logs()",
	    .sql =
	        "SELECT coalesce((SELECT CASE WHEN prorettype <> 'integer'::regtype THEN"
	        " 'it returns ' || format_type(prorettype, NULL) ELSE 'ok' END FROM pg_proc"
	        " WHERE oid = to_regprocedure('public.cleanup_old_integration_logs()')),"
	        " 'it is not there')",
	    .remedy = "drop it if it is there, and " VERIFY_MIGRATE,
	},
	{
	    .title = "trigger integration_logs_updated_at",
	    .sql =
	        "SELECT coalesce((SELECT CASE WHEN tgenabled NOT IN ('O', 'A')"
	        " THEN 'it is disabled' ELSE 'ok' END FROM pg_trigger WHERE tgrelid = " TABLE
	        " AND tgname = 'integration_logs_updated_at'), 'it is not there')",
	    .remedy =
	        VERIFY_MIGRATE ", or: ALTER TABLE public.integration_logs ENABLE TRIGGER "
	                       "integration_logs_updated_at",
	},
	{
	    .title = "row level security",
	    .sql = "SELECT CASE WHEN relrowsecurity THEN 'ok' ELSE 'it is off' END"
	           " FROM pg_class WHERE oid = " TABLE,
	},
	{
	    .title = "policy \"Service role full access to integration_logs\"",
	    .sql = POLICY(
	        "Service role full access to integration_logs", "ALL", "service_role"),
	},
	{
	    .title = "policy \"Authenticated users can view integration_logs\"",
	    .sql = POLICY("Authenticated users can view integration_logs", "SELECT",
	        "authenticated"),
	},
	{ .title = NULL },
};

const struct verify_check verify_index_checks[] = {
	INDEX("idx_integration_logs_service_name", "(service_name)"),
	INDEX("idx_integration_logs_status", "(status)"),
	INDEX("idx_integration_logs_created_at", "(created_at DESC)"),
	INDEX("idx_integration_logs_related_entity",
	    "(related_entity_type, related_entity_id)"),
	INDEX("idx_integration_logs_failed",
	    "(service_name, created_at DESC) WHERE (status = ''failed''::text)"),
	INDEX(
	    "idx_integration_logs_dashboard", "(service_name, status, created_at DESC)"),
	{ .title = NULL },
};

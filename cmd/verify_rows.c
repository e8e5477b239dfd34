/* SPDX-License-Identifier: MIT */
/*
 * What a writer and a reader of rows do: insert, update, delete, filter, sort, jsonb.
 */
#include "cmd/verify_check.h"

#include <stddef.h>

#define LOGS "public.integration_logs"
#define OURS "service_name = '" VERIFY_SERVICE "'"

/* How many of the rows of STEP_FILTER the condition holds for. */
#define COUNT(condition, count)                                                          \
	"SELECT CASE WHEN count(*) = " count " THEN 'ok' ELSE count(*)"                  \
	" || ' rows instead of " count "' END FROM " LOGS " WHERE " OURS                 \
	" AND action LIKE 'filter%' AND (" condition ")"

/* Their actions' last letters, sorted. */
#define SORTED(order, letters)                                                           \
	"SELECT CASE string_agg(right(action, 1), '') WHEN '" letters                    \
	"' THEN 'ok' ELSE 'the order is ' || string_agg(right(action, 1), '')"           \
	" || ' instead of " letters "' END FROM (SELECT action FROM " LOGS               \
	" WHERE " OURS " AND action LIKE 'filter%' ORDER BY " order ") AS sorted"

/* Whether a jsonb expression of the row of JSON_ROW gives this. */
#define JSON(expression)                                                                 \
	"SELECT CASE WHEN " expression " THEN 'ok' ELSE 'it does not find '"             \
	" || request_payload::text END FROM " LOGS " WHERE " OURS " AND action = 'json'"

static const char filter_rows[] =
    "INSERT INTO " LOGS " (service_name, action, status, related_entity_type,"
    " related_entity_id, error_code, duration_ms, created_at) VALUES"
    " ('" VERIFY_SERVICE "', 'filter a', 'success', 'lead',"
    " '00000000-0000-4000-8000-00000000000a', NULL, 100, now() - interval '10 seconds'),"
    " ('" VERIFY_SERVICE "', 'filter b', 'failed', 'lead',"
    " '00000000-0000-4000-8000-00000000000b', 'HTTP_500', 300, now()),"
    " ('" VERIFY_SERVICE "', 'filter c', 'pending', NULL, NULL, NULL, NULL,"
    " now() - interval '2 days'),"
    " ('" VERIFY_SERVICE "', 'filter d', 'retrying', 'contact',"
    " '00000000-0000-4000-8000-00000000000a', 'UPSTREAM_TIMEOUT', 200,"
    " now() - interval '40 days') RETURNING 'ok'";

const struct verify_check verify_row_checks[] = {
	{
	    .title = "insert, with the defaults of the table",
	    .keep = true,
	    .vital = true,
	    .sql =
	        "INSERT INTO " LOGS
	        " (service_name, action, status) VALUES ('" VERIFY_SERVICE
	        "', 'crud', 'pending') RETURNING CASE WHEN id IS NULL THEN 'there is no id'"
	        " WHEN retry_count IS DISTINCT FROM 0 THEN 'retry_count is not 0'"
	        " WHEN created_at IS DISTINCT FROM now() OR updated_at IS DISTINCT FROM now()"
	        " THEN 'created_at or updated_at is not now' ELSE 'ok' END",
	},
	{
	    .title = "insert of all 14 columns",
	    .sql =
	        "INSERT INTO " LOGS " (id, service_name, action, status,"
	        " related_entity_type, related_entity_id, request_payload, response_payload,"
	        " error_message, error_code, duration_ms, retry_count, created_at, updated_at)"
	        " VALUES ('00000000-0000-7000-8000-000000000001', '" VERIFY_SERVICE
	        "', 'all', 'failed', 'lead', '00000000-0000-4000-8000-00000000000a',"
	        " '{\"a\": 1}', '[null]', 'it broke', 'HTTP_500', 231, 2,"
	        " now() - interval '1 minute', now()) RETURNING 'ok'",
	},
	{
	    .title = "CHECK: an unknown status is refused",
	    .kind = VERIFY_REFUSED,
	    .sql = "INSERT INTO " LOGS
	           " (service_name, action, status) VALUES ('" VERIFY_SERVICE
	           "', 'check', 'unknown')",
	    .wanted = "23514",
	    .remedy = "run: ALTER TABLE public.integration_logs ADD CHECK (status IN "
	              "('success', 'failed', 'pending', 'retrying'))",
	},
	{
	    .title = "CHECK: the four statuses are accepted",
	    .sql = "INSERT INTO " LOGS " (service_name, action, status) VALUES"
	           " ('" VERIFY_SERVICE "', 'check', 'success'),"
	           " ('" VERIFY_SERVICE "', 'check', 'failed'),"
	           " ('" VERIFY_SERVICE "', 'check', 'pending'),"
	           " ('" VERIFY_SERVICE "', 'check', 'retrying') RETURNING 'ok'",
	    .remedy = "drop the CHECK on status that is too narrow",
	},
	{
	    .title = "an id that comes twice stays one row (ON CONFLICT)",
	    .sql = "INSERT INTO " LOGS " (id, service_name, action, status) VALUES"
	           " ('00000000-0000-7000-8000-000000000002', '" VERIFY_SERVICE
	           "', 'twice', 'pending');"
	           " INSERT INTO " LOGS " (id, service_name, action, status) VALUES"
	           " ('00000000-0000-7000-8000-000000000002', '" VERIFY_SERVICE
	           "', 'twice', 'success')"
	           " ON CONFLICT (id) DO UPDATE SET status = excluded.status;"
	           " SELECT CASE WHEN count(*) = 1 AND min(status) = 'success' THEN 'ok'"
	           " ELSE count(*) || ' rows' END FROM " LOGS " WHERE " OURS
	           " AND action = 'twice'",
	},
	{
	    .title = "update",
	    .sql = "UPDATE " LOGS " SET status = 'success', duration_ms = 231,"
	           " response_payload = '{\"id\": 1.10}' WHERE " OURS
	           " AND action = 'crud' RETURNING CASE WHEN status = 'success'"
	           " AND duration_ms = 231 AND response_payload->>'id' = '1.10' THEN 'ok'"
	           " ELSE 'the row does not hold what was written' END",
	},
	{
	    .title = "trigger: an update sets updated_at",
	    .sql =
	        "INSERT INTO " LOGS
	        " (service_name, action, status, updated_at) VALUES ('" VERIFY_SERVICE
	        "', 'trigger', 'pending', now() - interval '1 hour');"
	        " UPDATE " LOGS " SET status = 'success' WHERE " OURS
	        " AND action = 'trigger' RETURNING CASE WHEN updated_at = now() THEN 'ok'"
	        " ELSE 'it stays as it was' END",
	},
	{
	    .title = "delete",
	    .sql =
	        "DELETE FROM " LOGS " WHERE " OURS " AND action = 'crud' RETURNING 'ok'",
	},
	{
	    .title = "insert of several rows at once",
	    .keep = true,
	    .vital = true,
	    .sql = filter_rows,
	},
	{ .title = "filter by service and action",
	    .sql = COUNT("action = 'filter b'", "1") },
	{ .title = "filter by status",
	    .sql = COUNT("status IN ('failed', 'retrying')", "2") },
	{ .title = "filter by time",
	    .sql = COUNT(
	        "created_at >= now() - interval '1 day' AND created_at <= now()", "2") },
	{ .title = "filter by entity",
	    .sql = COUNT("related_entity_type = 'lead' AND related_entity_id ="
	                 " '00000000-0000-4000-8000-00000000000a'",
	        "1") },
	{ .title = "filter by error code",
	    .sql = COUNT("error_code LIKE 'HTTP_%'", "1") },
	{ .title = "sort by created_at, newest first",
	    .sql = SORTED("created_at DESC", "bacd") },
	{ .title = "sort by duration_ms, slowest first",
	    .sql = SORTED("duration_ms DESC NULLS LAST", "bdac") },
	{
	    .title = "integration_stats_hourly counts the last 24 hours",
	    .sql =
	        "SELECT CASE WHEN count(*) = 2 AND sum(count) = 2 AND sum(failed_count) = 1"
	        " AND max(max_duration_ms) = 300 AND min(avg_duration_ms) = 100"
	        " AND bool_and(hour = date_trunc('hour', hour, 'UTC'))"
	        " THEN 'ok' ELSE 'it shows ' || count(*) || ' lines and '"
	        " || coalesce(sum(count), 0) || ' calls instead of 2 and 2' END"
	        " FROM public.integration_stats_hourly WHERE " OURS
	        " AND action LIKE 'filter%'",
	},
	{
	    .title = "integration_stats_daily counts the last 30 days",
	    .sql =
	        "SELECT CASE WHEN count(*) = 3 AND sum(count) = 3 AND sum(failed_count) = 1"
	        " AND max(avg_duration_ms) = 300"
	        " AND bool_and(day = date_trunc('day', day, 'UTC'))"
	        " THEN 'ok' ELSE 'it shows ' || count(*) || ' lines and '"
	        " || coalesce(sum(count), 0) || ' calls instead of 3 and 3' END"
	        " FROM public.integration_stats_daily WHERE " OURS
	        " AND action LIKE 'filter%'",
	},
	{ .title = NULL },
};

const struct verify_check verify_json_checks[] = {
	{
	    .title = "jsonb keeps numbers digit for digit",
	    .keep = true,
	    .vital = true,
	    .sql =
	        "INSERT INTO " LOGS " (service_name, action, status, request_payload)"
	        " VALUES ('" VERIFY_SERVICE "', 'json', 'success', '{\"to\":"
	        " {\"phone\": \"+77010000000\"}, \"tags\": [\"a\", \"b\"],"
	        " \"lead\": 12345678901234567890, \"price\": 1.10, \"none\": null}')"
	        " RETURNING CASE WHEN request_payload->>'lead' = '12345678901234567890'"
	        " AND request_payload->>'price' = '1.10' THEN 'ok'"
	        " ELSE 'it holds ' || request_payload::text END",
	},
	{ .title = "jsonb -> and ->>",
	    .sql = JSON("request_payload->'to'->>'phone' = '+77010000000'"
	                " AND request_payload->'tags'->>1 = 'b'") },
	{ .title = "jsonb #> and #>>",
	    .sql = JSON("request_payload #>> '{to,phone}' = '+77010000000'"
	                " AND request_payload #> '{tags,0}' = '\"a\"'") },
	{ .title = "jsonb @>",
	    .sql = JSON("request_payload @> '{\"tags\": [\"b\"], \"to\": {}}'"
	                " AND NOT request_payload @> '{\"tags\": [\"c\"]}'") },
	{ .title = "jsonb ? and ?|",
	    .sql = JSON("request_payload ? 'none' AND NOT request_payload ? 'phone'"
	                " AND request_payload->'tags' ?| ARRAY['x', 'a']") },
	{ .title = "jsonb path expressions",
	    .sql = JSON("jsonb_path_exists(request_payload, '$.tags[*] ? (@ == \"b\")')"
	                " AND request_payload @@ '$.price > 1'") },
	{
	    .title = "jsonb || and - in an update",
	    .sql =
	        "UPDATE " LOGS " SET response_payload = request_payload - 'to'"
	        " || '{\"new\": true}' WHERE " OURS " AND action = 'json' RETURNING CASE"
	        " WHEN response_payload ? 'new' AND NOT response_payload ? 'to' THEN 'ok'"
	        " ELSE 'it holds ' || response_payload::text END",
	},
	{ .title = NULL },
};

/* SPDX-License-Identifier: MIT */
/*
 * What each role may do, by trying it: service_role all, authenticated read, anon
 * nothing.
 */
#include "cmd/verify_check.h"

#include <stddef.h>

#define LOGS "public.integration_logs"
#define OURS "service_name = '" VERIFY_SERVICE "'"

#define INSERT_SQL                                                                       \
	"INSERT INTO " LOGS " (service_name, action, status) VALUES ('" VERIFY_SERVICE   \
	"', 'by role', 'success')"

#define MAY(name, what, statement)                                                       \
	{                                                                                \
		.title = name " may " what, .role = name, .sql = statement               \
	}

#define MAY_NOT(name, what, statement)                                                   \
	{                                                                                \
		.title = name " may not " what, .kind = VERIFY_REFUSED, .role = name,    \
		.sql = statement, .wanted = "42501"                                      \
	}

#define SEES(relation)                                                                            \
	"SELECT CASE WHEN count(*) > 0 THEN 'ok' ELSE 'it sees no row' END FROM public." relation \
	" WHERE " OURS

#define ROWS_OF(relation) "SELECT 1 FROM public." relation " WHERE " OURS " LIMIT 1"

#define UPDATE_SQL                                                                       \
	"UPDATE " LOGS " SET error_message = 'by role' WHERE " OURS                      \
	" AND action = 'roles'"

#define DELETE_SQL "DELETE FROM " LOGS " WHERE " OURS " AND action = 'roles'"

const struct verify_check verify_role_checks[] = {
	{
	    .title = "a row for the roles to try",
	    .keep = true,
	    .vital = true,
	    .sql = "INSERT INTO " LOGS
	           " (service_name, action, status) VALUES ('" VERIFY_SERVICE
	           "', 'roles', 'success') RETURNING 'ok'",
	},
	MAY("service_role", "insert", INSERT_SQL " RETURNING 'ok'"),
	MAY("service_role", "read", SEES("integration_logs")),
	MAY("service_role", "update", UPDATE_SQL " RETURNING 'ok'"),
	MAY("service_role", "delete", DELETE_SQL " RETURNING 'ok'"),
	MAY("service_role", "read the views",
	    "SELECT CASE WHEN (SELECT count(*) FROM public.integration_stats_hourly WHERE " OURS
	    ") > 0 AND (SELECT count(*) FROM public.integration_stats_daily WHERE " OURS
	    ") > 0 THEN 'ok' ELSE 'it sees no row' END"),
	MAY("authenticated", "read", SEES("integration_logs")),
	MAY("authenticated", "read integration_stats_hourly",
	    SEES("integration_stats_hourly")),
	MAY("authenticated", "read integration_stats_daily",
	    SEES("integration_stats_daily")),
	MAY_NOT("authenticated", "insert", INSERT_SQL),
	MAY_NOT("authenticated", "update", UPDATE_SQL),
	MAY_NOT("authenticated", "delete", DELETE_SQL),
	MAY_NOT("anon", "read", ROWS_OF("integration_logs")),
	MAY_NOT(
	    "anon", "read integration_stats_hourly", ROWS_OF("integration_stats_hourly")),
	MAY_NOT(
	    "anon", "read integration_stats_daily", ROWS_OF("integration_stats_daily")),
	MAY_NOT("anon", "insert", INSERT_SQL),
	MAY_NOT("anon", "update", UPDATE_SQL),
	MAY_NOT("anon", "delete", DELETE_SQL),
	{
	    /* Asked, not tried: TRUNCATE would lock the table if it were permitted. */
	    .title = "neither anon nor authenticated may truncate the table",
	    .sql = "SELECT CASE WHEN has_table_privilege('anon', '" LOGS "', 'TRUNCATE')"
	           " OR has_table_privilege('authenticated', '" LOGS
	           "', 'TRUNCATE') THEN 'they may' ELSE 'ok' END",
	},
	{
	    .title = "only service_role may call the cleanup function",
	    .sql =
	        "SELECT CASE WHEN NOT has_function_privilege('service_role', f, 'EXECUTE')"
	        " THEN 'service_role may not' WHEN has_function_privilege('anon', f,"
	        " 'EXECUTE') THEN 'anon may' WHEN has_function_privilege('authenticated', f,"
	        " 'EXECUTE') THEN 'authenticated may' ELSE 'ok' END"
	        " FROM (VALUES ('public.cleanup_old_integration_logs()')) AS named (f)",
	},
	{ .title = NULL },
};

/* SPDX-License-Identifier: MIT */
#include "dashboard/rest_tables.h"

static const struct rest_column log_columns[] = {
	{ "id", REST_UUID, false, NULL },
	{ "service_name", REST_TEXT, true, NULL },
	{ "action", REST_TEXT, true, NULL },
	{ "status", REST_TEXT, true, NULL },
	{ "related_entity_type", REST_TEXT, false, NULL },
	{ "related_entity_id", REST_UUID, false, NULL },
	{ "request_payload", REST_JSON, false, NULL },
	{ "response_payload", REST_JSON, false, NULL },
	{ "error_message", REST_TEXT, false, NULL },
	{ "error_code", REST_TEXT, false, NULL },
	{ "duration_ms", REST_INTEGER, false, NULL },
	{ "retry_count", REST_INTEGER, false, NULL },
	{ "created_at", REST_TIME, false, NULL },
	{ "updated_at", REST_TIME, false, NULL },
};

#define WHOLE_SECOND(name) "(substr(\"" name "\", 1, 19) || '.000000Z')"

static const struct rest_column hourly_columns[] = {
	{ "service_name", REST_TEXT, false, NULL },
	{ "action", REST_TEXT, false, NULL },
	{ "status", REST_TEXT, false, NULL },
	{ "hour", REST_TIME, false, WHOLE_SECOND("hour") },
	{ "count", REST_BIGINT, false, NULL },
	{ "avg_duration_ms", REST_INTEGER, false, NULL },
	{ "max_duration_ms", REST_INTEGER, false, NULL },
	{ "failed_count", REST_BIGINT, false, NULL },
};

static const struct rest_column daily_columns[] = {
	{ "service_name", REST_TEXT, false, NULL },
	{ "action", REST_TEXT, false, NULL },
	{ "status", REST_TEXT, false, NULL },
	{ "day", REST_TIME, false, WHOLE_SECOND("day") },
	{ "count", REST_BIGINT, false, NULL },
	{ "avg_duration_ms", REST_INTEGER, false, NULL },
	{ "failed_count", REST_BIGINT, false, NULL },
};

#define COLUMNS(list) list, sizeof(list) / sizeof((list)[0])

static const struct rest_table tables[] = {
	{ "integration_logs", "table", true, COLUMNS(log_columns) },
	{ "integration_stats_hourly", "view", false, COLUMNS(hourly_columns) },
	{ "integration_stats_daily", "view", false, COLUMNS(daily_columns) },
};

/* The first of a type is how SQL writes it. */
static const struct {
	const char *name;
	enum rest_type type;
} types[] = {
	{ "text", REST_TEXT },
	{ "varchar", REST_TEXT },
	{ "uuid", REST_UUID },
	{ "jsonb", REST_JSON },
	{ "json", REST_JSON },
	{ "integer", REST_INTEGER },
	{ "int", REST_INTEGER },
	{ "int4", REST_INTEGER },
	{ "bigint", REST_BIGINT },
	{ "int8", REST_BIGINT },
	{ "numeric", REST_NUMERIC },
	{ "decimal", REST_NUMERIC },
	{ "float8", REST_FLOAT },
	{ "timestamptz", REST_TIME },
	{ "date", REST_DATE },
};

const struct rest_table *rest_table_find(struct slice name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (slice_eq(name, slice_of(tables[i].name))) {
			return &tables[i];
		}
	}
	return NULL;
}

const struct rest_column *rest_column_find(
    const struct rest_table *table, struct slice name)
{
	for (size_t i = 0; i < table->column_count; i++) {
		if (slice_eq(name, slice_of(table->column[i].name))) {
			return &table->column[i];
		}
	}
	return NULL;
}

const struct rest_column *rest_table_key(const struct rest_table *table)
{
	return rest_column_find(table, SLICE("id"));
}

const char *rest_type_sql(enum rest_type type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].type == type) {
			return types[i].name;
		}
	}
	return "text";
}

const char *rest_type_words(enum rest_type type)
{
	switch (type) {
	case REST_JSON:
		return "json"; /* as the parser of both JSON types says */
	case REST_FLOAT:
		return "double precision";
	case REST_TIME:
		return "timestamp with time zone";
	default:
		return rest_type_sql(type);
	}
}

bool rest_type_find(struct slice name, enum rest_type *ret_type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (slice_ieq(name, slice_of(types[i].name))) {
			*ret_type = types[i].type;
			return true;
		}
	}
	return false;
}

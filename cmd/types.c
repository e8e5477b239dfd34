/* SPDX-License-Identifier: MIT */
#include "cmd/types.h"

#include <stdlib.h>

#include "base/json.h"
#include "sql/column.h"
#include "sql/row.h"

/* Of a column: what it is in TypeScript, and whether SQL lets it be null or left out. */
static const struct {
	const char *type;
	bool null;     /* may be null */
	bool optional; /* has a default, or may be null */
} column_types[COLUMN_COUNT] = {
	[COLUMN_ID] = { "string", false, true },
	[COLUMN_SERVICE_NAME] = { "ServiceName", false, false },
	[COLUMN_ACTION] = { "IntegrationAction", false, false },
	[COLUMN_STATUS] = { "IntegrationStatus", false, false },
	[COLUMN_RELATED_ENTITY_TYPE] = { "string", true, true },
	[COLUMN_RELATED_ENTITY_ID] = { "string", true, true },
	[COLUMN_REQUEST_PAYLOAD] = { "Json", true, true },
	[COLUMN_RESPONSE_PAYLOAD] = { "Json", true, true },
	[COLUMN_ERROR_MESSAGE] = { "string", true, true },
	[COLUMN_ERROR_CODE] = { "string", true, true },
	[COLUMN_DURATION_MS] = { "number", true, true },
	[COLUMN_RETRY_COUNT] = { "number", true, true },
	[COLUMN_CREATED_AT] = { "string", true, true },
	[COLUMN_UPDATED_AT] = { "string", true, true },
};

static const char head[] =
    "// Types of the table integration_logs, printed by `waybill types` from the service\n"
    "// files. Print them anew when a service file changes.\n"
    "\n"
    "export type Json = string | number | boolean | null | { [key: string]: Json | undefined } "
    "| Json[];\n";

static const char rest[] =
    "\n"
    "/** integration_stats_hourly: the last 24 hours. */\n"
    "export interface IntegrationStatsHourly {\n"
    "  service_name: ServiceName;\n"
    "  action: IntegrationAction;\n"
    "  status: IntegrationStatus;\n"
    "  hour: string;\n"
    "  count: number;\n"
    "  avg_duration_ms: number | null;\n"
    "  max_duration_ms: number | null;\n"
    "  failed_count: number;\n"
    "}\n"
    "\n"
    "/** integration_stats_daily: the last 30 days. */\n"
    "export interface IntegrationStatsDaily {\n"
    "  service_name: ServiceName;\n"
    "  action: IntegrationAction;\n"
    "  status: IntegrationStatus;\n"
    "  day: string;\n"
    "  count: number;\n"
    "  avg_duration_ms: number | null;\n"
    "  failed_count: number;\n"
    "}\n"
    "\n"
    "/* supabase-js wants types with an index signature, which an interface has not. */\n"
    "type Columns<T> = { [K in keyof T]: T[K] };\n"
    "\n"
    "/** For createClient<Database>() of supabase-js. */\n"
    "export type Database = {\n"
    "  public: {\n"
    "    Tables: {\n"
    "      integration_logs: {\n"
    "        Row: Columns<IntegrationLog>;\n"
    "        Insert: Columns<IntegrationLogInsert>;\n"
    "        Update: Columns<IntegrationLogUpdate>;\n"
    "        Relationships: [];\n"
    "      };\n"
    "    };\n"
    "    Views: {\n"
    "      integration_stats_hourly: {\n"
    "        Row: Columns<IntegrationStatsHourly>;\n"
    "        Relationships: [];\n"
    "      };\n"
    "      integration_stats_daily: {\n"
    "        Row: Columns<IntegrationStatsDaily>;\n"
    "        Relationships: [];\n"
    "      };\n"
    "    };\n"
    "    Functions: {\n"
    "      cleanup_old_integration_logs: {\n"
    "        Args: Record<PropertyKey, never>;\n"
    "        Returns: number;\n"
    "      };\n"
    "    };\n"
    "    Enums: { [_ in never]: never };\n"
    "    CompositeTypes: { [_ in never]: never };\n"
    "  };\n"
    "};\n";

/* "text", or `text_${string}` for a template with {names}. */
static void put_action(struct buf *out, struct slice action)
{
	struct slice left = action;

	if (!memchr(action.ptr, '{', action.len)) {
		json_put_string(out, action);
		return;
	}
	buf_putc(out, '`');
	while (left.ptr) {
		buf_put_slice(out, slice_cut(&left, '{'));
		if (left.ptr) {
			(void)slice_cut(&left, '}');
			buf_puts(out, "${string}");
		}
	}
	buf_putc(out, '`');
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One service's union: its routes' actions, and those that waybill gives itself. */
static void put_actions(struct buf *out, const struct service *service)
{
	size_t count = 0;
	const char *last = "";
	const char **action = calloc(service->route_count + 3, sizeof(*action));

	if (!action) {
		out->failed = true;
		return;
	}
	action[count++] = "other";
	action[count++] = "tls_rejected";
	action[count++] = service->other.action;
	for (size_t i = 0; i < service->route_count; i++) {
		action[count++] = service->routes[i].action;
	}
	qsort(action, count, sizeof(*action), compare);
	buf_puts(out, "  ");
	json_put_string(out, slice_of(service->name));
	buf_putc(out, ':');
	for (size_t i = 0; i < count; i++) {
		if (strcmp(action[i], last) != 0) {
			buf_puts(out, "\n    | ");
			put_action(out, slice_of(action[i]));
			last = action[i];
		}
	}
	buf_puts(out, ";\n");
	free(action);
}

/* In the order of their names: that of the files is no matter of types. */
static const struct service **sorted(const struct route_table *table)
{
	size_t count = route_table_count(table);
	const struct service **service = calloc(count + 1, sizeof(*service));

	for (size_t i = 0; service && i < count; i++) {
		const struct service *next = route_table_service(table, i);
		size_t at = i;

		for (; at > 0 && strcmp(service[at - 1]->name, next->name) > 0; at--) {
			service[at] = service[at - 1];
		}
		service[at] = next;
	}
	return service;
}

static void put_unions(
    struct buf *out, const struct service *const *service, size_t count)
{
	buf_puts(out,
	    "\n/** The services of the service files. */\nexport type ServiceName =");
	for (size_t i = 0; i < count; i++) {
		buf_puts(out, "\n  | ");
		json_put_string(out, slice_of(service[i]->name));
	}
	buf_puts(out, count ? ";\n" : " never;\n");
	buf_puts(out, "\n/** The actions of each service. */\n"
	              "export interface IntegrationActions {\n");
	for (size_t i = 0; i < count; i++) {
		put_actions(out, service[i]);
	}
	buf_puts(out,
	    "}\n\nexport type IntegrationAction = IntegrationActions[ServiceName];\n");
	buf_puts(out, "\nexport type IntegrationStatus =");
	for (int i = ROW_SUCCESS; i <= ROW_RETRYING; i++) {
		buf_puts(out, i == ROW_SUCCESS ? " " : " | ");
		json_put_string(out, slice_of(row_status_text((enum row_status)i)));
	}
	buf_puts(out, ";\n");
}

enum shape { SHAPE_ROW, SHAPE_INSERT, SHAPE_UPDATE };

static void put_columns(
    struct buf *out, const char *comment, const char *name, enum shape shape)
{
	buf_printf(out, "\n/** %s */\nexport interface %s {\n", comment, name);
	for (int i = 0; i < COLUMN_COUNT; i++) {
		bool optional = shape == SHAPE_UPDATE ||
		                (shape == SHAPE_INSERT && column_types[i].optional);

		buf_printf(out, "  %s%s: %s%s;\n", column_name((enum column)i),
		    optional ? "?" : "", column_types[i].type,
		    column_types[i].null ? " | null" : "");
	}
	buf_puts(out, "}\n");
}

void types_put(const struct route_table *table, struct buf *out)
{
	const struct service **service = sorted(table);

	if (!service) {
		out->failed = true;
		return;
	}
	buf_puts(out, head);
	put_unions(out, service, route_table_count(table));
	put_columns(out, "A row of integration_logs.", "IntegrationLog", SHAPE_ROW);
	put_columns(out, "What an insert takes.", "IntegrationLogInsert", SHAPE_INSERT);
	put_columns(out, "What an update takes.", "IntegrationLogUpdate", SHAPE_UPDATE);
	buf_puts(out, rest);
	free(service);
}

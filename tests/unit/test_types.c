/* SPDX-License-Identifier: MIT */
/*
 * The unions that `waybill types` makes of a service file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cmd/types.h"

static char *types_of(const char *service)
{
	struct route_table *table = NULL;
	struct buf out = { 0 };
	struct err err = { "" };

	if (route_table_parse("x.yaml", slice_of(service), &table, &err) != 0) {
		fail_msg("%s", err.text);
	}
	types_put(table, &out);
	route_table_unref(table);
	assert_false(out.failed);
	return buf_steal(&out);
}

static void actions_are_sorted_and_said_once_and_names_are_any_text(void **state)
{
	char *text =
	    types_of("service: my-shop\nhosts: [a.test]\nfallback: misc\nroutes:\n"
	             "  - {methods: GET, path: [\"/b\", \"/bb\"], action: b}\n"
	             "  - {path: \"/x/{m}/{n}\", action: \"x_{m}_to_{n}\"}\n"
	             "  - {path: /a, action: a}\n"
	             "  - {path: /c, action: b}\n");

	(void)state;
	assert_non_null(strstr(text, "  \"my-shop\":\n"
	                             "    | \"a\"\n"
	                             "    | \"b\"\n"
	                             "    | \"misc\"\n"
	                             "    | \"other\"\n"
	                             "    | \"tls_rejected\"\n"
	                             "    | `x_${string}_to_${string}`;\n"));
	assert_non_null(strstr(text, "export type ServiceName =\n  | \"my-shop\";\n"));
	free(text);
}

static void columns_are_optional_where_sql_fills_them_in(void **state)
{
	char *text = types_of("service: s\nhosts: [a.test]\n");
	const char *insert = strstr(text, "interface IntegrationLogInsert");

	(void)state;
	assert_non_null(strstr(text, "interface IntegrationLog {\n"
	                             "  id: string;\n"
	                             "  service_name: ServiceName;\n"));
	assert_non_null(insert);
	assert_non_null(strstr(insert, "  id?: string;\n  service_name: ServiceName;\n"));
	assert_non_null(strstr(insert, "  retry_count?: number | null;\n"));
	assert_non_null(strstr(text, "  status?: IntegrationStatus;\n"));
	assert_non_null(
	    strstr(text, "\"success\" | \"failed\" | \"pending\" | \"retrying\";"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_are_sorted_and_said_once_and_names_are_any_text),
		cmocka_unit_test(columns_are_optional_where_sql_fills_them_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

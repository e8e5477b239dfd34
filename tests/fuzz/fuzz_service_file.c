/* SPDX-License-Identifier: MIT */
/*
 * fuzz_service_file: any text as a service file. What loads must also answer questions.
 */
#include "routes/routes.h"

#include "fyaml_leaks.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct route_table *table = NULL;
	const struct service *service;
	struct err err = { "" };
	struct route_match match;

	if (route_table_parse("fuzz.yaml", (struct slice){ (const char *)data, size },
	        &table, &err) < 0) {
		if (table || err.text[0] == '\0') {
			abort();
		}
		return 0;
	}
	service = route_table_service(table, 0);
	(void)route_table_host(table, slice_of(service->hosts[0]));
	for (size_t i = 0; i < service->route_count; i++) {
		/* a pattern as a path: {names} and stars are ordinary text there */
		if (route_match(service, SLICE("GET"),
		        slice_of(service->routes[i].pattern), &match) == 0) {
			route_match_finish(&match);
		}
	}
	route_table_unref(table);
	return 0;
}

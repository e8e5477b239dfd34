/* SPDX-License-Identifier: MIT */
/*
 * check: is the configuration right? Nothing is opened, made or changed.
 */
#include "cmd/command.h"
#include "routes/routes.h"

#include <stdio.h>

static void print_services(const struct route_table *table)
{
	for (size_t i = 0; i < route_table_count(table); i++) {
		const struct service *service = route_table_service(table, i);

		(void)printf(
		    "  %-12s %3zu routes, hosts", service->name, service->route_count);
		for (size_t h = 0; h < service->host_count; h++) {
			(void)printf(" %s", service->hosts[h]);
		}
		(void)printf("\n");
	}
}

int command_check(const struct command *command, int argc, char **argv)
{
	struct route_table *table = NULL;
	struct settings *settings = NULL;
	const char *config = NULL;
	int rc = command_config_option(command, argc, argv, &config);

	if (rc >= 0) {
		return rc;
	}
	rc = command_routes(config, &settings, &table);
	if (rc != EXIT_FINE) {
		return rc;
	}
	(void)printf(
	    "the configuration is right: %zu services\n", route_table_count(table));
	print_services(table);
	route_table_unref(table);
	settings_free(settings);
	return EXIT_FINE;
}

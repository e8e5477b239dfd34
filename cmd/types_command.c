/* SPDX-License-Identifier: MIT */
/*
 * types: its command line.
 */
#include "cmd/command.h"
#include "cmd/types.h"

#include <errno.h>
#include <stdio.h>

static int put(const struct route_table *table)
{
	struct buf out = { 0 };
	int rc = EXIT_FINE;

	types_put(table, &out);
	if (out.failed) {
		(void)fprintf(stderr, "waybill types: out of memory\n");
		rc = EXIT_FAILED;
	} else if (fwrite(out.ptr, 1, out.len, stdout) != out.len ||
	           fflush(stdout) != 0) {
		(void)fprintf(
		    stderr, "waybill types: cannot write: %s\n", strerror(errno));
		rc = EXIT_FAILED;
	}
	buf_finish(&out);
	return rc;
}

int command_types(const struct command *command, int argc, char **argv)
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
	rc = put(table);
	route_table_unref(table);
	settings_free(settings);
	return rc;
}

/* SPDX-License-Identifier: MIT */
#include "cmd/command.h"

#include "routes/routes.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int command_help(const struct command *command)
{
	(void)printf("usage: waybill %s%s%s\n\n%s.\n\n", command->name,
	    command->synopsis[0] ? " " : "", command->synopsis, command->summary);
	if (command->help[0]) {
		(void)printf("%s", command->help);
	}
	(void)printf("  -h, --help              this text\n");
	return EXIT_FINE;
}

int command_misuse(const struct command *command, const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "waybill %s: ", command->name);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fprintf(stderr, "; see `waybill %s --help`\n", command->name);
	return EXIT_USAGE;
}

int command_bad_option(const struct command *command, char **argv)
{
	if (optopt != 0 && optopt < 128) {
		return command_misuse(
		    command, "option -%c is unknown or lacks its value", optopt);
	}
	return command_misuse(
	    command, "option %s is unknown or lacks its value", argv[optind - 1]);
}

int command_config_option(
    const struct command *command, int argc, char **argv, const char **ret_config)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*ret_config = NULL;
	while ((option = getopt_long(argc, argv, ":c:h", options, NULL)) != -1) {
		if (option == 'c') {
			*ret_config = optarg;
		} else if (option == 'h') {
			return command_help(command);
		} else {
			return command_bad_option(command, argv);
		}
	}
	if (optind < argc) {
		return command_misuse(command, "%s is not expected", argv[optind]);
	}
	return -1;
}

int command_settings(const char *path, struct settings **ret_settings)
{
	struct err err;
	int rc;

	if (!path) {
		path = settings_default_path();
	}
	if (!path) {
		(void)fprintf(stderr,
		    "waybill: no configuration: neither conf/waybill.yaml nor "
		    "/etc/waybill/waybill.yaml is there; name one with --config FILE\n");
		return EXIT_USAGE;
	}
	rc = settings_load(path, ret_settings, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return EXIT_USAGE;
	}
	return EXIT_FINE;
}

int command_routes(
    const char *path, struct settings **ret_settings, struct route_table **ret_table)
{
	struct err err;
	int rc = command_settings(path, ret_settings);

	if (rc == EXIT_FINE &&
	    route_table_load((*ret_settings)->services, ret_table, &err) != 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		settings_free(*ret_settings);
		rc = EXIT_USAGE;
	}
	return rc;
}

char *command_state_path(const struct settings *settings, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", settings->state_dir, name) < 0) {
		return NULL;
	}
	return path;
}

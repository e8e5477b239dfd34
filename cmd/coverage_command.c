/* SPDX-License-Identifier: MIT */
/*
 * coverage: its command line.
 */
#include "base/clock.h"
#include "base/yaml.h"
#include "cmd/command.h"
#include "cmd/coverage.h"
#include "routes/routes.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

struct options {
	const char *config;
	const char *database;
	const char *since;
	const char *only;
	bool json;
	bool suggest;
};

/* Returns -1 to go on, else the exit code. */
static int parse(
    const struct command *command, struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "database", required_argument, NULL, 'd' },
		{ "since", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "suggest", optional_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, ":c:h", names, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->config = optarg;
			break;
		case 'd':
			options->database = optarg;
			break;
		case 's':
			options->since = optarg;
			break;
		case 'j':
			options->json = true;
			break;
		case 'S':
			options->suggest = true;
			options->only = optarg;
			break;
		case 'h':
			return command_help(command);
		default:
			return command_bad_option(command, argv);
		}
	}
	if (optind < argc && options->suggest && !options->only) {
		options->only = argv[optind++];
	}
	if (optind < argc) {
		return command_misuse(command, "%s is not expected", argv[optind]);
	}
	if (options->suggest && options->json) {
		return command_misuse(command, "--suggest prints YAML, not --json");
	}
	return -1;
}

static int put(const struct options *options, const struct coverage_options *what)
{
	struct buf out = { 0 };
	struct err err;
	int r = options->suggest ? coverage_suggest(what, &out, &err)
	        : options->json  ? coverage_json(what, &out, &err)
	                         : coverage_tables(what, &out, &err);

	if (r == 0 && (fwrite(buf_slice(&out).ptr, 1, out.len, stdout) != out.len ||
	                  fflush(stdout) != 0)) {
		r = err_set(&err, errno, "cannot write: %s", strerror(errno));
	}
	if (r != 0) {
		(void)fprintf(stderr, "waybill coverage: %s\n", err.text);
	} else if (options->suggest && out.len == 0) {
		/* not on standard output: that is for pasting */
		(void)fprintf(stderr,
		    "nothing to suggest%s%s: every call seen has a route\n",
		    what->only ? " for " : "", what->only ? what->only : "");
	}
	buf_finish(&out);
	return r == 0 ? EXIT_FINE : EXIT_FAILED;
}

int command_coverage(const struct command *command, int argc, char **argv)
{
	struct options options = { 0 };
	struct coverage_options what = { 0 };
	struct settings *settings = NULL;
	struct route_table *table = NULL;
	char *path = NULL;
	int64_t since_ns = 0;
	int rc = parse(command, &options, argc, argv);

	if (rc >= 0) {
		return rc;
	}
	if (options.since && !yaml_duration_text(options.since, &since_ns)) {
		return command_misuse(command,
		    "--since %s is no duration such as 12h or 7d", options.since);
	}
	rc = command_routes(options.config, &settings, &table);
	if (rc != EXIT_FINE) {
		return rc;
	}
	path = options.database ? strdup(options.database)
	                        : command_state_path(settings, "waybill.db");
	what = (struct coverage_options){ .database = path,
		.table = table,
		.since_us = options.since ? wall_us() - since_ns / 1000 : 0,
		.only = options.only };
	rc = path ? put(&options, &what) : EXIT_FAILED;
	free(path);
	route_table_unref(table);
	settings_free(settings);
	return rc;
}

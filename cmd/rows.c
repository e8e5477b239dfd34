/* SPDX-License-Identifier: MIT */
/*
 * rows: the command lines of what works on rows: tail, stats, cleanup, migrate, verify.
 */
#include "cmd/cleanup.h"
#include "cmd/command.h"
#include "cmd/database.h"
#include "cmd/migrate.h"
#include "cmd/stats.h"
#include "cmd/stats_pg.h"
#include "cmd/tail.h"
#include "cmd/verify.h"
#include "sql/pg.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* Every option of these commands; each takes the ones that it names in `allowed`. */
struct row_options {
	const char *config;
	const char *database;
	const char *service;
	const char *action;
	const char *status;
	unsigned lines;
	bool json;
	bool no_follow;
	bool dry_run;
	bool all;
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "service", required_argument, NULL, 's' },
	{ "action", required_argument, NULL, 'a' },
	{ "status", required_argument, NULL, 't' },
	{ "lines", required_argument, NULL, 'n' },
	{ "json", no_argument, NULL, 'j' },
	{ "no-follow", no_argument, NULL, 'F' },
	{ "dry-run", no_argument, NULL, 'y' },
	{ "all", no_argument, NULL, 'A' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool take_count(const char *text, unsigned *ret_count)
{
	char *end = NULL;
	unsigned long count = strtoul(text, &end, 10);

	if (end == text || *end || count > 1000000 || text[0] == '-') {
		return false;
	}
	*ret_count = (unsigned)count;
	return true;
}

/* False: the option is none of those that take effect by being stored. */
static bool store_option(struct row_options *options, int option)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		return true;
	case 'd':
		options->database = optarg;
		return true;
	case 's':
		options->service = optarg;
		return true;
	case 'a':
		options->action = optarg;
		return true;
	case 't':
		options->status = optarg;
		return true;
	case 'j':
		options->json = true;
		return true;
	case 'F':
		options->no_follow = true;
		return true;
	case 'y':
		options->dry_run = true;
		return true;
	case 'A':
		options->all = true;
		return true;
	default:
		return false;
	}
}

/* allowed: the letters of the options this command has. Returns -1 to go on, else the
 * exit code. */
static int parse(const struct command *command, const char *allowed,
    struct row_options *options, int argc, char **argv)
{
	int option;

	options->lines = 10;
	while ((option = getopt_long(argc, argv, ":c:n:h", long_options, NULL)) != -1) {
		if (option == 'h') {
			return command_help(command);
		}
		if (option == '?' || option == ':' || !strchr(allowed, option)) {
			return command_bad_option(command, argv);
		}
		if (option == 'n' && !take_count(optarg, &options->lines)) {
			return command_misuse(command, "--lines %s is no count", optarg);
		}
		if (option != 'n' && !store_option(options, option)) {
			return command_bad_option(command, argv);
		}
	}
	if (optind < argc) {
		return command_misuse(command, "%s is not expected", argv[optind]);
	}
	return -1;
}

int command_tail(const struct command *command, int argc, char **argv)
{
	struct row_options options = { 0 };
	struct database_choice choice;
	int rc = parse(command, "cdsatnjF", &options, argc, argv);

	if (rc >= 0) {
		return rc;
	}
	rc = database_choose(options.database, options.config, true, &choice);
	if (rc == EXIT_FINE && pg_is_url(choice.name)) {
		rc = command_misuse(command, "tail reads the local store: name its path");
	} else if (rc == EXIT_FINE) {
		struct tail_options tail = { .database = choice.name,
			.service = options.service,
			.action = options.action,
			.status = options.status,
			.json = options.json,
			.follow = !options.no_follow,
			.lines = options.lines,
			.out = stdout,
			.stop = &stopped };

		catch_signals();
		rc = cmd_tail_run(&tail);
	}
	free(choice.name);
	return rc;
}

int command_stats(const struct command *command, int argc, char **argv)
{
	struct row_options options = { 0 };
	struct database_choice choice;
	int rc = parse(command, "cdj", &options, argc, argv);

	if (rc >= 0) {
		return rc;
	}
	rc = database_choose(options.database, options.config, true, &choice);
	if (rc == EXIT_FINE) {
		struct stats_options stats = {
			.database = choice.name, .json = options.json, .out = stdout
		};

		rc = pg_is_url(choice.name) ? cmd_stats_pg_run(&stats)
		                            : cmd_stats_run(&stats);
	}
	free(choice.name);
	return rc;
}

int command_cleanup(const struct command *command, int argc, char **argv)
{
	struct row_options options = { 0 };
	struct database_choice choice;
	int rc = parse(command, "cdj", &options, argc, argv);

	if (rc >= 0) {
		return rc;
	}
	rc = database_choose(options.database, options.config, false, &choice);
	if (rc == EXIT_FINE) {
		struct cleanup_options cleanup = { .database = choice.name,
			.success_ns = choice.success_ns,
			.all_ns = choice.all_ns,
			.json = options.json,
			.out = stdout,
			.progress = isatty(STDERR_FILENO) ? stderr : NULL,
			.stop = &stopped };

		catch_signals();
		rc = cmd_cleanup_run(&cleanup);
	}
	free(choice.name);
	return rc;
}

/* migrate and verify are about a PostgreSQL server; "sqlite" stays that word for their
 * message. */
static int choose_server(const struct row_options *options, char **ret_name)
{
	struct settings *settings = NULL;
	int rc = EXIT_FINE;

	if (options->database) {
		*ret_name = strdup(options->database);
	} else {
		rc = command_settings(options->config, &settings);
		*ret_name = rc == EXIT_FINE ? strdup(settings->database) : NULL;
		settings_free(settings);
	}
	return rc == EXIT_FINE && !*ret_name ? EXIT_FAILED : rc;
}

int command_migrate(const struct command *command, int argc, char **argv)
{
	struct row_options options = { 0 };
	char *name = NULL;
	int rc = parse(command, "cdyA", &options, argc, argv);

	if (rc >= 0) {
		return rc;
	}
	rc = choose_server(&options, &name);
	if (rc == EXIT_FINE) {
		struct migrate_options migrate = { .database = name,
			.dry_run = options.dry_run,
			.all = options.all,
			.out = stdout };

		rc = cmd_migrate_run(&migrate);
	}
	free(name);
	return rc;
}

int command_verify(const struct command *command, int argc, char **argv)
{
	struct row_options options = { 0 };
	char *name = NULL;
	int rc = parse(command, "cd", &options, argc, argv);

	if (rc >= 0) {
		return rc;
	}
	rc = choose_server(&options, &name);
	if (rc == EXIT_FINE) {
		struct verify_options verify = { .database = name, .out = stdout };

		rc = cmd_verify_run(&verify);
	}
	free(name);
	return rc;
}

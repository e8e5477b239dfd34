/* SPDX-License-Identifier: MIT */
/*
 * rows: the command lines of tail and stats.
 */
#include "cmd/command.h"
#include "cmd/stats.h"
#include "cmd/tail.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

/* --database PATH, else the store under the configured state_dir. To free; NULL: said
 * why. */
static char *database_path(const char *given, const char *config, int *ret_rc)
{
	struct settings *settings = NULL;
	char *path = NULL;

	if (given) {
		return strdup(strncmp(given, "sqlite:", 7) == 0 ? given + 7 : given);
	}
	*ret_rc = command_settings(config, &settings);
	if (*ret_rc == EXIT_FINE) {
		path = command_state_path(settings, "waybill.db");
		settings_free(settings);
	}
	return path;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

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

int command_tail(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "database", required_argument, NULL, 'd' },
		{ "service", required_argument, NULL, 's' },
		{ "action", required_argument, NULL, 'a' },
		{ "status", required_argument, NULL, 't' },
		{ "lines", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "no-follow", no_argument, NULL, 'F' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct tail_options tail = {
		.follow = true, .lines = 10, .out = stdout, .stop = &stopped
	};
	const char *config = NULL;
	const char *database = NULL;
	char *path;
	int option;
	int rc = EXIT_FAILED;

	while ((option = getopt_long(argc, argv, ":c:n:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case 'd':
			database = optarg;
			break;
		case 's':
			tail.service = optarg;
			break;
		case 'a':
			tail.action = optarg;
			break;
		case 't':
			tail.status = optarg;
			break;
		case 'n':
			if (!take_count(optarg, &tail.lines)) {
				return command_misuse(
				    command, "--lines %s is no count", optarg);
			}
			break;
		case 'j':
			tail.json = true;
			break;
		case 'F':
			tail.follow = false;
			break;
		case 'h':
			return command_help(command);
		default:
			return command_bad_option(command, argv);
		}
	}
	if (optind < argc) {
		return command_misuse(command, "%s is not expected", argv[optind]);
	}
	path = database_path(database, config, &rc);
	if (path) {
		catch_signals();
		tail.database = path;
		rc = cmd_tail_run(&tail);
	}
	free(path);
	return rc;
}

int command_stats(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "database", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct stats_options stats = { .out = stdout };
	const char *config = NULL;
	const char *database = NULL;
	char *path;
	int option;
	int rc = EXIT_FAILED;

	while ((option = getopt_long(argc, argv, ":c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case 'd':
			database = optarg;
			break;
		case 'j':
			stats.json = true;
			break;
		case 'h':
			return command_help(command);
		default:
			return command_bad_option(command, argv);
		}
	}
	if (optind < argc) {
		return command_misuse(command, "%s is not expected", argv[optind]);
	}
	path = database_path(database, config, &rc);
	if (path) {
		stats.database = path;
		rc = cmd_stats_run(&stats);
	}
	free(path);
	return rc;
}

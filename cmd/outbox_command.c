/* SPDX-License-Identifier: MIT */
/*
 * The command line of `waybill outbox`.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/database.h"
#include "cmd/outbox.h"

#define LIST_LIMIT 1000

static bool take_action(const char *word, enum outbox_action *ret_action)
{
	static const char *const words[] = {
		[OUTBOX_ACTION_LIST] = "list",
		[OUTBOX_ACTION_RETRY] = "retry",
		[OUTBOX_ACTION_DROP] = "drop",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0) {
			*ret_action = (enum outbox_action)i;
			return true;
		}
	}
	return false;
}

static int run_on(struct outbox_options *outbox, const char *database, const char *config)
{
	struct database_choice choice;
	int rc = database_choose(database, config, true, &choice);

	if (rc == EXIT_FINE) {
		outbox->database = choice.name;
		rc = cmd_outbox_run(outbox);
	}
	free(choice.name);
	return rc;
}

int command_outbox(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "database", required_argument, NULL, 'd' },
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct outbox_options outbox = { .limit = LIST_LIMIT, .out = stdout };
	const char *config = NULL;
	const char *database = NULL;
	bool all = false;
	int option;

	while ((option = getopt_long(argc, argv, ":c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case 'd':
			database = optarg;
			break;
		case 'a':
			all = true;
			break;
		case 'j':
			outbox.json = true;
			break;
		case 'h':
			return command_help(command);
		default:
			return command_bad_option(command, argv);
		}
	}
	if (optind >= argc || !take_action(argv[optind], &outbox.action)) {
		return command_misuse(command, "say list, retry or drop");
	}
	outbox.ids = (const char *const *)(argv + optind + 1);
	outbox.id_count = (size_t)(argc - optind - 1);
	if (outbox.action == OUTBOX_ACTION_LIST && outbox.id_count > 0) {
		return command_misuse(command, "list takes no ids");
	}
	if (outbox.action == OUTBOX_ACTION_DROP && !all && outbox.id_count == 0) {
		return command_misuse(command, "drop takes ids, or --all");
	}
	if (all && outbox.id_count > 0) {
		return command_misuse(command, "--all goes with no ids");
	}
	outbox.limit = all ? 0 : LIST_LIMIT;
	return run_on(&outbox, database, config);
}

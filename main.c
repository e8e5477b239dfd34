/* SPDX-License-Identifier: MIT */
/*
 * main: which command is meant. Exit codes: 0 fine, 1 it failed, 2 the call or the
 * configuration is wrong.
 */
#include "cmd/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define CONFIG_HELP                                                                      \
	"  -c, --config FILE       default: conf/waybill.yaml, then /etc/waybill/waybill.yaml\n"
#define DATABASE_HELP                                                                    \
	"      --database PATH     the store; default: waybill.db under the configured state_dir\n"

#define SERVER_HELP                                                                      \
	"      --database URL      postgresql://…; default: the configured database\n"

#define CLIENT_HELP                                                                      \
	"      --user NAME         which of access.credentials to use\n"                 \
	"      --host HOST[:PORT]  where the client reaches the proxy; default: listen\n"

static const struct command commands[] = {
	{ "run", "[--config FILE]",
	    "Runs the proxy; SIGHUP reloads the routes, SIGTERM drains", CONFIG_HELP,
	    command_run },
	{ "check", "[--config FILE]", "Checks the configuration and the service files",
	    CONFIG_HELP, command_check },
	{ "explain", "METHOD URL [--request FILE] [--response FILE] [--status N]",
	    "Says which route a call matches, and the row it would write",
	    CONFIG_HELP
	    "      --request FILE      the request's body\n"
	    "      --response FILE     the response's body\n"
	    "      --status N          the response's status (default: 200)\n"
	    "  -H, --header LINE       a request header, \"Name: value\"; may be repeated\n"
	    "      --response-header LINE  likewise of the response\n"
	    "      --json              one JSON object\n",
	    command_explain },
	{ "tail", "[--service S] [--action A] [--status S] [--json]",
	    "Shows rows as they arrive",
	    CONFIG_HELP DATABASE_HELP
	    "      --service NAMES     only these, with commas between\n"
	    "      --action NAMES      only these\n"
	    "      --status NAMES      only these: success, failed, pending, retrying\n"
	    "  -n, --lines N           begin with the last N rows (default: 10)\n"
	    "      --no-follow         show those and end\n"
	    "      --json              one JSON object per line, every column\n",
	    command_tail },
	{ "stats", "[--json]", "Shows the hourly and the daily view",
	    CONFIG_HELP DATABASE_HELP "      --json              one JSON object\n",
	    command_stats },
	{ "coverage", "[--json] [--since 7d] [--suggest [HOST]]",
	    "Shows what is recorded and what passes by unrecorded",
	    CONFIG_HELP DATABASE_HELP
	    "      --since DURATION    only what was seen in that time, such as 12h or 7d\n"
	    "      --suggest [HOST]    YAML for the service files: routes for calls that no route\n"
	    "                          matches, and files for hosts that have none\n"
	    "      --json              one JSON object\n",
	    command_coverage },
	{ "outbox", "list|retry|drop [ID…]",
	    "Shows, retries or drops rows that PostgreSQL does not have",
	    CONFIG_HELP DATABASE_HELP
	    "      --all               drop: every refused row; list: without a limit\n"
	    "      --json              one JSON object\n",
	    command_outbox },
	{ "migrate", "[--database URL] [--dry-run]",
	    "Makes or updates the table in PostgreSQL",
	    CONFIG_HELP SERVER_HELP
	    "      --dry-run           print the SQL, change nothing\n"
	    "      --all               also what was applied already: puts back what was dropped\n",
	    command_migrate },
	{ "verify", "[--database URL]",
	    "Proves the table in PostgreSQL, leaving nothing behind",
	    CONFIG_HELP SERVER_HELP, command_verify },
	{ "cleanup", "[--database URL] [--json]",
	    "Deletes rows past their age (retention), in batches",
	    CONFIG_HELP SERVER_HELP "      --json              one JSON object\n",
	    command_cleanup },
	{ "env", "[--format FORMAT]",
	    "Prints what makes a program's calls go through waybill",
	    CONFIG_HELP CLIENT_HELP
	    "  -f, --format FORMAT     sh (default), fish, dotenv, systemd, docker-compose,\n"
	    "                          kubernetes, json\n"
	    "      --files DIR         put what clients read (certificates only) into DIR\n"
	    "      --files-at PATH     where clients see DIR, as for a volume\n"
	    "      --node              NODE_OPTIONS too, as `waybill exec` sets it\n"
	    "      --json              one JSON object\n",
	    command_env },
	{ "exec", "[OPTIONS] -- COMMAND [ARGUMENT…]",
	    "Runs a command so that its calls go through waybill",
	    CONFIG_HELP CLIENT_HELP
	    "      --preload           for programs that know no proxy: lead their connections to\n"
	    "                          port 443 here, by LD_PRELOAD instead of NODE_OPTIONS; not\n"
	    "                          for static programs (Go: HTTPS_PROXY does) nor set-user-ID\n",
	    command_exec },
	{ "doctor", "[--json] [-- COMMAND ARGS]",
	    "Checks that calls are recorded, and where a command's calls go",
	    CONFIG_HELP
	    "      --env               run COMMAND as with `waybill env`: no preload for Node\n"
	    "      --json              one JSON object; COMMAND's output goes to standard error\n",
	    command_doctor },
	{ "types", "",
	    "Prints TypeScript for the table, with unions from the service files",
	    CONFIG_HELP, command_types },
	{ "ca", "show|export|renew",
	    "Shows, prints or renews the certificate clients must trust",
	    CONFIG_HELP
	    "      --root              renew: a new root too; clients must trust the new one\n",
	    command_ca },
	{ "version", "", "Prints the version", "", command_version },
};

static void print_usage(FILE *out)
{
	(void)fprintf(out,
	    "usage: waybill COMMAND [OPTIONS]\n\n"
	    "waybill records every call your services make to other people's APIs.\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		(void)fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	}
	(void)fprintf(out, "\n`waybill COMMAND --help` says more.\n");
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return &commands[i];
		}
	}
	return NULL;
}

int command_version(const struct command *command, int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		return command_help(command);
	}
	if (argc > 1) {
		return command_misuse(command, "%s is not expected", argv[1]);
	}
	(void)printf("waybill %s\n", WAYBILL_VERSION);
	return EXIT_FINE;
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0) {
		command = argc > 2 ? find(argv[2]) : NULL;
		if (command) {
			return command_help(command);
		}
		print_usage(stdout);
		return EXIT_FINE;
	}
	command = find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
	if (!command) {
		(void)fprintf(stderr,
		    "waybill: there is no command %s; see `waybill help`\n", argv[1]);
		return EXIT_USAGE;
	}
	opterr = 0;
	return command->run(command, argc - 1, argv + 1);
}

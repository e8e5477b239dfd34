/* SPDX-License-Identifier: MIT */
/*
 * command: the subcommands of waybill, one function each, and what they share.
 *
 * Exit codes: 0 fine, 1 it failed, 2 the call or the configuration is wrong.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "cmd/settings.h"

struct route_table;

enum exit_code { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
	const char *name;
	const char *synopsis; /* what follows the name */
	const char *summary;  /* one line */
	const char *help;     /* the options, a line each */
	/* argv[0] is the name of the command. Returns the exit code. */
	int (*run)(const struct command *command, int argc, char **argv);
};

int command_run(const struct command *command, int argc, char **argv);
int command_check(const struct command *command, int argc, char **argv);
int command_explain(const struct command *command, int argc, char **argv);
int command_tail(const struct command *command, int argc, char **argv);
int command_stats(const struct command *command, int argc, char **argv);
int command_outbox(const struct command *command, int argc, char **argv);
int command_cleanup(const struct command *command, int argc, char **argv);
int command_migrate(const struct command *command, int argc, char **argv);
int command_verify(const struct command *command, int argc, char **argv);
int command_coverage(const struct command *command, int argc, char **argv);
int command_env(const struct command *command, int argc, char **argv);
int command_exec(const struct command *command, int argc, char **argv);
int command_doctor(const struct command *command, int argc, char **argv);
int command_types(const struct command *command, int argc, char **argv);
int command_ca(const struct command *command, int argc, char **argv);
int command_version(const struct command *command, int argc, char **argv);

/* Prints the command's help on standard output; returns EXIT_FINE. */
int command_help(const struct command *command);

/* Says what is wrong with the call, and where help is; returns EXIT_USAGE. */
int command_misuse(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* After getopt_long gave '?' or ':': says which option; returns EXIT_USAGE. */
int command_bad_option(const struct command *command, char **argv);

/* For a command whose only option is --config. Returns -1 to go on, else the exit code.
 */
int command_config_option(
    const struct command *command, int argc, char **argv, const char **ret_config);

/*
 * Loads the configuration: path, or the first of the usual places when NULL.
 * On failure prints why and returns EXIT_USAGE, else EXIT_FINE. Free with settings_free.
 */
int command_settings(const char *path, struct settings **ret_settings);

/* The same, with the routes of its services; free them with route_table_unref. */
int command_routes(
    const char *path, struct settings **ret_settings, struct route_table **ret_table);

/* state_dir/name, to free; NULL: no memory. */
char *command_state_path(const struct settings *settings, const char *name);

#endif

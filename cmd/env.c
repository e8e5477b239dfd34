/* SPDX-License-Identifier: MIT */
/*
 * env, exec: the environment that brings a program's calls to the proxy, printed for
 * somebody who sets it, or set for a command.
 */
#include "cmd/client_setup.h"
#include "cmd/program.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

/* As env(1), nohup(1) and sh have it. */
enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

#define CLIENT_OPTIONS                                                                   \
	{ "config", required_argument, NULL, 'c' }, { "help", no_argument, NULL, 'h' },  \
	    { "user", required_argument, NULL, 'u' },                                    \
	    { "host", required_argument, NULL, 'H' },

/* Reads an option that both have. Returns false when it is none. */
static bool read_option(int option, struct client_options *options)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		return true;
	case 'u':
		options->user = optarg;
		return true;
	case 'H':
		options->host = optarg;
		return true;
	default:
		return false;
	}
}

/* ---- env */

static int print_env(const struct command *command, const struct client_options *options,
    const struct client_format *format)
{
	struct client_setup setup;
	struct client_env env = { 0 };
	struct buf out = { 0 };
	struct err err;
	int rc = client_setup_make(command, options, &setup);

	if (rc == EXIT_FINE && (client_env_make(&setup.place, &env, &err) != 0 ||
	                           format->put(&out, &env, &err) != 0)) {
		(void)fprintf(stderr, "waybill env: %s\n", err.text);
		rc = EXIT_FAILED;
	}
	if (rc == EXIT_FINE &&
	    (out.failed || fwrite(out.ptr, 1, out.len, stdout) != out.len ||
	        fflush(stdout) != 0)) {
		(void)fprintf(stderr, "waybill env: cannot write\n");
		rc = EXIT_FAILED;
	}
	if (rc == EXIT_FINE) {
		client_setup_note(&setup);
	}
	buf_wipe(&out);
	client_env_finish(&env);
	client_setup_finish(&setup);
	return rc;
}

int command_env(const struct command *command, int argc, char **argv)
{
	static const struct option known[] = {
		CLIENT_OPTIONS{ "format", required_argument, NULL, 'f' },
		{ "files", required_argument, NULL, 'd' },
		{ "files-at", required_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "node", no_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	struct client_options options = { 0 };
	const char *format = "sh";
	int option;

	while ((option = getopt_long(argc, argv, ":c:f:h", known, NULL)) != -1) {
		if (read_option(option, &options)) {
			continue;
		}
		if (option == 'h') {
			return command_help(command);
		}
		if (option == 'f') {
			format = optarg;
		} else if (option == 'd') {
			options.files = optarg;
		} else if (option == 'a') {
			options.files_at = optarg;
		} else if (option == 'j') {
			format = "json";
		} else if (option == 'n') {
			options.node = true;
		} else {
			return command_bad_option(command, argv);
		}
	}
	if (optind < argc) {
		return command_misuse(command, "%s is not expected", argv[optind]);
	}
	if (options.files_at && !options.files) {
		return command_misuse(command, "--files-at needs --files");
	}
	if (!client_format_find(format)) {
		return command_misuse(
		    command, "%s is none of %s", format, client_format_names);
	}
	return print_env(command, &options, client_format_find(format));
}

/* ---- exec */

static int set_all(const struct client_env *env)
{
	for (size_t i = 0; i < env->count; i++) {
		if (setenv(env->item[i].name, env->item[i].value, 1) != 0) {
			(void)fprintf(stderr, "waybill exec: %s\n", strerror(errno));
			return EXIT_FAILED;
		}
	}
	return EXIT_FINE;
}

/* Says what LD_PRELOAD does nothing for. */
static void note_program(const char *name)
{
	switch (program_kind(name)) {
	case PROGRAM_STATIC:
		(void)fprintf(stderr,
		    "waybill exec: %s is linked statically, so --preload does nothing for it; "
		    "a Go program uses HTTPS_PROXY, which is set\n",
		    name);
		break;
	case PROGRAM_SECURE:
		(void)fprintf(stderr,
		    "waybill exec: %s is set-user-ID or set-group-ID, so --preload does nothing "
		    "for it\n",
		    name);
		break;
	case PROGRAM_OTHER:
		break;
	}
}

/* Returns only when it cannot become the command. */
static int become(char **argv)
{
	int code;

	(void)execvp(argv[0], argv);
	code = errno;
	(void)fprintf(stderr, "waybill exec: %s: %s\n", argv[0], strerror(code));
	return code == ENOENT || code == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

int command_exec(const struct command *command, int argc, char **argv)
{
	static const struct option known[] = {
		CLIENT_OPTIONS{ "preload", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	struct client_options options = { .node = true };
	struct client_setup setup;
	struct client_env env = { 0 };
	struct err err;
	int option;
	int rc;

	/* +: what follows the command belongs to it */
	while ((option = getopt_long(argc, argv, "+:c:h", known, NULL)) != -1) {
		if (read_option(option, &options)) {
			continue;
		}
		if (option == 'p') {
			options.preload = true;
			options.node = false;
			continue;
		}
		return option == 'h' ? command_help(command)
		                     : command_bad_option(command, argv);
	}
	if (optind >= argc) {
		return command_misuse(command, "a command is expected");
	}
	rc = client_setup_make(command, &options, &setup);
	if (rc == EXIT_FINE && client_env_make(&setup.place, &env, &err) != 0) {
		(void)fprintf(stderr, "waybill exec: %s\n", err.text);
		rc = EXIT_FAILED;
	}
	if (rc == EXIT_FINE) {
		rc = set_all(&env);
	}
	if (rc == EXIT_FINE && options.preload) {
		note_program(argv[optind]);
	}
	client_env_finish(&env);
	client_setup_finish(&setup);
	return rc == EXIT_FINE ? become(argv + optind) : rc;
}

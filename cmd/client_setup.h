/* SPDX-License-Identifier: MIT */
/*
 * client_setup: finds out where the proxy, the CA and the files for clients are, and
 * makes what is missing, for the commands that start or describe a client.
 */
#ifndef CMD_CLIENT_SETUP_H
#define CMD_CLIENT_SETUP_H

#include "cmd/client_env.h"
#include "cmd/command.h"

/* What the command line says; NULL or false: nothing. Borrowed. */
struct client_options {
	const char *config;
	const char *user; /* --user: one of access.credentials */
	const char *host; /* --host: HOST[:PORT] as the client reaches the proxy */
	const char
	    *files; /* --files: the folder for what clients read, made; NULL: the CA's */
	const char *files_at; /* --files-at: where the client sees that folder */
	bool node;            /* NODE_OPTIONS too */
	bool preload;         /* LD_PRELOAD too */
};

struct client_setup {
	struct settings *settings;
	struct client_place place;
	char *text[10]; /* owned: what place points to */
	size_t text_count;
	char host[254];
};

/*
 * Fills it in; says on standard error what is wrong. Returns the exit code. Free with
 * client_setup_finish, also after a failure.
 */
MUST_CHECK int client_setup_make(const struct command *command,
    const struct client_options *options, struct client_setup *ret_setup);

/* Says on standard error what of the caller's environment does not stay. */
void client_setup_note(const struct client_setup *setup);

void client_setup_finish(struct client_setup *setup);

/* The address for clients of this machine: loopback for a proxy that listens everywhere.
 */
const char *client_reachable(const char *listen_host);

/* The port that the kernel chose for the running proxy; 0: none runs. */
int client_running_port(const struct settings *settings);

/*
 * A file that came with this program: the first of these that is there, each relative to
 * the folder of the program. Gives a path to free, or NULL.
 */
char *client_installed(const char *const *candidates, size_t count);

/* The file with the address that `waybill run` listens on, for a configuration that lets
 * the kernel choose the port. */
#define CLIENT_LISTEN_FILE "listen"

#endif

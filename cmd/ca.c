/* SPDX-License-Identifier: MIT */
/*
 * ca: shows, exports and renews the certificate authority.
 */
#include "tls/ca.h"
#include "cmd/command.h"
#include "cmd/hosts.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static int show(const struct ca_facts *facts)
{
	char *whole =
	    realpath(facts->root_path, NULL); /* for copying into another shell */
	const char *root = whole ? whole : facts->root_path;

	(void)printf("root certificate   %s\n", root);
	(void)printf("SHA-256            %s\n", facts->fingerprint);
	(void)printf("valid until        %s\n", facts->not_after);
	(void)printf("root key           %s\n",
	    facts->has_root_key ? "kept" : "discarded after signing");
	(void)printf("intermediate until %s\n", facts->intermediate_not_after);
	(void)printf("may sign for      ");
	for (size_t i = 0; i < facts->host_count; i++) {
		(void)printf(" %s", facts->hosts[i]);
	}
	(void)printf("\n\nclients trust it with, for example:\n"
	             "  export NODE_EXTRA_CA_CERTS=%s\n"
	             "  curl --cacert %s …\n",
	    root, root);
	free(whole);
	return EXIT_FINE;
}

static int renew(
    const struct settings *settings, const struct ca_settings *where, bool all)
{
	struct route_table *table = NULL;
	struct host_list hosts = { 0 };
	struct err err;
	int rc = route_table_load(settings->services, &table, &err);

	if (rc != 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return EXIT_USAGE;
	}
	rc = host_list_init(&hosts, table, &err);
	if (rc == 0) {
		rc = ca_renew(where, hosts.item, hosts.count, !all, &err);
	}
	host_list_finish(&hosts);
	route_table_unref(table);
	if (rc != 0) {
		(void)fprintf(stderr, "waybill ca renew: %s\n", err.text);
		return EXIT_FAILED;
	}
	(void)printf("%s; restart `waybill run`%s\n",
	    all ? "made a new root and intermediate" : "signed a new intermediate",
	    all ? " and give clients the new root" : "");
	return EXIT_FINE;
}

static int act(const struct command *command, const struct settings *settings,
    const char *action, bool all)
{
	char *dir = command_state_path(settings, "ca");
	struct ca_settings where = { .dir = dir,
		.discard_root_key = settings->discard_root_key };
	struct ca *ca = NULL;
	struct err err;
	int rc = EXIT_FINE;

	if (strcmp(action, "renew") == 0) {
		rc = renew(settings, &where, all);
	} else if (strcmp(action, "show") != 0 && strcmp(action, "export") != 0) {
		rc = command_misuse(command, "%s is none of show, export, renew", action);
	} else if (ca_open_existing(&where, &ca, &err) != 0) {
		(void)fprintf(stderr, "waybill ca %s: %s\n", action, err.text);
		rc = EXIT_FAILED;
	} else if (strcmp(action, "show") == 0) {
		rc = show(ca_facts(ca));
	} else {
		(void)fputs(ca_facts(ca)->root_pem, stdout);
	}
	ca_close(ca);
	free(dir);
	return rc;
}

int command_ca(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "root", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct settings *settings = NULL;
	const char *config = NULL;
	bool all = false;
	int option;
	int rc;

	while ((option = getopt_long(argc, argv, ":c:h", options, NULL)) != -1) {
		if (option == 'c') {
			config = optarg;
		} else if (option == 'r') {
			all = true;
		} else if (option == 'h') {
			return command_help(command);
		} else {
			return command_bad_option(command, argv);
		}
	}
	if (optind + 1 != argc) {
		return command_misuse(command, "one of show, export, renew is expected");
	}
	rc = command_settings(config, &settings);
	if (rc == EXIT_FINE) {
		rc = act(command, settings, argv[optind], all);
		settings_free(settings);
	}
	return rc;
}

/* SPDX-License-Identifier: MIT */
/*
 * doctor: its command line, and the order of the checks.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/client_setup.h"
#include "cmd/command.h"
#include "cmd/doctor.h"
#include "cmd/doctor_run.h"
#include "routes/routes.h"

struct options {
	const char *config;
	char **argv; /* NULL: no command */
	bool json;
	bool env_only;
};

/* Returns -1 to go on, else the exit code. */
static int parse(
    const struct command *command, struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "env", no_argument, NULL, 'e' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	/* +: what follows the command belongs to it */
	while ((option = getopt_long(argc, argv, "+:c:h", names, NULL)) != -1) {
		if (option == 'c') {
			options->config = optarg;
		} else if (option == 'j') {
			options->json = true;
		} else if (option == 'e') {
			options->env_only = true;
		} else if (option == 'h') {
			return command_help(command);
		} else {
			return command_bad_option(command, argv);
		}
	}
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0) {
		return command_misuse(command,
		    "%s is not expected; a command follows after --", argv[optind]);
	}
	options->argv = optind < argc ? argv + optind : NULL;
	if (!options->argv && options->env_only) {
		return command_misuse(command, "--env is for a command after --");
	}
	return -1;
}

static void print_from(
    const struct options *options, const struct doctor_report *report, size_t from)
{
	struct buf out = { 0 };

	if (options->json) {
		return;
	}
	report_put(report, from, &out);
	(void)fwrite(buf_slice(&out).ptr, 1, out.len, stdout);
	(void)fflush(stdout);
	buf_finish(&out);
}

static void check_routes(struct doctor *doctor, struct route_table **ret_table)
{
	size_t hosts = 0;
	struct err err;

	if (route_table_load(doctor->settings->services, ret_table, &err) != 0) {
		report_add(doctor->report, FINDING_FAIL, "routes",
		    "`waybill check` shows the place", "%.*s",
		    (int)strcspn(err.text, "\n"), err.text);
		return;
	}
	doctor->table = *ret_table;
	for (size_t i = 0; i < route_table_count(*ret_table); i++) {
		hosts += route_table_service(*ret_table, i)->host_count;
	}
	report_add(doctor->report, FINDING_OK, "routes", NULL, "%zu services, %zu hosts",
	    route_table_count(*ret_table), hosts);
}

/* Each check prints its lines as soon as it has them: some take a while. */
static void check_all(
    struct doctor *doctor, const struct options *options, struct route_table **ret_table)
{
	size_t from = 0;

	report_add(doctor->report, FINDING_OK, "config", NULL, "%s",
	    options->config ? options->config : settings_default_path());
	check_routes(doctor, ret_table);
	doctor_check_files(doctor);
	print_from(options, doctor->report, from);
	from = doctor->report->count;
	doctor_check_port(doctor);
	if (doctor->table && !options->argv) {
		doctor_check_environment(doctor);
	}
	print_from(options, doctor->report, from);
	from = doctor->report->count;
	doctor_check_database(doctor);
	print_from(options, doctor->report, from);
}

static void put_json(const struct doctor_report *report, const struct doctor_run *run)
{
	struct buf out = { 0 };

	buf_printf(&out, "{\"ok\":%s,\"checks\":",
	    report_level(report) == FINDING_FAIL ? "false" : "true");
	report_put_json(report, &out);
	if (run->argv && run->exit_code >= 0) {
		buf_printf(&out, ",\"command_exit\":%d", run->exit_code);
	}
	buf_puts(&out, "}\n");
	(void)fwrite(buf_slice(&out).ptr, 1, out.len, stdout);
	buf_finish(&out);
}

/* The proxy's address as seen from here; port 0 when it is not known. */
static void find_proxy(struct doctor *doctor)
{
	const struct settings *settings = doctor->settings;

	(void)snprintf(doctor->host, sizeof(doctor->host), "%s",
	    client_reachable(settings->listen_host));
	doctor->port =
	    settings->listen_port ? settings->listen_port : client_running_port(settings);
}

static void examine(const struct command *command, const struct options *options,
    struct doctor *doctor, struct doctor_run *run)
{
	struct route_table *table = NULL;
	size_t from;

	find_proxy(doctor);
	check_all(doctor, options, &table);
	from = doctor->report->count;
	if (options->argv && report_level(doctor->report) == FINDING_FAIL) {
		report_add(doctor->report, FINDING_FAIL, "command", NULL,
		    "%s was not started: mend what is above first", options->argv[0]);
	} else if (options->argv) {
		doctor_run(command, doctor, run);
	}
	print_from(options, doctor->report, from);
	route_table_unref(table);
}

int command_doctor(const struct command *command, int argc, char **argv)
{
	struct options options = { 0 };
	struct doctor_report report = { 0 };
	struct doctor doctor = { .report = &report };
	struct settings *settings = NULL;
	struct doctor_run run = { .exit_code = -1 };
	const char *path;
	struct err err;
	int rc = parse(command, &options, argc, argv);

	if (rc >= 0) {
		return rc;
	}
	run = (struct doctor_run){ .config = options.config,
		.argv = options.argv,
		.env_only = options.env_only,
		.quiet = options.json,
		.exit_code = -1 };
	path = options.config ? options.config : settings_default_path();
	if (!path) {
		return command_settings(NULL, &settings); /* says that there is none */
	}
	if (settings_load(path, &settings, &err) == 0) {
		doctor.settings = settings;
		examine(command, &options, &doctor, &run);
	} else {
		report_add(&report, FINDING_FAIL, "config",
		    "`waybill check` shows the place", "%.*s",
		    (int)strcspn(err.text, "\n"), err.text);
		print_from(&options, &report, 0);
	}
	if (options.json) {
		put_json(&report, &run);
	}
	rc = report_level(&report) == FINDING_FAIL ? EXIT_FAILED : EXIT_FINE;
	report_finish(&report);
	settings_free(settings);
	return rc;
}

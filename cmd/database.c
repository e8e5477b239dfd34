/* SPDX-License-Identifier: MIT */
#include "cmd/database.h"

#include "cmd/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_ages(const struct settings *settings, struct database_choice *choice)
{
	choice->success_ns = settings->retention_success_ns;
	choice->all_ns = settings->retention_all_ns;
}

/* --database without a configuration: the ages of an empty one. */
static int choose_given(
    const char *given, const char *config, struct database_choice *ret_choice)
{
	struct settings *settings = NULL;
	struct err err;
	int rc = EXIT_FINE;

	if (config) {
		rc = command_settings(config, &settings);
	} else if (settings_parse("defaults", SLICE(""), &settings, &err) != 0) {
		(void)fprintf(stderr, "waybill: %s\n", err.text);
		rc = EXIT_FAILED;
	}
	if (rc != EXIT_FINE) {
		return rc;
	}
	take_ages(settings, ret_choice);
	if (strcmp(given, "sqlite") == 0) {
		ret_choice->name = command_state_path(settings, "waybill.db");
	} else {
		ret_choice->name =
		    strdup(strncmp(given, "sqlite:", 7) == 0 ? given + 7 : given);
	}
	settings_free(settings);
	return ret_choice->name ? EXIT_FINE : EXIT_FAILED;
}

int database_choose(
    const char *given, const char *config, int store, struct database_choice *ret_choice)
{
	struct settings *settings = NULL;
	int rc;

	ret_choice->name = NULL;
	if (given) {
		return choose_given(given, config, ret_choice);
	}
	rc = command_settings(config, &settings);
	if (rc != EXIT_FINE) {
		return rc;
	}
	take_ages(settings, ret_choice);
	ret_choice->name = store || settings_is_sqlite(settings)
	                       ? command_state_path(settings, "waybill.db")
	                       : strdup(settings->database);
	settings_free(settings);
	return ret_choice->name ? EXIT_FINE : EXIT_FAILED;
}

/* SPDX-License-Identifier: MIT */
/*
 * doctor_run: starts a command under the environment of `waybill exec` and says where its
 * connections went.
 */
#ifndef CMD_DOCTOR_RUN_H
#define CMD_DOCTOR_RUN_H

#include "cmd/command.h"
#include "cmd/doctor.h"

struct doctor_run {
	const char *config;
	char **argv;
	bool env_only; /* as `waybill env` has it: without the preload for Node */
	bool quiet;    /* its output goes to standard error */
	int exit_code; /* of the command, as a shell has it; -1: not started */
};

/* Adds what it finds to the report. */
void doctor_run(
    const struct command *command, struct doctor *doctor, struct doctor_run *run);

#endif

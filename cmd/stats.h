/* SPDX-License-Identifier: MIT */
/*
 * stats: the views integration_stats_hourly and integration_stats_daily as tables.
 */
#ifndef CMD_STATS_H
#define CMD_STATS_H

#include <stdbool.h>
#include <stdio.h>

struct stats_options {
	const char *database; /* path of the store */
	bool json; /* {"hourly": […], "daily": […]} with the views' columns */
	FILE *out;
};

/*
 * The command. Complaints go to standard error.
 * Returns the exit code: 0, or 1: no database, or it cannot be read or out not written.
 */
int cmd_stats_run(const struct stats_options *options);

#endif

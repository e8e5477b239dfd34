/* SPDX-License-Identifier: MIT */
/*
 * stats_pg: `waybill stats` for PostgreSQL: the two views, and how large the table is,
 * which indexes are used, and which actions are slow.
 */
#ifndef CMD_STATS_PG_H
#define CMD_STATS_PG_H

#include "cmd/stats.h"

/*
 * The command, where options->database is postgresql://…. JSON is {"hourly": […],
 * "daily": […], "size": […], "indexes": […], "slowest": […]}. Complaints go to standard
 * error. Returns the exit code: 0, or 1.
 */
int cmd_stats_pg_run(const struct stats_options *options);

#endif

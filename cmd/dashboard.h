/* SPDX-License-Identifier: MIT */
/*
 * dashboard: the admin port beside the running proxy: what it is told of the other parts.
 *
 * Thread: main's.
 */
#ifndef CMD_DASHBOARD_H
#define CMD_DASHBOARD_H

#include "cmd/settings.h"

#include <stdatomic.h>

struct dashboard;
struct route_table;
struct storage;

/* What the admin port tells of; borrowed until dashboard_stop, but table: counted. */
struct dashboard_parts {
	const struct settings *settings;
	struct storage *storage;
	struct route_table *table;
	int proxy_port;
	const char *ca_root;        /* path of the certificate */
	atomic_int *listening_port; /* set when it listens */
};

/* A port that is taken is no error: the log says so, and it is tried again. */
MUST_CHECK int dashboard_start(const struct dashboard_parts *parts,
    struct dashboard **ret_dashboard, struct err *err);

/* After a reload. NULL is fine, here and below. */
void dashboard_reload(struct dashboard *dashboard, struct route_table *table);

/* The program is about to end: /readyz says so. */
void dashboard_drain(struct dashboard *dashboard);

/* Before storage_stop. */
void dashboard_stop(struct dashboard *dashboard);

#endif

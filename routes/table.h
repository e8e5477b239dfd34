/* SPDX-License-Identifier: MIT */
/*
 * table: the inside of a route table; shared by the files of routes/ only.
 */
#ifndef ROUTES_TABLE_H
#define ROUTES_TABLE_H

#include "routes/arena.h"
#include "routes/index.h"
#include "routes/routes.h"

#include <stdatomic.h>

/* What struct service calls its index. */
struct service_index {
	struct index *paths;       /* owned by the table */
	const struct names *names; /* the {names} of each route, by its order */
};

/* A host that a service claims. */
struct host {
	struct slice name; /* lower-case, without the "*." */
	bool wildcard;
	const struct service *service;
	int line; /* in the service's file */
	struct host *next;
};

/* A compiled pattern that the table owns. */
struct held_pattern {
	struct pattern *pattern;
	struct held_pattern *next;
};

struct route_table {
	atomic_uint refs;
	struct arena arena;
	struct service *services;
	size_t service_count;
	struct host *host_list;    /* while loading: linked by next */
	const struct host **hosts; /* afterwards: sorted by name, exact before wildcard */
	size_t host_count;
	struct held_pattern *patterns;
};

#endif

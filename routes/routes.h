/* SPDX-License-Identifier: MIT */
/*
 * routes: which service and action a request belongs to.
 *
 * The table is immutable and counted: a reload makes a new one, and calls in flight keep
 * the one they began with. Reading needs no lock; ref and unref are atomic.
 */
#ifndef ROUTES_ROUTES_H
#define ROUTES_ROUTES_H

#include "base/err.h"
#include "base/slice.h"
#include "routes/service.h"

struct route_table;

/*
 * Reads every file that the glob pattern names (sorted by name) and compiles them.
 * No file at all is an error. Errors name FILE:LINE:COLUMN; nothing is returned then.
 */
MUST_CHECK int route_table_load(
    const char *glob_pattern, struct route_table **ret_table, struct err *err);

/* One service from memory (fuzz targets, unit tests). */
MUST_CHECK int route_table_parse(
    const char *name, struct slice text, struct route_table **ret_table, struct err *err);

struct route_table *route_table_ref(struct route_table *table);
void route_table_unref(struct route_table *table); /* NULL is fine */

size_t route_table_count(const struct route_table *table);
const struct service *route_table_service(const struct route_table *table, size_t i);

/*
 * The service that owns a host, or NULL. The host comes without port, any case, with or
 * without a trailing dot. An exact name goes before a wildcard, a longer wildcard before
 * a shorter one.
 */
const struct service *route_table_host(
    const struct route_table *table, struct slice host);

#define ROUTE_PARAMS_MAX  16
#define ROUTE_ACTION_SIZE 128

struct route_param {
	const char *name;   /* borrowed from the table */
	struct slice value; /* borrowed from the normalised path below */
};

struct route_match {
	const struct service *service;
	const struct route *route;      /* &service->other when none matched */
	char action[ROUTE_ACTION_SIZE]; /* template filled in, lower-case [a-z0-9_] for
	                                   its parts */
	struct route_param param[ROUTE_PARAMS_MAX];
	size_t param_count;
	char *path; /* owned: the normalised path that the params point into */
};

/*
 * Finds the first route in file order for a method and a request target (origin-form,
 * with or without its query). The path is percent-decoded once, // collapsed and a
 * trailing / dropped, for matching only. Cost: the length of the path, not the number of
 * routes. Returns 0 or -ENOMEM. Free with route_match_finish.
 */
MUST_CHECK int route_match(const struct service *service, struct slice method,
    struct slice target, struct route_match *ret_match);
void route_match_finish(struct route_match *match);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * suggest: YAML to paste into service files, from paths and hosts without a route.
 */
#ifndef CMD_SUGGEST_H
#define CMD_SUGGEST_H

#include "base/buf.h"
#include "routes/service.h"

#include <stdint.h>

struct route_table;

/* A path template (record/path_template.h) of a service. Texts are borrowed. */
struct unrouted_path {
	const struct service *service;
	const char *method;
	const char *path;
	int64_t count;
};

struct unrouted_host {
	const char *host;
	int64_t count;
};

/*
 * Appends the routes for these paths of one service, the special before the general, so
 * that none is never reached; duplicates are joined. paths is sorted and changed.
 */
void suggest_routes(const struct service *service, struct unrouted_path *paths,
    size_t count, struct buf *out);

/*
 * Appends a whole service file for hosts of one domain. taken: its name is not one of
 * these services'.
 */
void suggest_service(const struct route_table *taken, const struct unrouted_host *hosts,
    size_t count, struct buf *out);

/*
 * The domain that a host belongs to, as far as can be told without a list of public
 * suffixes: example.com of api.eu.example.com, example.co.uk of www.example.co.uk. ptr
 * NULL: a service file cannot name this host (an address, or no host name).
 */
struct slice suggest_domain(struct slice host);

/* The action for a method and a path template: get_leads_by_id. */
void suggest_action(struct slice method, struct slice path, struct buf *out);

#endif

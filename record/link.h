/* SPDX-License-Identifier: MIT */
/*
 * link: which thing of ours a call is about. Only where an application said so; never by
 * the looks of a value (DESIGN.md, section 4).
 */
#ifndef RECORD_LINK_H
#define RECORD_LINK_H

#include "record/call.h"
#include "record/watch.h"

struct entity {
	char type[65]; /* "" when there is none */
	struct uuid id;
};

/* Adds the pointers of the route's selectors to the watch of the request. Returns the
 * first. */
int link_watch(const struct route *route, struct watch *watch);

/* Returns whether an entity was found. */
bool link_entity(const struct call *call, const struct watch *watch, int first,
    struct entity *ret_entity);

#endif

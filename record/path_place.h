/* SPDX-License-Identifier: MIT */
/*
 * path_place: secrets by their place in a path that no route matches: what the service's
 * routes say of similar paths.
 */
#ifndef RECORD_PATH_PLACE_H
#define RECORD_PATH_PLACE_H

#include "routes/service.h"

/* A segment that a route writes as prefix{name}suffix. Borrowed from the table. */
struct path_place {
	struct slice prefix;
	struct slice name;
	struct slice suffix;
};

/*
 * Is the segment number at (from 0) of this normalised path a secret, because a route has
 * a secret {name} after the same beginning, or after the same word? Fills ret_place.
 */
bool path_place_find(const struct service *service, struct slice path, size_t at,
    struct path_place *ret_place);

/* The segment number at; ptr NULL past the last one. */
struct slice path_segment_at(struct slice path, size_t at);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * path_template: what kind of path it is, without what is told by it:
 * /v1/users/8471/notes is /v1/users/{id}/notes. What is kept could stand in a service
 * file as a pattern.
 */
#ifndef RECORD_PATH_TEMPLATE_H
#define RECORD_PATH_TEMPLATE_H

#include "record/secrets.h"
#include "routes/service.h"

#define PATH_TEMPLATE_MAX 200 /* bytes; what would be longer ends in a star */

/*
 * Appends the template of a normalised path that no route of the service matches. Only
 * what looks like a word of an API is kept: numbers, ids, hex, base64, addresses and the
 * like become {id}, what is or looks like a secret becomes {token}, or what the service's
 * routes call it. secrets is sealed.
 */
void path_template_put(const struct service *service, struct secrets *secrets,
    struct slice path, struct buf *out);

/* Is this segment a word of an API, not a value? */
bool path_word(struct slice segment);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * pointer: JSON Pointers as a service file writes them.
 */
#ifndef ROUTES_POINTER_H
#define ROUTES_POINTER_H

#include "routes/arena.h"
#include "routes/service.h"

/* Tokens in one pointer; deeper payloads are cut by the JSON reader anyway. */
#define POINTER_TOKENS_MAX 32

/*
 * Parses text (RFC 6901 3 and 4, with "*" and a last "**": see struct pointer).
 *
 * Returns 0, -ENOMEM, or -EINVAL with what is wrong in *ret_why (a static string).
 */
int pointer_parse(struct arena *arena, struct slice text, struct pointer *ret_pointer,
    const char **ret_why);

#endif

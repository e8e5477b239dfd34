/* SPDX-License-Identifier: MIT */
/*
 * rest_json: JSON of clients, parsed strictly, every number digit for digit.
 */
#ifndef DASHBOARD_REST_JSON_H
#define DASHBOARD_REST_JSON_H

#include "dashboard/rest_arena.h"
#include "dashboard/rest_error.h"

#include <stdbool.h>
#include <stddef.h>

#define REST_JSON_DEPTH 200
#define REST_ROWS_MAX   10000

enum rest_json_kind {
	REST_JSON_NULL,
	REST_JSON_SCALAR,
	REST_JSON_STRING,
	REST_JSON_NESTED
};

struct rest_member {
	struct rest_member *next; /* in the order of the text */
	struct slice name;
	enum rest_json_kind kind;
	struct slice text; /* of a string its content, else as json */
	struct slice json; /* the value as JSON text */
};

struct rest_object {
	struct rest_object *next;
	struct rest_member *first;
	size_t count; /* of members */
};

struct rest_body {
	struct rest_object *first;
	size_t count;
	bool is_array;
};

/* Reads an object or an array of objects. False: PGRST102. */
bool rest_json_rows(struct rest_arena *arena, struct slice text,
    struct rest_body *ret_body, struct rest_error *error);

/* NULL: it has no member of that name. */
const struct rest_member *rest_json_member(
    const struct rest_object *object, struct slice name);

/* One JSON value of any kind, written anew without blanks. False: 22P02. */
bool rest_json_clean(struct rest_arena *arena, struct slice text, struct slice *ret_json,
    struct rest_error *error);

#endif

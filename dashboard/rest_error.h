/* SPDX-License-Identifier: MIT */
/*
 * rest_error: an error in PostgREST's form: {"code","message","details","hint"}.
 * Source: docs.postgrest.org/en/stable/references/errors.html
 */
#ifndef DASHBOARD_REST_ERROR_H
#define DASHBOARD_REST_ERROR_H

#include "sql/ask.h"

#include <stdbool.h>

struct rest_error {
	int status; /* HTTP */
	char code[12];
	char message[600];
	char details[600]; /* "": null */
	char hint[300];    /* "": null */
};

/* Fills it in without details and hint. Returns false, for `return rest_fail(…)`. */
bool rest_fail(struct rest_error *error, int status, const char *code, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

/* Adds the details. Returns false. */
bool rest_details(struct rest_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What the database said, with the status that PostgREST gives it. Returns false. */
bool rest_fail_ask(struct rest_error *error, const struct ask_fault *fault);

bool rest_fail_memory(struct rest_error *error);

#endif

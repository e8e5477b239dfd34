/* SPDX-License-Identifier: MIT */
/*
 * rest_scan: reading PostgREST's grammar from one parameter. For rest_parse.c,
 * rest_filter.c.
 */
#ifndef DASHBOARD_REST_SCAN_H
#define DASHBOARD_REST_SCAN_H

#include "dashboard/rest_query.h"

struct scan {
	struct rest_arena *arena;
	const struct rest_table *table;
	struct rest_error *error;
	const char *what;   /* "filter", "order", … for the message */
	struct slice whole; /* the parameter, decoded */
	struct slice rest;  /* what is not read yet */
	size_t *conditions; /* of the whole query, so far */
};

/* PGRST100 at where the scan stands. Returns false. */
bool scan_fail(struct scan *scan, const char *expected);

/* Takes text from the front, if it is there. */
bool scan_take(struct scan *scan, struct slice text);

bool scan_at_end(const struct scan *scan);

void scan_blanks(struct scan *scan);

/* A name: quoted, or letters, digits, _, $, blanks and lone hyphens. False: an error. */
bool scan_name(struct scan *scan, struct slice *ret_name);

/* A quoted text with \" and \\ in it; only where a quote is next. */
bool scan_quoted(struct scan *scan, struct slice *ret_text);

/* A column with a JSON path. False: an error, also when there is no such column. */
bool scan_field(struct scan *scan, struct rest_field *ret_field);

/* The path alone. */
bool scan_path(struct scan *scan, struct rest_field *field);

/* The column of that name, or the error 42703. */
bool scan_column(
    struct scan *scan, struct slice name, const struct rest_column **ret_column);

/* eq.5, not.in.(1,2), is.null …; in_group: a comma or a parenthesis ends the value. */
bool scan_test(struct scan *scan, bool in_group, struct rest_filter *filter);

/* The conditions in parentheses after and, or. */
bool scan_group(struct scan *scan, struct rest_filter *group, int depth);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * path: what a path pattern means, and the form of a request's path that is compared with
 * it.
 */
#ifndef ROUTES_PATH_H
#define ROUTES_PATH_H

#include "routes/arena.h"
#include "routes/routes.h"

#define PATH_SEGMENTS_MAX 32

enum segment_kind {
	SEGMENT_LITERAL, /* emails         text is the prefix */
	SEGMENT_PARAM,   /* bot{token}.js  any text of one byte or more between prefix and
	                    suffix */
	SEGMENT_REST, /* send*          the prefix and anything after it, over slashes too
	               */
};

struct path_segment {
	enum segment_kind kind;
	struct slice prefix;
	struct slice suffix; /* SEGMENT_PARAM only */
};

/* A pattern taken apart. Text borrows from the arena. */
struct path_pattern {
	struct path_segment segment[PATH_SEGMENTS_MAX];
	size_t count;
	const char *name[ROUTE_PARAMS_MAX]; /* of the {names}, in order */
	size_t name_count;
};

/*
 * Takes a pattern apart; with fold its literal text is lower-cased.
 * Returns 0, -ENOMEM, or -EINVAL with what is wrong in *ret_why (a static string).
 */
int path_pattern_parse(struct arena *arena, struct slice text, bool fold,
    struct path_pattern *ret_pattern, const char **ret_why);

/*
 * Writes the path of a request target as it is matched: without query and fragment,
 * percent-decoded once, beginning with one "/", no "//", no "/" at the end but in "/"
 * itself. out must hold target.len + 1 bytes. Returns the length written.
 */
size_t path_normalise(struct slice target, char *out);

/*
 * Splits a normalised path into literal segments, at most PATH_SEGMENTS_MAX of them.
 * Returns how many there are; *ret_more: the path goes on after the last one.
 */
size_t path_split(struct slice path, struct path_segment ret_segments[PATH_SEGMENTS_MAX],
    bool *ret_more);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * coverage: what is recorded, what passes by unrecorded, and what to put into the service
 * files. The command line is cmd/coverage_command.c.
 */
#ifndef CMD_COVERAGE_H
#define CMD_COVERAGE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

struct route_table;
struct sqlite3;

struct coverage_options {
	const char *database; /* the store's path */
	const struct route_table *table;
	int64_t since_us; /* what was last seen before then is left out; 0: nothing is */
	const char *only; /* suggest: one host or one service; NULL: all */
};

/* Opens the store for reading; says so when it holds no counts yet. */
MUST_CHECK int coverage_open(const char *path, struct sqlite3 **ret_db, struct err *err);

/* Each appends its text. Returns 0 or a negative errno with words in err. */
MUST_CHECK int coverage_tables(
    const struct coverage_options *options, struct buf *out, struct err *err);
MUST_CHECK int coverage_json(
    const struct coverage_options *options, struct buf *out, struct err *err);
MUST_CHECK int coverage_suggest(
    const struct coverage_options *options, struct buf *out, struct err *err);

/* A path template that no route of the host's service matches (any more). */
bool coverage_still_unrouted(const struct route_table *table, const char *host,
    const char *method, const char *path);

#endif

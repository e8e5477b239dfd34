/* SPDX-License-Identifier: MIT */
/*
 * coverage: how often what was recorded, and what passed by unrecorded, between two
 * writings to the store.
 *
 * properties  bounded: two tables of COVERAGE_ENTRIES, one that counts and one that is
 *             being written down. What clients name freely (hosts without a route) fills
 *             no more than three quarters of one.
 *
 * operation   any thread notes; the recorder takes the counts every few seconds and adds
 *             them to waybill_coverage and waybill_unrouted (sql/coverage.h).
 *
 * safety      noting waits for nothing but a short lock. What cannot be written stays and
 *             is tried again; what finds no room is lost and counted (coverage_lost).
 */
#ifndef RECORD_COVERAGE_H
#define RECORD_COVERAGE_H

#include "base/slice.h"

#include <stdint.h>

struct coverage;
struct err;
struct store;

enum { COVERAGE_ENTRIES = 1024 };

enum coverage_kind {
	COVERAGE_RECORDED,      /* a call that is a row */
	COVERAGE_ROUTED_TUNNEL, /* a routed host, tunnelled blind */
	COVERAGE_TLS_REJECTED,  /* a client that does not trust our certificate */
	COVERAGE_CLEARTEXT, /* https in absolute form, in clear up to here; a row too */
	COVERAGE_TUNNEL,    /* a host without a route, tunnelled blind */
	COVERAGE_UNROUTED_HTTPS, /* the same, asked for in absolute form */
	COVERAGE_UNROUTED_HTTP,
	COVERAGE_KIND_COUNT
};

/* As in the column kind. */
const char *coverage_kind_text(enum coverage_kind kind);

/* NULL: no memory. */
struct coverage *coverage_create(void);
void coverage_destroy(struct coverage *coverage); /* NULL is fine */

/* Counts one. host and client (an address without port, "" when not known) are copied,
 * cleaned and cut. Any thread. */
void coverage_note(struct coverage *coverage, enum coverage_kind kind, struct slice host,
    const char *client);

/* Counts one call on a routed host that no route matches; path is a template without any
 * secret (record/path_template.h). Any thread. */
void coverage_note_unrouted(
    struct coverage *coverage, struct slice host, struct slice method, const char *path);

/*
 * Writes down a part of the counts when that is due; all of them with last. The
 * recorder's thread, outside a batch. Returns 0, or a negative errno with words in err.
 */
int coverage_write(
    struct coverage *coverage, struct store *store, bool last, struct err *err);

/* When that is due next, monotonic nanoseconds. */
int64_t coverage_due_ns(const struct coverage *coverage);

#endif

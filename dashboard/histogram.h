/* SPDX-License-Identifier: MIT */
/*
 * histogram: durations in log-linear buckets, so that percentiles of any range can be
 * merged from those of its parts.
 *
 * Milliseconds below 32 have a bucket each; above, each power of two has 16. A percentile
 * is read as the middle of its bucket: at most 1/32, or 3.2 %, away from the value that
 * sorting would give.
 */
#ifndef DASHBOARD_HISTOGRAM_H
#define DASHBOARD_HISTOGRAM_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define HISTOGRAM_ERROR 0.032 /* relative, of a percentile */

enum {
	HISTOGRAM_BUCKETS = 27 * 16 + 16, /* up to 2^31 - 1 ms */
};

/* Zeroed: empty. */
struct histogram {
	uint64_t total;
	uint64_t count[HISTOGRAM_BUCKETS];
};

/* Which bucket a duration is in; what is negative counts as 0. */
int histogram_index(int64_t ms);

void histogram_add(struct histogram *histogram, int index, uint64_t count);
void histogram_merge(struct histogram *into, const struct histogram *from);

/*
 * As text, "INDEX:COUNT INDEX:COUNT …" in rising order, both in decimal: how a rollup
 * keeps it. parse adds to what is there; false: it is no such text.
 */
void histogram_put(struct buf *out, const struct histogram *histogram);
bool histogram_parse(struct histogram *histogram, struct slice text);

/* Adds durations in ms: decimals with a comma between, as databases list them. False:
 * these are none. */
bool histogram_parse_list(struct histogram *histogram, struct slice text);

/* The smallest value that `share` (0 to 1) of all do not exceed; -1: there is none. */
int64_t histogram_percentile(const struct histogram *histogram, double share);

#endif

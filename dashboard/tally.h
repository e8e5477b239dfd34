/* SPDX-License-Identifier: MIT */
/*
 * tally: sums by the values of some columns: a hash table whose entries keep their place.
 */
#ifndef DASHBOARD_TALLY_H
#define DASHBOARD_TALLY_H

#include "dashboard/histogram.h"

#include <stddef.h>

enum { TALLY_FIELDS = 5, TALLY_TIME = 32 };

struct tally_entry {
	struct slice field[TALLY_FIELDS]; /* copies, in `text` */
	uint64_t hash;
	uint64_t count;
	uint64_t failed;
	int64_t duration_sum;   /* ms */
	char first[TALLY_TIME]; /* created_at, ISO 8601; "" before any */
	char last[TALLY_TIME];
	bool long_poll;
	struct histogram histogram;
	char text[];
};

/* Zeroed but for max: empty. */
struct tally {
	struct tally_entry **entry; /* owned; in order of first appearance */
	size_t count;
	size_t cap;
	size_t *slot; /* owned: 1 + place in entry; 0: free */
	size_t slots; /* a power of two */
	size_t max;   /* entries; 0: any number */
	bool over;    /* some were left out because of max */
};

/*
 * The entry with these fields, made when it is new. NULL: no memory, or there would be
 * more than max (tally->over is then set).
 */
struct tally_entry *tally_at(
    struct tally *tally, const struct slice *field, size_t count);

/* Widens first and last by a span; both may be empty. */
void tally_span(struct tally_entry *entry, struct slice first, struct slice last);

/* Most counted first. */
void tally_sort(struct tally *tally);

void tally_finish(struct tally *tally);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * tail: shows rows as they arrive, and again when their status changes.
 *
 * Reads the store beside a running `waybill run`. New rows are followed by their rowid
 * and changes by a sequence number, never by a clock: none is missed and none shown
 * twice.
 */
#ifndef CMD_TAIL_H
#define CMD_TAIL_H

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

struct tail_options {
	const char *database; /* path of the store */
	const char *service; /* NULL: all; else one name or several with commas between */
	const char *action;  /* likewise */
	const char *status;  /* likewise: success, failed, pending, retrying */
	bool json;           /* one JSON object per line, all columns */
	bool follow;         /* go on until *stop, or until nobody reads out */
	unsigned lines;      /* how many of the last rows to begin with; usual: 10 */
	FILE *out;
	const volatile sig_atomic_t *stop; /* set by a signal handler; NULL: never */
};

/*
 * The command. Complaints go to standard error.
 * Returns the exit code: 0; 1 no database or it cannot be read; 2 an unknown status.
 */
int cmd_tail_run(const struct tail_options *options);

/* Its parts, for tests. The options stay borrowed until tail_close. */
struct tail;

MUST_CHECK int tail_open(
    const struct tail_options *options, struct tail **ret_tail, struct err *err);

/*
 * Shows the last rows the first time, after that what is new since; flushes out.
 * Returns how many rows were shown, or a negative errno.
 */
MUST_CHECK int tail_poll(struct tail *tail, struct err *err);

/* NULL is fine. */
void tail_close(struct tail *tail);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * cleanup: deletes what retention.success and retention.all no longer allow, in batches
 * of a transaction each, from PostgreSQL or from the store beside a running waybill.
 */
#ifndef CMD_CLEANUP_H
#define CMD_CLEANUP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cleanup_options {
	const char *database; /* postgresql://…, or the path of the store */
	int64_t success_ns;   /* retention.success */
	int64_t all_ns;       /* retention.all */
	bool json;            /* {"deleted": N} */
	FILE *out;
	FILE *progress; /* a terminal for a line that counts; NULL: none */
	const volatile sig_atomic_t *stop; /* set by a signal handler; NULL: never */
};

/*
 * The command. Complaints go to standard error. What was deleted before a failure, or
 * before *stop, stays deleted; a second run goes on from there.
 * Returns the exit code: 0, or 1: not all of it could be deleted.
 */
int cmd_cleanup_run(const struct cleanup_options *options);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * outbox: rows that PostgreSQL does not have yet, and those it refused.
 *
 * Works on the store, beside a running `waybill run` or without one; the server is not
 * asked.
 */
#ifndef CMD_OUTBOX_H
#define CMD_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum outbox_action {
	OUTBOX_ACTION_LIST,  /* refused rows first, then those that wait, oldest first */
	OUTBOX_ACTION_RETRY, /* puts refused rows back in line */
	OUTBOX_ACTION_DROP,  /* gives refused rows up: they stay in the store only */
};

struct outbox_options {
	const char *database; /* path of the store */
	enum outbox_action action;
	/* retry and drop: these rows; none: all that were refused */
	const char *const *ids;
	size_t id_count;
	unsigned limit; /* list: so many rows of each kind; 0: all */
	bool json; /* list: {"waiting", "refused", "rows": […]}; else {"changed"} */
	FILE *out;
};

/*
 * The command. Complaints go to standard error.
 * Returns the exit code: 0; 1 no database, or an id is not that of a refused row; 2 an id
 * is no UUID.
 */
int cmd_outbox_run(const struct outbox_options *options);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * verify: proves that a PostgreSQL database is what waybill needs, by trying it.
 *
 * All of it happens in one transaction that is rolled back: nothing stays behind.
 */
#ifndef CMD_VERIFY_H
#define CMD_VERIFY_H

#include <stdio.h>

struct verify_options {
	const char *database; /* postgresql://… */
	FILE *out; /* a line for each check: its mark, its name, what is wrong */
};

/*
 * The command. Complaints that are no check's result go to standard error.
 * Returns the exit code: 0; 1 a check failed, or no connection; 2 the database is none.
 */
int cmd_verify_run(const struct verify_options *options);

#endif

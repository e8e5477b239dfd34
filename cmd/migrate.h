/* SPDX-License-Identifier: MIT */
/*
 * migrate: brings a PostgreSQL database to the tables that this waybill needs.
 *
 * What was applied is kept in public.waybill_migrations. All that is missing is applied
 * in one transaction, behind an advisory lock: two runs at once do the work once.
 */
#ifndef CMD_MIGRATE_H
#define CMD_MIGRATE_H

#include <stdbool.h>
#include <stdio.h>

struct migrate_options {
	const char
	    *database; /* postgresql://…; "sqlite" only with dry_run: all is printed */
	bool dry_run;  /* print the SQL that would run, and change nothing */
	bool all;      /* also what was applied already: puts back what was dropped */
	FILE *out;
};

/*
 * The command. Complaints go to standard error.
 * Returns the exit code: 0; 1 it failed, and nothing was changed; 2 the database is none.
 */
int cmd_migrate_run(const struct migrate_options *options);

#endif

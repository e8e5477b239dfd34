/* SPDX-License-Identifier: MIT */
/*
 * migrations: sql/migrations/NUMBER_name.sql, built into the program by migrations.py.
 */
#ifndef CMD_MIGRATIONS_H
#define CMD_MIGRATIONS_H

struct migration {
	int number;
	const char *name; /* of the file */
	const char *sql;  /* without the BEGIN and COMMIT that paste-able files hold */
};

/* By number; ends with a name of NULL. */
extern const struct migration migrations[];

#endif

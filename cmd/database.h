/* SPDX-License-Identifier: MIT */
/*
 * database: which database a command works on: --database, else what the configuration
 * says.
 */
#ifndef CMD_DATABASE_H
#define CMD_DATABASE_H

#include <stdint.h>

struct database_choice {
	char *name; /* to free: postgresql://…, or the path of a store; NULL: it was said
	               why */
	int64_t success_ns; /* retention of the configuration, or the defaults */
	int64_t all_ns;
};

/*
 * given: --database or NULL; config: --config or NULL. A given database needs no
 * configuration. store: of the two that a configuration with a PostgreSQL server has,
 * choose the local store. Returns an exit code: EXIT_FINE when there is a name.
 */
int database_choose(
    const char *given, const char *config, int store, struct database_choice *ret_choice);

#endif

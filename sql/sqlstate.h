/* SPDX-License-Identifier: MIT */
/*
 * sqlstate: what to do by the code of PostgreSQL's error.
 */
#ifndef SQL_SQLSTATE_H
#define SQL_SQLSTATE_H

#include <stdbool.h>

enum delivery_class {
	DELIVERY_OK,
	DELIVERY_TRANSPORT, /* connect again, send again */
	DELIVERY_READ_ONLY, /* the same, and hope for another server */
	DELIVERY_RESOURCES, /* wait, send again */
	DELIVERY_TOO_SLOW,  /* the same with smaller batches */
	DELIVERY_DATA,      /* a value of one of the rows: find it */
	DELIVERY_SCHEMA,    /* no row is at fault: hold everything until it is mended */
	DELIVERY_LOCAL,     /* our own store or memory */
};

/*
 * has_constraint: the error names a constraint. Without a name a check violation (23514)
 * says that no partition takes the row. Unknown codes are DELIVERY_RESOURCES: nothing is
 * lost by waiting.
 */
enum delivery_class sqlstate_class(const char *sqlstate, bool has_constraint);

/* What a person can do; a static string, NULL where there is nothing. */
const char *sqlstate_advice(const char *sqlstate, bool has_constraint);

#endif

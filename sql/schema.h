/* SPDX-License-Identifier: MIT */
/*
 * schema: the tables, indexes, views and triggers of the SQLite database.
 */
#ifndef SQL_SCHEMA_H
#define SQL_SCHEMA_H

#include <stdbool.h>

struct sqlite3;

/* "Wayb": tells a database of ours from another program's (PRAGMA application_id). */
#define SCHEMA_APPLICATION_ID 0x57617962
#define SCHEMA_VERSION        3
#define SCHEMA_WITH_SLOTS     3 /* the first whose rollups are marked by five minutes */

enum schema_state {
	SCHEMA_OURS,    /* ours, or still empty */
	SCHEMA_FOREIGN, /* another program's, or its header is damaged */
	SCHEMA_NEWER,   /* made by a later waybill */
};

/* Looks at whose database this is. Returns SQLITE_OK or a code. */
int schema_look(struct sqlite3 *db, enum schema_state *ret_state);

/*
 * Makes what is missing, in one transaction. deliver: every row that changes from now on
 * is noted in waybill_outbox, else none is; what the outbox holds stays.
 * Returns SQLITE_OK or a code: then the transaction stays open, so that the connection
 * keeps its message, and closing rolls back.
 */
int schema_apply(struct sqlite3 *db, bool deliver);

#endif

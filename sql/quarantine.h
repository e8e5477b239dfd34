/* SPDX-License-Identifier: MIT */
/*
 * quarantine: sets a database that cannot be used aside, without deleting anything.
 */
#ifndef SQL_QUARANTINE_H
#define SQL_QUARANTINE_H

#include "base/err.h"

#include <stdbool.h>

/* Behind the name of the database: a file that says that rows could not be written to it.
 */
#define QUARANTINE_MARK "-damaged"

/*
 * Says in *ret_unfit whether what lies at path cannot be a database: an empty file, one
 * that does not begin as SQLite's do, one marked as damaged, or a journal without its
 * database. *ret_exists: there is a file. Returns 0 or a negative errno (not a regular
 * file, no right to it) with words in err.
 */
MUST_CHECK int quarantine_look(
    const char *path, bool *ret_exists, bool *ret_unfit, struct err *err);

/*
 * Renames the file and its -wal, -shm, -journal and mark to PATH.corrupt-TIME…; the
 * database must be closed. Gives the new name (free()).
 */
MUST_CHECK int quarantine_move(const char *path, char **ret_name, struct err *err);

#endif

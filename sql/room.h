/* SPDX-License-Identifier: MIT */
/*
 * room: what must still fit on a disk that is nearly full; not for other folders.
 *
 * A log whose pages find no room in the database file can never be begun anew: nothing is
 * written any more, and nothing can go either. So, of a disk that only waybill fills:
 *
 * invariant   the whole log fits into the database file, at most with the reserve
 *             (ballast.h). Each commit is held to it: those that take in rows without
 *             the reserve, given up or not (room_check); only what drops rows may use
 *             that, and as much of it as the log does not need (room_check_given).
 * hence       once the reserve is given up a checkpoint always succeeds, and with it the
 *             log is begun anew as soon as nobody reads in it. What the log has taken
 *             of the disk is then room for the next transaction, and beyond its bound
 *             it is given back.
 *
 * Other programs can still fill the disk while the log waits to be brought in. The
 * reserve is more than the log is long then, as a rule.
 */
#ifndef SQL_ROOM_H
#define SQL_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

/*
 * Bytes that are free on the disk of the store at path, without the reserve: less than
 * none while that is given up and used. False: not known.
 */
bool room_left(const char *path, int64_t *ret_bytes);

/*
 * To be called in a transaction that may let the database grow, before its COMMIT.
 * SQLITE_OK, or SQLITE_FULL or another code: then roll back.
 */
int room_check(sqlite3 *db);

/* The same where the reserve is given up for this transaction. */
int room_check_given(sqlite3 *db);

/*
 * Brings the log into the database file as far as its readers allow; begun anew by the
 * next transaction, when that was all of it and nobody reads in it. Also for after a
 * commit that found no room, so that the next one may.
 */
void room_bring_in(sqlite3 *db);

/*
 * Lets the log grow to at most a sixteenth of the file system before it is checkpointed
 * (usual: 1000 pages), so that a small disk does not fill up with it. Where little is
 * left on the disk each commit is.
 */
void room_bound_log(sqlite3 *db, const char *path);

#endif

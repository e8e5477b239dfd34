/* SPDX-License-Identifier: MIT */
/*
 * ballast: disk space held in reserve, so that a full disk can drain.
 *
 * Taking a delivered row out of SQLite's WAL mode needs a little room too (measured:
 * DELETE and checkpoint fail on a full file system as INSERT does).
 *
 * The reserve is a file; while it is given up the file stays, empty, so that others can
 * tell that its room is not theirs (sql/room.h).
 */
#ifndef SQL_BALLAST_H
#define SQL_BALLAST_H

#include <stdbool.h>
#include <stdint.h>

struct ballast {
	const char *path; /* borrowed; NULL: no ballast is kept */
	uint64_t bytes;
};

#define BALLAST_NAME  "ballast" /* of the file, beside the store */
#define BALLAST_BYTES (UINT64_C(8) << 20)

/*
 * Makes the file, or brings it to its size, where the disk has room for it twice: never
 * more than a sixth of the file system. Returns whether the disk has that room.
 */
bool ballast_keep(const struct ballast *ballast);

/* Puts what is free now, up to the size, into the file; none where that is little. */
void ballast_restore(const struct ballast *ballast);

/* Empties the file, if it is there. */
void ballast_give(const struct ballast *ballast);

/* By how much the file is smaller than it should be; 0 where no reserve is kept. */
uint64_t ballast_lent(const struct ballast *ballast);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * repair: a row that PostgreSQL does not take as it is, in a form that it may take.
 *
 * A repaired row says so: its payload is an object with "_repaired": true. Pure.
 */
#ifndef SQL_REPAIR_H
#define SQL_REPAIR_H

#include "sql/shipment.h"

enum repair {
	REPAIR_TEXTS = 1,    /* texts: clean UTF-8, short enough; numbers in range */
	REPAIR_REQUEST = 2,  /* request_payload as {"_text": "…"} */
	REPAIR_RESPONSE = 4, /* response_payload likewise */
};

/* What the server's refusals say about the columns; gathered over the attempts. */
struct repair_hint {
	size_t max_chars;     /* the narrowest varchar(n) named; 0: none */
	bool small_numbers;   /* an integer column may be a smallint */
	bool long_index;      /* an indexed text was too long */
	bool bad_time;        /* a date is none, or out of range */
	char null_column[64]; /* one that must not be NULL, or "" */
};

void repair_note(struct repair_hint *hint, const char *sqlstate, const char *message,
    const char *column);

/*
 * Sets the row's values to those of original (a copy of the row as it was) with the
 * repairs applied. Returns 1 when that differs from original in more than the flag, 0
 * when it does not, or -ENOMEM.
 */
MUST_CHECK int repair_row(struct shipment *batch, struct shipment_row *row,
    const struct shipment_row *original, unsigned repairs,
    const struct repair_hint *hint);

/*
 * Makes the values fit for the binary form: integers of 32 bits, UUIDs. Returns 1 when
 * something was changed (and flagged), 0 when all was well, -EINVAL when the id is no
 * UUID, or -ENOMEM.
 */
MUST_CHECK int repair_fit(struct shipment *batch, struct shipment_row *row);

#endif

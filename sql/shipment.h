/* SPDX-License-Identifier: MIT */
/*
 * shipment: rows on their way from the outbox to PostgreSQL, in memory.
 */
#ifndef SQL_SHIPMENT_H
#define SQL_SHIPMENT_H

#include "base/buf.h"
#include "base/err.h"
#include "sql/column.h"

enum row_fate {
	ROW_FATE_WAITING,   /* PostgreSQL has not said anything that counts */
	ROW_FATE_DELIVERED, /* confirmed */
	ROW_FATE_REFUSED,   /* not taken, however it was put */
};

/* A run of shipment->text; offsets, because the buffer moves when it grows. */
struct shipment_value {
	size_t at;
	size_t len;
	bool present; /* false: SQL NULL */
};

struct shipment_row {
	int64_t log_rowid;
	int64_t rev;
	enum row_fate fate;
	char sqlstate[6];              /* of a refusal */
	struct shipment_value refusal; /* its words */
	struct shipment_value value[COLUMN_COUNT];
};

/* A zeroed struct is an empty batch. */
struct shipment {
	struct shipment_row *row; /* owned; ascending log_rowid */
	size_t count;
	size_t cap;
	struct buf text; /* what the values point into */
};

/* Frees all. Zeroed memory is fine. */
void shipment_finish(struct shipment *batch);

/* Makes it empty; keeps the memory unless it is unusually much. */
void shipment_clear(struct shipment *batch);

/* Adds a row whose values are all NULL; NULL when out of memory. Valid until the next
 * one. */
struct shipment_row *shipment_add(struct shipment *batch, int64_t log_rowid, int64_t rev);

/* Points value at a copy of text. The old text stays in the buffer. 0 or -ENOMEM. */
MUST_CHECK int shipment_set(
    struct shipment *batch, struct shipment_value *value, struct slice text);

/* Borrowed until the batch changes; ptr NULL for SQL NULL. */
struct slice shipment_text(
    const struct shipment *batch, const struct shipment_value *value);

/* Is there a row with this log_rowid? */
bool shipment_has(const struct shipment *batch, int64_t log_rowid);

#endif

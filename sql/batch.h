/* SPDX-License-Identifier: MIT */
/*
 * batch: rows on their way from the outbox to PostgreSQL, in memory.
 */
#ifndef SQL_BATCH_H
#define SQL_BATCH_H

#include "base/buf.h"
#include "base/err.h"
#include "sql/column.h"

enum row_fate {
	ROW_FATE_WAITING,   /* PostgreSQL has not said anything that counts */
	ROW_FATE_DELIVERED, /* confirmed */
	ROW_FATE_REFUSED,   /* not taken, however it was put */
};

/* A run of batch->text; offsets, because the buffer moves when it grows. */
struct batch_value {
	size_t at;
	size_t len;
	bool present; /* false: SQL NULL */
};

struct batch_row {
	int64_t log_rowid;
	int64_t rev;
	enum row_fate fate;
	char sqlstate[6];           /* of a refusal */
	struct batch_value refusal; /* its words */
	struct batch_value value[COLUMN_COUNT];
};

/* A zeroed struct is an empty batch. */
struct batch {
	struct batch_row *row; /* owned; ascending log_rowid */
	size_t count;
	size_t cap;
	struct buf text; /* what the values point into */
};

/* Frees all. Zeroed memory is fine. */
void batch_finish(struct batch *batch);

/* Makes it empty; keeps the memory unless it is unusually much. */
void batch_clear(struct batch *batch);

/* Adds a row whose values are all NULL; NULL when out of memory. Valid until the next
 * one. */
struct batch_row *batch_add(struct batch *batch, int64_t log_rowid, int64_t rev);

/* Points value at a copy of text. The old text stays in the buffer. 0 or -ENOMEM. */
MUST_CHECK int batch_set(
    struct batch *batch, struct batch_value *value, struct slice text);

/* Borrowed until the batch changes; ptr NULL for SQL NULL. */
struct slice batch_text(const struct batch *batch, const struct batch_value *value);

/* Is there a row with this log_rowid? */
bool batch_has(const struct batch *batch, int64_t log_rowid);

#endif

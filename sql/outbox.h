/* SPDX-License-Identifier: MIT */
/*
 * outbox: which rows PostgreSQL does not have yet, or would not take.
 *
 * properties  an entry is made by a trigger, in the transaction that writes the row
 *             (store_settings.deliver), and names the row's revision; it is removed only
 *             for the revision that was delivered.
 * operation   read a batch → deliver it → settle it. Oldest row first.
 * safety      a second writing handle beside the recorder's: its transactions take about
 *             a millisecond, and it waits for the recorder's. One thread per handle; any
 *             number of handles and processes.
 */
#ifndef SQL_OUTBOX_H
#define SQL_OUTBOX_H

#include "sql/row.h"
#include "sql/shipment.h"

struct outbox;

/* Opens the outbox of the store at path, which must exist. 0 or a negative errno, words
 * in err. */
MUST_CHECK int outbox_open(const char *path, struct outbox **ret_outbox, struct err *err);

/* NULL is fine. */
void outbox_close(struct outbox *outbox);

struct outbox_limits {
	size_t rows;
	size_t bytes; /* a single row may be larger */
};

/*
 * Fills the empty batch with the oldest waiting rows as they are now, without those that
 * are in except (may be NULL). Returns 0 or a negative errno; the batch is then empty.
 */
MUST_CHECK int outbox_read(struct outbox *outbox, const struct outbox_limits *limits,
    const struct shipment *except, struct shipment *batch, struct err *err);

/*
 * Takes the delivered rows out and notes the refused ones, unless they have changed
 * since. All or nothing. Returns 0 or a negative errno (-ENOSPC: the disk is full).
 */
MUST_CHECK int outbox_settle(
    struct outbox *outbox, const struct shipment *batch, struct err *err);

struct outbox_counts {
	int64_t waiting;
	int64_t refused;
};

MUST_CHECK int outbox_count(
    struct outbox *outbox, struct outbox_counts *ret_counts, struct err *err);

/*
 * Puts a refused row (NULL: all of them) back in line, or forgets that it is to be
 * delivered; the row itself stays in the store. Returns how many, or a negative errno.
 */
int outbox_retry(struct outbox *outbox, const struct uuid *id, struct err *err);
int outbox_drop(struct outbox *outbox, const struct uuid *id, struct err *err);

/*
 * Settles on a full disk. Calls give_room(arg), which frees what was kept in reserve;
 * brings the log into the file; then drops the oldest rows that were delivered, at most
 * rows of them, so that new ones find room in the file. Returns how many, or a
 * negative errno (-ENOSPC: fewer may fit).
 */
int outbox_settle_full(struct outbox *outbox, const struct shipment *batch, int rows,
    void (*give_room)(void *arg), void *arg, struct err *err);

/* Bytes of the file that new rows can use before it has to grow; negative errno. */
int64_t outbox_free_bytes(struct outbox *outbox);

#endif

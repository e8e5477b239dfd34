/* SPDX-License-Identifier: MIT */
/*
 * batch: calls become rows, and rows of one wake-up one transaction (group commit).
 *
 * Thread: the recorder. Knows the store and the retry chains; does not know the queue.
 */
#ifndef RECORD_BATCH_H
#define RECORD_BATCH_H

#include "record/recorder.h"

enum { BATCH_MAX = 512 };

struct batch;
struct coverage;

/* Takes the store, also on failure; coverage is borrowed. Fails interrupted rows and
 * loads the chains. */
MUST_CHECK int batch_create(const struct record_settings *settings, struct store *store,
    struct coverage *coverage, struct batch **ret_batch, struct err *err);

/* Closes the store. NULL is fine. */
void batch_destroy(struct batch *batch);

/*
 * Stores and destroys calls (at most BATCH_MAX, linked by call.next), in their order.
 * When the transaction fails each row is tried once by itself; what then fails is a
 * counted loss. Returns the bytes charged to them.
 */
uint64_t batch_run(struct batch *batch, struct call *calls);

/* Were rows committed since the last flush? */
bool batch_is_dirty(const struct batch *batch);

/* Makes what is committed safe from a power cut. */
void batch_flush(struct batch *batch);

/* Deletes some rows past their age when that is due; INT64_MAX or when it is due next,
 * monotonic nanoseconds. */
int64_t batch_retain(struct batch *batch);

/* Tries whether the store can be written: 0, or a negative errno with words in err. */
MUST_CHECK int batch_check(struct batch *batch, struct err *err);

/* Writes down what was counted (record/coverage.h), where that is due; all of it with
 * last. */
void batch_write_coverage(struct batch *batch, bool last);

/* Tells the owner of a call that it is settled, and destroys it. */
void batch_settle(struct call *call);

#endif

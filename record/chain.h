/* SPDX-License-Identifier: MIT */
/*
 * chain: which attempts are the same call, made again (DESIGN.md, section 4).
 *
 * A link is the last failed attempt of a call, found by a keyed fingerprint, so that the
 * store holds nothing that tells the call. At most 65536 links: then the oldest goes.
 *
 * Thread: the recorder.
 */
#ifndef RECORD_CHAIN_H
#define RECORD_CHAIN_H

#include "base/err.h"
#include "record/call.h"
#include "sql/store.h"

struct chain;

/* What an attempt changes in the store, in the same transaction as its row. */
struct chain_step {
	bool mark; /* the earlier attempt has been made again */
	struct uuid earlier;
	bool put; /* this attempt is the last failed one */
	struct chain_link link;
	bool drop;  /* the call has succeeded: link.fingerprint */
	bool stale; /* a link whose time is over */
	uint8_t stale_fingerprint[16];
};

/*
 * key_path: a file of 32 random bytes, mode 0600, made when absent; NULL: a key for this
 * process alone. Errors: -EPERM the file can be read by others, -EINVAL it has another
 * length, or those of reading and writing it.
 */
MUST_CHECK int chain_create(
    const char *key_path, int64_t window_ns, struct chain **ret_chain, struct err *err);
void chain_destroy(struct chain *chain); /* NULL is fine */

/* Takes over a link from the store; out of memory it is left out. */
void chain_load(struct chain *chain, const struct chain_link *link);

/*
 * An attempt has its row: sets row->retry_count, and says what else is to be stored. A
 * call in flight only looks. Call it once per row, in order.
 */
void chain_advance(struct chain *chain, const struct call *call, struct row *row,
    struct chain_step *ret_step);

/* The row of that step could not be stored. */
void chain_forget(struct chain *chain, const struct chain_step *step);

/* Does the store's part of a step, inside a batch. 0 or a negative errno with err. */
MUST_CHECK int chain_store(struct store *store, const struct chain_step *step,
    int64_t updated_us, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * recorder: the thread that turns calls into rows.
 *
 * properties  owns the retry chains and the store handle that writes rows; calls of one
 *             worker are stored in the order submitted; one transaction per wake-up.
 *
 * operation   submit → queue → build row (decode, redact, judge, link) → commit →
 *             on_settled.
 *
 * safety      submit never blocks on disk: a full queue or a failed store is a counted
 *             loss.
 */
#ifndef RECORD_RECORDER_H
#define RECORD_RECORDER_H

#include "base/err.h"
#include "record/call.h"
#include "record/coverage.h"
#include "sql/store.h"

struct recorder;

enum capture_payload { PAYLOAD_BODY, PAYLOAD_EXCHANGE };

struct record_settings {
	uint64_t max_body; /* bytes of a payload kept in a row (capture.max_body) */
	enum capture_payload payload;
	int64_t retry_window_ns;
	int64_t retention_success_ns; /* older rows of the store go; 0: none do */
	int64_t retention_all_ns;
	uint64_t queue_bytes; /* record.queue */
	const char
	    *chain_key_path; /* 0600 file, made when absent: keys the fingerprints */
};

/* How many bytes of a body the proxy should capture: more than a row keeps, so that a
 * verdict can be read from a long answer and a multipart body can be taken apart. */
size_t recorder_capture_limit(const struct record_settings *settings);

/* Starts the thread; takes the store (closed by recorder_stop). Fails interrupted rows
 * first. */
MUST_CHECK int recorder_start(const struct record_settings *settings, struct store *store,
    struct recorder **ret_recorder, struct err *err);

/* Stores all that was submitted, then ends the thread and frees it. NULL is fine. */
void recorder_stop(struct recorder *recorder);

/*
 * Can the store be written? The recorder's thread tries it with a commit that leaves
 * nothing, once a second at most; rows that could not be stored lately count too. Any
 * thread; waits up to wait_ns. Returns 0, or a negative errno with words in err:
 * -ETIMEDOUT where the disk does not answer.
 */
MUST_CHECK int recorder_check(
    struct recorder *recorder, int64_t wait_ns, struct err *err);

/*
 * Takes the call, always. Any thread; waits for nothing but a short lock.
 * When the queue is over its bound bodies are shed first, then the call is lost and
 * counted; on_settled is called in every case (possibly before this returns).
 */
void recorder_submit(struct recorder *recorder, struct call *call);

/*
 * Counts one for `waybill coverage`: what passed unrecorded, and why (record/coverage.h).
 * client is an address without port. Any thread; waits for nothing but a short lock.
 */
void recorder_note(struct recorder *recorder, enum coverage_kind kind, struct slice host,
    const char *client);

#endif

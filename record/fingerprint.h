/* SPDX-License-Identifier: MIT */
/*
 * fingerprint: 16 bytes that say whether two attempts are the same call: HMAC-SHA256 (RFC
 * 2104) over service, action and Idempotency-Key or, without that field, over service,
 * action, method, host, target and body.
 */
#ifndef RECORD_FINGERPRINT_H
#define RECORD_FINGERPRINT_H

#include "base/err.h"
#include "record/call.h"

struct fingerprint_key;

/* The key from its file, see chain_create. */
MUST_CHECK int fingerprint_key_load(
    const char *path, struct fingerprint_key **ret_key, struct err *err);
void fingerprint_key_destroy(struct fingerprint_key *key); /* wipes; NULL is fine */

/* Returns false when the body is not known (it was shed) or there is no memory. */
bool fingerprint_make(
    const struct fingerprint_key *key, const struct call *call, uint8_t ret[16]);

#endif

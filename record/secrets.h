/* SPDX-License-Identifier: MIT */
/*
 * secrets: the credentials found in one call, and the masking of each wherever else it
 * stands in that call: raw, percent-encoded, behind backslashes, or inside base64.
 *
 * Thread: one. Use: add all, then secrets_seal, then mask.
 */
#ifndef RECORD_SECRETS_H
#define RECORD_SECRETS_H

#include "base/buf.h"
#include "record/finder.h"
#include "record/spans.h"

enum {
	SECRET_MIN_BYTES = 6, /* shorter ones would mask half of any text */
	SECRET_PAIRS = 8192,
};

struct secret;

/* A zeroed struct is empty. */
struct secrets {
	struct buf text;     /* all values, one after another; wiped */
	struct secret *item; /* owned */
	size_t count;
	size_t cap;
	/* More than can be looked for, or no memory: the caller keeps no text of this
	 * call. */
	bool overflow;

	/* private */
	uint64_t *seen; /* hashes of the values, against doubles */
	size_t seen_mask;
	uint64_t *head; /* the first bytes of every value, as a set */
	size_t head_mask;
	bool escaped;   /* the head of some value looks different in JSON text */
	bool marked_up; /* some value looks different in HTML */
	uint8_t
	    *far; /* by two bytes: how far from them a value may begin at the earliest */
	struct finder *finder; /* made when a head was met */
};

void secrets_finish(struct secrets *secrets);

/*
 * Notes a value (copied). What is no secret however it was found (too short,
 * "[redacted]", words such as "Bearer" or "password") is left out. "Bearer X", "1234:X"
 * and URLs bring X along.
 */
void secrets_add(struct secrets *secrets, struct slice value);

/* Words such as "Bearer", "expired" or "password" are no secrets. After names_init. */
bool secret_is_common(struct slice value);

/* No more will be added. */
void secrets_seal(struct secrets *secrets);

/* Notes where in text a value stands. Returns whether there is any. */
bool secrets_find(struct secrets *secrets, struct slice text, struct spans *spans);

/* False: no value stands in this JSON text, whatever way it is written there. */
bool secrets_may_be_in_json(const struct secrets *secrets, struct slice json);

/* Appends text to out, masked. */
void secrets_mask(struct secrets *secrets, struct slice text, struct buf *out);

/*
 * Masks within the strings, and whole numbers, of JSON text that our own writer wrote (or
 * of a part from its beginning); what was valid stays valid.
 */
void secrets_mask_json(struct secrets *secrets, struct buf *json);

#endif

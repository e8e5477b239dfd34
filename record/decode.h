/* SPDX-License-Identifier: MIT */
/*
 * decode: content codings undone for the row (RFC 9110 8.4): gzip, deflate, br, zstd,
 * stacked.
 *
 * The output is bounded twice: so much is kept, and after so much more the rest is not
 * even counted (a zip bomb costs what a large body costs).
 */
#ifndef RECORD_DECODE_H
#define RECORD_DECODE_H

#include "record/capture.h"

/* A zeroed struct is empty. */
struct decoding {
	struct buf out;    /* wiped */
	struct slice body; /* in clear; borrowed from out or from the capture */
	uint64_t bytes;    /* its length, as far as it is known when body is not whole */
	bool whole;        /* body is all of it */
	bool clear;        /* false: a coding is unknown or broken, body is empty */
	bool coded;        /* there was a coding to undo */
};

/* fields: the header lines of the message. keep: bytes of the output that are kept. */
void decode_body(const struct capture *capture, struct slice fields, size_t keep,
    struct decoding *ret);
void decode_finish(struct decoding *decoding);

#endif

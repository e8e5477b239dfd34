/* SPDX-License-Identifier: MIT */
/*
 * capture: the first bytes of a body, and the count (and, past the limit, the digest) of
 * all.
 *
 * Thread: the one that owns the call. Bodies are copied in as they pass, never held back.
 */
#ifndef RECORD_CAPTURE_H
#define RECORD_CAPTURE_H

#include "base/buf.h"

struct capture {
	struct buf bytes; /* the first `limit` bytes; wiped on finish */
	size_t limit;
	uint64_t total; /* bytes of the whole body so far */
	bool shed;      /* bytes were not kept because memory was short */
	void *digest;   /* SHA-256 of all bytes, running once total > limit; else NULL */
};

void capture_init(struct capture *capture, size_t limit);
void capture_finish(struct capture *capture);

/* Takes note of len more bytes, borrowed for the call. Never fails: out of memory marks
 * it shed. */
void capture_add(struct capture *capture, const void *data, size_t len);

/* Gives up the bytes kept, not the count: memory is short. */
void capture_shed(struct capture *capture);

/* The digest of the whole body in hexadecimal; false where it is not known. */
bool capture_sha256(const struct capture *capture, char ret_hex[65]);

/* Copies into an empty capture. Returns false: no memory. */
bool capture_copy(struct capture *to, const struct capture *from);

/* All bytes were kept. */
static inline bool capture_whole(const struct capture *capture)
{
	return !capture->shed && capture->total == capture->bytes.len;
}

#endif

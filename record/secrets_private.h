/* SPDX-License-Identifier: MIT */
/*
 * secrets_private: what secrets.c and secrets_mask.c share.
 */
#ifndef RECORD_SECRETS_PRIVATE_H
#define RECORD_SECRETS_PRIVATE_H

#include "record/secrets.h"

struct secret {
	size_t at; /* in secrets.text */
	size_t len;
	bool bounded; /* counts only where no letter or digit touches it */
};

/* The first SECRET_MIN_BYTES bytes as a number that is never 0. */
static inline uint64_t secret_head(const char *text)
{
	uint64_t head = 0;

	memcpy(&head, text, SECRET_MIN_BYTES);
	return head ? head : 1;
}

static inline size_t secret_head_slot(uint64_t head, size_t mask)
{
	return (size_t)((head * 0x9E3779B97F4A7C15u) >> 40) & mask;
}

/* The slot of two bytes in secrets.far. */
static inline size_t secret_pair(const char *pair)
{
	return ((unsigned int)(unsigned char)pair[0] << 5 ^ (unsigned char)pair[1]) %
	       SECRET_PAIRS;
}

#endif

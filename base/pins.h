/* SPDX-License-Identifier: MIT */
/*
 * pins: the public keys that a server's certificate chain must hold one of (RFC 7469 2.4:
 * the SHA-256 of a SubjectPublicKeyInfo). Plain values: copied and compared as they are.
 */
#ifndef BASE_PINS_H
#define BASE_PINS_H

#include "base/slice.h"

#include <stdint.h>

enum {
	PINS_MAX = 16,
	PIN_BYTES = 32,
	PIN_TEXT_SIZE = 7 + 44 + 1, /* "sha256/", base64, NUL */
};

/* Zeroed it is empty: any key will do. Sorted, without doubles. */
struct pins {
	size_t count;
	uint8_t sha256[PINS_MAX][PIN_BYTES];
};

/*
 * Adds "sha256/" and the base64 of 32 bytes. Returns 0, or -EINVAL or -E2BIG with what is
 * wrong in ret_why.
 */
int pins_add(struct pins *pins, struct slice text, const char **ret_why);

bool pins_have(const struct pins *pins, const uint8_t sha256[PIN_BYTES]);
bool pins_equal(const struct pins *a, const struct pins *b);

/* One pin as it is written. */
void pin_text(const uint8_t sha256[PIN_BYTES], char ret_text[PIN_TEXT_SIZE]);

#endif

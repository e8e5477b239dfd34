/* SPDX-License-Identifier: MIT */
/*
 * pins: a short sorted list.
 */
#include "base/pins.h"

#include <errno.h>
#include <openssl/evp.h>

#define SCHEME "sha256/"

enum {
	SCHEME_LEN = sizeof(SCHEME) - 1,
	BASE64_LEN = 44, /* of 32 bytes, with its "=" */
};

void pin_text(const uint8_t sha256[PIN_BYTES], char ret_text[PIN_TEXT_SIZE])
{
	memcpy(ret_text, SCHEME, SCHEME_LEN);
	(void)EVP_EncodeBlock(
	    (unsigned char *)ret_text + SCHEME_LEN, sha256, PIN_BYTES); /* and a NUL */
}

/* EVP_DecodeBlock forgives blanks and stray bits: so what it read must read back the
 * same.
 */
static bool decode(struct slice text, uint8_t ret_sha256[PIN_BYTES])
{
	unsigned char bytes[BASE64_LEN / 4 * 3];
	char again[PIN_TEXT_SIZE];

	if (EVP_DecodeBlock(bytes, (const unsigned char *)text.ptr + SCHEME_LEN,
	        BASE64_LEN) != (int)sizeof(bytes)) {
		return false;
	}
	memcpy(ret_sha256, bytes, PIN_BYTES);
	pin_text(ret_sha256, again);
	return memcmp(again, text.ptr, text.len) == 0;
}

int pins_add(struct pins *pins, struct slice text, const char **ret_why)
{
	uint8_t sha256[PIN_BYTES];
	size_t at = 0;

	if (!slice_starts(text, SLICE(SCHEME))) {
		*ret_why = "it must begin with sha256/";
		return -EINVAL;
	}
	if (text.len != SCHEME_LEN + BASE64_LEN || !decode(text, sha256)) {
		*ret_why =
		    "after sha256/ the base64 of 32 bytes is wanted: 44 characters, "
		    "the last of them =";
		return -EINVAL;
	}
	if (pins_have(pins, sha256)) {
		return 0;
	}
	if (pins->count == PINS_MAX) {
		*ret_why = "there are too many, 16 will do";
		return -E2BIG;
	}
	while (at < pins->count && memcmp(pins->sha256[at], sha256, PIN_BYTES) < 0) {
		at++;
	}
	memmove(pins->sha256[at + 1], pins->sha256[at], (pins->count - at) * PIN_BYTES);
	memcpy(pins->sha256[at], sha256, PIN_BYTES);
	pins->count++;
	return 0;
}

bool pins_have(const struct pins *pins, const uint8_t sha256[PIN_BYTES])
{
	for (size_t i = 0; i < pins->count; i++) {
		if (memcmp(pins->sha256[i], sha256, PIN_BYTES) == 0) {
			return true;
		}
	}
	return false;
}

bool pins_equal(const struct pins *a, const struct pins *b)
{
	return a->count == b->count &&
	       memcmp(a->sha256, b->sha256, a->count * PIN_BYTES) == 0;
}

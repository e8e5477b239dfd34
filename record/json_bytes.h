/* SPDX-License-Identifier: MIT */
/*
 * json_bytes: which kinds of bytes a string has, found while it is read, so that what
 * looks for one of them need not read it again. Private to json_*.
 */
#ifndef RECORD_JSON_BYTES_H
#define RECORD_JSON_BYTES_H

#include "base/slice.h"

#include <stdint.h>

enum json_byte {
	JSON_BYTE_STOP = 1,   /* '"', '\', a control: escaped in JSON */
	JSON_BYTE_HIGH = 2,   /* not ASCII: perhaps no UTF-8 */
	JSON_BYTE_EQUALS = 4, /* '=', '%' as in %3D */
	JSON_BYTE_COLON = 8,  /* ':' */
	JSON_BYTE_ESCAPED = 16,
	JSON_BYTE_OTHER = 32, /* escapes that are not those of json_put_string */
	JSON_BYTE_TAG = 64,   /* '<' */
};

extern const uint8_t json_byte_kinds[256];

/* Goes on to the next byte that is JSON_BYTE_STOP, or to the end. Returns the kinds of
 * the bytes before it. */
static inline unsigned int json_bytes_run(const char **at, const char *end)
{
	const unsigned char *p = (const unsigned char *)*at;
	const unsigned char *stop = (const unsigned char *)end;
	unsigned int kinds = 0;

	while (p < stop) {
		unsigned int kind = json_byte_kinds[*p];

		if (kind & JSON_BYTE_STOP) {
			break;
		}
		kinds |= kind;
		p++;
	}
	*at = (const char *)p;
	return kinds;
}

/* The kinds of all bytes of a text. */
static inline unsigned int json_bytes_of(struct slice text)
{
	unsigned int kinds = 0;

	for (size_t i = 0; i < text.len; i++) {
		kinds |= json_byte_kinds[(unsigned char)text.ptr[i]];
	}
	return kinds;
}

#endif

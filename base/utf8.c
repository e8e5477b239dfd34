/* SPDX-License-Identifier: MIT */
/*
 * utf8: the table of well-formed byte sequences (Unicode 15, table 3-7; RFC 3629 4).
 */
#include "base/utf8.h"

#include <stdint.h>

static bool is_tail(uint8_t byte)
{
	return (byte & 0xC0) == 0x80;
}

size_t utf8_length(struct slice text)
{
	const uint8_t *p = (const uint8_t *)text.ptr;
	uint8_t low = 0x80;
	uint8_t high = 0xBF;
	size_t need = 0;

	if (text.len == 0) {
		return 0;
	}
	if (p[0] < 0x80) {
		return 1;
	}
	if (p[0] < 0xC2 || p[0] > 0xF4) {
		return 0;
	}
	/* the second byte's range keeps out overlong forms, surrogates and what is past
	 * U+10FFFF */
	if (p[0] < 0xE0) {
		need = 2;
	} else if (p[0] < 0xF0) {
		need = 3;
		low = p[0] == 0xE0 ? 0xA0 : low;
		high = p[0] == 0xED ? 0x9F : high;
	} else {
		need = 4;
		low = p[0] == 0xF0 ? 0x90 : low;
		high = p[0] == 0xF4 ? 0x8F : high;
	}
	if (text.len < need || p[1] < low || p[1] > high) {
		return 0;
	}
	for (size_t i = 2; i < need; i++) {
		if (!is_tail(p[i])) {
			return 0;
		}
	}
	return need;
}

bool utf8_valid(struct slice text)
{
	const uint64_t tops = 0x8080808080808080u;
	size_t i = 0;

	while (i < text.len) {
		struct slice rest = { text.ptr + i, text.len - i };
		uint64_t eight = tops;
		size_t len = 8;

		if (rest.len >= sizeof(eight)) {
			memcpy(&eight, rest.ptr, sizeof(eight));
		}
		if (eight & tops) { /* not ASCII alone */
			len = utf8_length(rest);
		}
		if (len == 0) {
			return false;
		}
		i += len;
	}
	return true;
}

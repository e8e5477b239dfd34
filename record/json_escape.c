/* SPDX-License-Identifier: MIT */
/*
 * json_escape: one pass.
 */
#include "record/json_escape.h"

#include "base/percent.h"
#include "record/json_bytes.h"

/* What a letter behind a backslash stands for; 0: nothing. */
static const char meaning[256] = {
	['"'] = '"',
	['\\'] = '\\',
	['/'] = '/',
	['b'] = '\b',
	['f'] = '\f',
	['n'] = '\n',
	['r'] = '\r',
	['t'] = '\t',
};

/* The four digits behind \u. Returns -1 when they are not four digits. */
static int32_t hex4(const char *at, const char *end)
{
	int32_t value = 0;

	if (end - at < 4) {
		return -1;
	}
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(at[i]);

		if (digit < 0) {
			return -1;
		}
		value = value * 16 + digit;
	}
	return value;
}

/* Writes a code point at `out`, which has room. Returns where to go on. */
static char *put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xC0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3F));
	} else if (c < 0x10000) {
		*out++ = (char)(0xE0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3F));
		*out++ = (char)(0x80 | (c & 0x3F));
	} else {
		*out++ = (char)(0xF0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3F));
		*out++ = (char)(0x80 | (c >> 6 & 0x3F));
		*out++ = (char)(0x80 | (c & 0x3F));
	}
	return out;
}

/* \uXXXX, whose digits begin at `at`; half a surrogate pair is U+FFFD. Returns what
 * follows, or NULL. */
static const char *put_unicode(
    char **out, const char *at, const char *end, unsigned int *bytes)
{
	int32_t c = hex4(at, end);
	int32_t low = -1;

	if (c < 0) {
		return NULL;
	}
	at += 4;
	*bytes |= c < 0x80 ? json_byte_kinds[c] : (unsigned int)JSON_BYTE_HIGH;
	if (c >= 0xD800 && c <= 0xDBFF && end - at >= 6 && at[0] == '\\' &&
	    at[1] == 'u') {
		low = hex4(at + 2, end);
	}
	if (low >= 0xDC00 && low <= 0xDFFF) {
		*out = put_utf8(*out,
		    0x10000u + ((uint32_t)(c - 0xD800) << 10) + (uint32_t)(low - 0xDC00));
		return at + 6;
	}
	*out = put_utf8(*out, c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : (uint32_t)c);
	return at;
}

/* No escape is shorter than what it stands for. */
bool json_unescape(struct buf *out, struct slice text, unsigned int *bytes)
{
	const char *at = text.ptr;
	const char *end = text.ptr + text.len;
	unsigned int kinds = *bytes & ~(unsigned int)JSON_BYTE_ESCAPED;
	char *to = NULL;

	buf_truncate(out, 0);
	if (!buf_reserve(out, text.len)) {
		return false;
	}
	to = out->ptr;
	while (at < end) {
		char letter = 0;

		if (*at != '\\') {
			*to++ = *at++;
			continue;
		}
		letter = at[1];
		if (letter == 'u') {
			at = put_unicode(&to, at + 2, end, &kinds);
			kinds |= JSON_BYTE_OTHER;
			if (!at) {
				return false;
			}
			continue;
		}
		*to = meaning[(unsigned char)letter];
		kinds |= json_byte_kinds[(unsigned char)*to];
		if (letter == '/') {
			kinds |= JSON_BYTE_OTHER;
		}
		if (*to++ == '\0') {
			return false;
		}
		at += 2;
	}
	out->len = (size_t)(to - out->ptr);
	*bytes = kinds;
	return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * json: strings of JSON text.
 */
#include "base/json.h"

#include "base/utf8.h"

#include <stdint.h>

static const struct slice replacement = { "\xEF\xBF\xBD", 3 }; /* U+FFFD */

/* How many bytes from `from` on are ASCII and need no escape. */
static size_t plain_run(struct slice text, size_t from)
{
	const uint64_t ones = 0x0101010101010101u;
	const uint64_t tops = 0x8080808080808080u;
	size_t i = from;

	/* eight at a time: a byte below 0x20, a quote, a backslash or one that is not
	 * ASCII leaves its top bit */
	for (; i + 8 <= text.len; i += 8) {
		uint64_t w = 0;
		uint64_t quote = 0;
		uint64_t slash = 0;

		memcpy(&w, text.ptr + i, sizeof(w));
		quote = w ^ ones * '"';
		slash = w ^ ones * '\\';
		if (((w - ones * 0x20) | (quote - ones) | (slash - ones) | w) & tops) {
			break;
		}
	}
	while (i < text.len && (unsigned char)text.ptr[i] >= 0x20 &&
	       (unsigned char)text.ptr[i] < 0x80 && text.ptr[i] != '"' &&
	       text.ptr[i] != '\\') {
		i++;
	}
	return i - from;
}

/* Writes one ASCII byte as JSON wants it (RFC 8259 7). */
static void put_escaped(struct buf *out, char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letter[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};
	unsigned char byte = (unsigned char)c;

	buf_putc(out, '\\');
	if (byte >= 0x20) {
		buf_putc(out, c);
	} else if (letter[byte]) {
		buf_putc(out, letter[byte]);
	} else {
		buf_put(out, "u00", 3);
		buf_putc(out, hex[byte >> 4]);
		buf_putc(out, hex[byte & 0xF]);
	}
}

static bool needs_escape(char c)
{
	return c == '"' || c == '\\' || (unsigned char)c < 0x20;
}

static void put_replacement(struct buf *out)
{
	if (out->cap - out->len < replacement.len || out->failed) {
		buf_put_slice(out, replacement);
		return;
	}
	memcpy(out->ptr + out->len, replacement.ptr, 3); /* a text may be full of them */
	out->len += 3;
}

/* utf8_length, at once for what is most frequent beside ASCII. 0: cannot be stored. */
static size_t storable(struct slice at)
{
	unsigned char c = (unsigned char)at.ptr[0];

	if (c < 0x80) {
		return c != 0;
	}
	if (c >= 0xC2 && c < 0xE0 && at.len > 1) {
		return ((unsigned char)at.ptr[1] & 0xC0) == 0x80 ? 2 : 0;
	}
	return utf8_length(at);
}

/*
 * Copies text with what cannot be stored replaced, and with JSON's escapes where escape
 * is set. What needs no change goes over in runs.
 */
static void put_clean(struct buf *out, struct slice text, bool escape)
{
	size_t run = 0;
	size_t i = 0;

	while (i < text.len) {
		struct slice at = { text.ptr + i, text.len - i };
		char c = *at.ptr;
		size_t len = 0;

		if ((unsigned char)c < 0x80 && !needs_escape(c)) {
			i += plain_run(text, i);
			continue;
		}
		len = storable(at);
		if (len > 0 && !(escape && needs_escape(c))) {
			i += len;
			continue;
		}
		if (i > run) {
			buf_put(out, text.ptr + run, i - run);
		}
		if (len == 0) {
			put_replacement(out);
		} else {
			put_escaped(out, c);
		}
		i++;
		run = i;
	}
	buf_put(out, text.ptr ? text.ptr + run : NULL, text.len - run);
}

void json_put_string(struct buf *out, struct slice text)
{
	(void)buf_reserve(out, text.len + 2); /* a failure is remembered in out */
	buf_putc(out, '"');
	put_clean(out, text, true);
	buf_putc(out, '"');
}

void utf8_put_clean(struct buf *out, struct slice text)
{
	put_clean(out, text, false);
}

size_t utf8_prefix(struct slice text, size_t max)
{
	if (text.len <= max) {
		return text.len;
	}
	for (size_t back = 1; back <= 3 && back <= max; back++) {
		size_t at = max - back;
		unsigned char c = (unsigned char)text.ptr[at];

		if (c < 0x80) {
			break;
		}
		if (c >= 0xC0) { /* a sequence begins here: does it end at max? */
			struct slice rest = { text.ptr + at, text.len - at };

			return utf8_length(rest) > back ? at : max;
		}
	}
	return max;
}

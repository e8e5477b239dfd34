/* SPDX-License-Identifier: MIT */
/*
 * json: strings of JSON text.
 */
#include "base/json.h"

#include "base/utf8.h"

static const struct slice replacement = { "\xEF\xBF\xBD", 3 }; /* U+FFFD */

/* Writes one ASCII byte as JSON wants it (RFC 8259 7). */
static void put_escaped(struct buf *out, char c)
{
	switch (c) {
	case '"':
		buf_puts(out, "\\\"");
		break;
	case '\\':
		buf_puts(out, "\\\\");
		break;
	case '\b':
		buf_puts(out, "\\b");
		break;
	case '\f':
		buf_puts(out, "\\f");
		break;
	case '\n':
		buf_puts(out, "\\n");
		break;
	case '\r':
		buf_puts(out, "\\r");
		break;
	case '\t':
		buf_puts(out, "\\t");
		break;
	default:
		buf_printf(out, "\\u%04x", (unsigned int)(unsigned char)c);
		break;
	}
}

static bool needs_escape(char c)
{
	return c == '"' || c == '\\' || (unsigned char)c < 0x20;
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
		size_t len = c == '\0' ? 0 : utf8_length(at);

		if (len > 0 && !(escape && needs_escape(c))) {
			i += len;
			continue;
		}
		buf_put(out, text.ptr + run, i - run);
		if (len == 0) {
			buf_put_slice(out, replacement);
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

/* SPDX-License-Identifier: MIT */
#include "dashboard/csv.h"

/* Is c one of a string's characters? NUL is none. */
static bool is_one_of(char c, const char *any)
{
	return c != '\0' && strchr(any, c) != NULL;
}

static bool needs_quotes(struct slice text)
{
	if (text.len == 0 || is_one_of(text.ptr[0], " \t") ||
	    is_one_of(text.ptr[text.len - 1], " \t")) {
		return true;
	}
	for (size_t i = 0; i < text.len; i++) {
		/* a semicolon parts cells where the comma is decimal */
		if (is_one_of(text.ptr[i], ",;\"\r\n\t")) {
			return true;
		}
	}
	return false;
}

void csv_put_cell(struct buf *out, struct slice text, bool null)
{
	bool quotes = !null && needs_quotes(text);

	if (null) {
		return;
	}
	if (quotes) {
		buf_putc(out, '"');
	}
	if (text.len > 0 && is_one_of(text.ptr[0], "=+-@\t\r")) {
		buf_putc(out, '\'');
	}
	while (quotes && text.len > 0) {
		const char *quote = memchr(text.ptr, '"', text.len);
		size_t len = quote ? (size_t)(quote - text.ptr) + 1 : text.len;

		buf_put(out, text.ptr, len);
		if (quote) {
			buf_putc(out, '"');
		}
		text.ptr += len;
		text.len -= len;
	}
	buf_put_slice(out, text);
	if (quotes) {
		buf_putc(out, '"');
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * Finding a place in a JSON text in one pass, without building anything.
 */
#include <string.h>

#include "sql/jsonb.h"
#include "sql/jsonb_private.h"

void jsonb_skip_blanks(struct slice *text)
{
	while (text->len > 0 && memchr(" \t\r\n", text->ptr[0], 4)) {
		text->ptr++;
		text->len--;
	}
}

/* Takes a string with its quotes. */
struct slice jsonb_take_string(struct slice *text)
{
	struct slice string = { text->ptr, 0 };
	size_t at = 1;

	while (at < text->len && text->ptr[at] != '"') {
		at += text->ptr[at] == '\\' ? 2 : 1;
	}
	if (at >= text->len) {
		text->len = 0;
		return (struct slice){ NULL, 0 };
	}
	string.len = at + 1;
	text->ptr += string.len;
	text->len -= string.len;
	return string;
}

/* Takes one value of any kind. ptr NULL: there is none. */
static struct slice take_value(struct slice *text)
{
	struct slice value;
	size_t depth = 0;

	jsonb_skip_blanks(text);
	value = (struct slice){ text->ptr, 0 };
	while (text->len > 0) {
		char c = text->ptr[0];

		if (c == '"') {
			if (!jsonb_take_string(text).ptr) {
				break;
			}
		} else if (depth == 0 && memchr(" \t\r\n,]}:", c, 8)) {
			break;
		} else {
			depth += c == '{' || c == '[';
			depth -= c == '}' || c == ']';
			text->ptr++;
			text->len--;
		}
		if (depth == 0 && (c == '"' || c == '}' || c == ']')) {
			break;
		}
	}
	value.len = (size_t)(text->ptr - value.ptr);
	return value.len > 0 ? value : (struct slice){ NULL, 0 };
}

static bool take_sign(struct slice *text, char sign)
{
	jsonb_skip_blanks(text);
	if (text->len == 0 || text->ptr[0] != sign) {
		return false;
	}
	text->ptr++;
	text->len--;
	return true;
}

/* Is the string (with quotes) this key? */
static bool is_key(struct slice string, struct slice key)
{
	struct slice inner = { string.ptr + 1, string.len - 2 };
	struct buf plain = { 0 };
	bool same;

	if (!memchr(inner.ptr, '\\', inner.len)) {
		return slice_eq(inner, key);
	}
	jsonb_unescape(&plain, inner);
	same = !plain.failed && slice_eq(buf_slice(&plain), key);
	buf_finish(&plain);
	return same;
}

struct slice jsonb_member(struct slice text, struct slice key)
{
	struct slice found = { NULL, 0 };

	if (!take_sign(&text, '{')) {
		return found;
	}
	do {
		struct slice name;
		struct slice value;

		jsonb_skip_blanks(&text);
		if (text.len == 0 || text.ptr[0] != '"') {
			break;
		}
		name = jsonb_take_string(&text);
		if (!name.ptr || !take_sign(&text, ':')) {
			break;
		}
		value = take_value(&text);
		if (is_key(name, key)) {
			found = value; /* the last one counts */
		}
	} while (take_sign(&text, ','));
	return found;
}

/* How many elements the array has. */
static int64_t count_elements(struct slice text)
{
	int64_t count = 0;

	while (take_value(&text).ptr) {
		count++;
		if (!take_sign(&text, ',')) {
			break;
		}
	}
	return count;
}

struct slice jsonb_element(struct slice text, int64_t index)
{
	struct slice value = { NULL, 0 };

	if (!take_sign(&text, '[')) {
		return value;
	}
	if (index < 0) {
		index += count_elements(text);
	}
	for (int64_t at = 0; index >= 0 && at <= index; at++) {
		value = take_value(&text);
		if (!value.ptr || (at < index && !take_sign(&text, ','))) {
			return (struct slice){ NULL, 0 };
		}
	}
	return value;
}

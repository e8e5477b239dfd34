/* SPDX-License-Identifier: MIT */
#include "dashboard/rest_value.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "dashboard/rest_json.h"

#define SHOWN 200 /* bytes of a wrong value that the message repeats */

static bool bad_syntax(
    struct rest_error *error, const char *code, enum rest_type type, struct slice text)
{
	text.len = utf8_prefix(text, SHOWN);
	return rest_fail(error, 400, code, "invalid input syntax for type %s: \"%.*s\"",
	    rest_type_words(type), SLICE_ARG(text));
}

static struct slice trim_space(struct slice text)
{
	while (text.len > 0 && isspace((unsigned char)text.ptr[0])) {
		text.ptr++;
		text.len--;
	}
	while (text.len > 0 && isspace((unsigned char)text.ptr[text.len - 1])) {
		text.len--;
	}
	return text;
}

/* As PostgreSQL reads one: braces may surround it, and each hyphen is after four digits
 * and may lack. */
static bool read_uuid(
    struct rest_arena *arena, struct slice text, struct slice *ret_value)
{
	struct slice from = text;
	char *out = rest_arena_get(arena, 37);
	size_t nibbles = 0;
	size_t len = 0;

	if (!out) {
		return false;
	}
	if (from.len >= 2 && from.ptr[0] == '{' && from.ptr[from.len - 1] == '}') {
		from.ptr++;
		from.len -= 2;
	}
	for (size_t i = 0; i < from.len; i++) {
		char c = from.ptr[i];

		if (c == '-' && nibbles > 0 && nibbles % 4 == 0 && nibbles < 32 &&
		    from.ptr[i - 1] != '-') {
			continue;
		}
		if (!isxdigit((unsigned char)c) || nibbles == 32) {
			return false;
		}
		if (nibbles == 8 || nibbles == 12 || nibbles == 16 || nibbles == 20) {
			out[len++] = '-';
		}
		out[len++] = (char)tolower((unsigned char)c);
		nibbles++;
	}
	*ret_value = (struct slice){ out, len };
	return nibbles == 32;
}

/* A number too large for the type is told apart from what is no number. */
static bool read_integer(struct rest_arena *arena, enum rest_type type, struct slice text,
    struct slice *ret_value, struct rest_error *error)
{
	struct slice from = trim_space(text);
	uint64_t limit = type == REST_INTEGER ? INT32_MAX : INT64_MAX;
	bool negative = from.len > 0 && from.ptr[0] == '-';
	uint64_t number = 0;
	bool is_over = false;
	size_t at = from.len > 0 && (from.ptr[0] == '-' || from.ptr[0] == '+') ? 1 : 0;
	struct slice shown = text;
	char out[24];
	int len;

	if (at == from.len) {
		return bad_syntax(error, "22P02", type, text);
	}
	for (; at < from.len; at++) {
		unsigned digit = (unsigned)(unsigned char)from.ptr[at] - '0';

		if (digit > 9) {
			return bad_syntax(error, "22P02", type, text);
		}
		is_over = is_over || number > limit / 10 ||
		          number * 10 + digit > limit + (negative ? 1 : 0);
		number = is_over ? number : number * 10 + digit;
	}
	if (is_over) {
		shown.len = utf8_prefix(shown, SHOWN);
		return rest_fail(error, 400, "22003",
		    "value \"%.*s\" is out of range for type %s", SLICE_ARG(shown),
		    rest_type_words(type));
	}
	len = snprintf(out, sizeof(out), "%s%llu", negative && number > 0 ? "-" : "",
	    (unsigned long long)number);
	*ret_value = rest_arena_copy(arena, (struct slice){ out, (size_t)len });
	return ret_value->ptr ? true : rest_fail_memory(error);
}

static bool read_time(struct rest_arena *arena, struct slice text,
    struct slice *ret_value, struct rest_error *error)
{
	char out[CLOCK_TEXT_SIZE];
	int64_t us = 0;
	struct slice shown = text;

	switch (rest_time_read(text, &us)) {
	case TIME_SYNTAX:
		return bad_syntax(error, "22007", REST_TIME, text);
	case TIME_RANGE:
		shown.len = utf8_prefix(shown, SHOWN);
		return rest_fail(error, 400, "22008",
		    "date/time field value out of range: \"%.*s\"", SLICE_ARG(shown));
	case TIME_GOOD:
		break;
	}
	clock_format_us(us, out);
	*ret_value = rest_arena_copy(arena, slice_of(out));
	return ret_value->ptr ? true : rest_fail_memory(error);
}

/* No database takes U+0000 or broken UTF-8 in a text: they become U+FFFD, as in rows. */
static bool read_text(
    struct rest_arena *arena, struct slice text, struct slice *ret_value)
{
	struct buf clean = { 0 };

	utf8_put_clean(&clean, text);
	*ret_value = clean.failed ? (struct slice){ NULL, 0 }
	                          : rest_arena_copy(arena, buf_slice(&clean));
	buf_finish(&clean);
	return ret_value->ptr != NULL;
}

bool rest_value_read(struct rest_arena *arena, enum rest_type type, struct slice text,
    struct slice *ret_value, struct rest_error *error)
{
	switch (type) {
	case REST_UUID:
		return read_uuid(arena, text, ret_value)
		           ? true
		           : bad_syntax(error, "22P02", type, text);
	case REST_INTEGER:
	case REST_BIGINT:
		return read_integer(arena, type, text, ret_value, error);
	case REST_TIME:
		return read_time(arena, text, ret_value, error);
	case REST_JSON:
		return rest_json_clean(arena, text, ret_value, error);
	default:
		return read_text(arena, text, ret_value) ? true : rest_fail_memory(error);
	}
}

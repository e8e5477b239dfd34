/* SPDX-License-Identifier: MIT */
/*
 * redact_text: secrets beside their names in running text, and in URLs. One pass.
 */
#include "record/redact.h"

#include <string.h>

#include "base/percent.h"
#include "record/names.h"
#include "record/text_scan.h"

enum {
	PADDING = 2, /* what base64 may end with */
};

#define O 0
#define N BYTE_NAME
#define E BYTE_END
#define U BYTE_USER_END
#define B (BYTE_END | BYTE_USER_END)
#define Y BYTE_BODY_END
#define X (BYTE_NAME | BYTE_BODY_END)
#define Q BYTE_EQUALS
#define P BYTE_PERCENT
#define C BYTE_COLON
#define T (BYTE_END | BYTE_USER_END | BYTE_TAG)

/* clang-format off */
const uint8_t text_byte_kinds[256] = { /* sixteen by sixteen */
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	B, O, B, B, O, P, E, B, O, Y, O, O, Y, N, N, U,
	N, N, N, N, N, N, N, N, N, N, C, E, T, Q, B, U,
	O, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, N, B, X, O, N,
	E, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, O, O, Y, O, O,
	O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
	O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
	O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
	O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
	O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
	O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
	O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
	O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
};

/* clang-format on */

/* Error codes are words and numbers; an authorization code mixes letters and digits. */
bool code_is_secret(struct slice value)
{
	size_t parts = 0; /* with letters and digits side by side */
	bool letter = false;
	bool digit = false;

	if (value.len < 16) {
		return false;
	}
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		bool d = c >= '0' && c <= '9';
		bool l = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (c <= ' ') {
			return false;
		}
		if (!d && !l) {
			letter = false;
			digit = false;
			continue;
		}
		if ((d && letter) || (l && digit)) {
			parts++;
		}
		letter = l;
		digit = d;
	}
	return parts > 0;
}

void text_add(const struct text_scan *scan, size_t begin, size_t end)
{
	struct slice value = text_part(scan, begin, end);

	if (value.len > 0 && !slice_eq(value, SLICE(REDACTED))) {
		spans_add(scan->spans, begin, end);
		secrets_add(&scan->redaction->secrets, value);
	}
}

/* The strings in [i, end), brackets around them, are looked for elsewhere too; the names
 * are not. */
static void note_strings(const struct text_scan *scan, size_t i, size_t end)
{
	struct slice text = scan->text;

	for (; i < end; i++) {
		size_t begin = i + 1;
		size_t next = 0;

		if (!text_quote(text.ptr[i])) {
			continue;
		}
		i = text_quote_end(text, begin, text.ptr[i], false);
		for (next = i + 1; next < end && text_space(text.ptr[next]);) {
			next++;
		}
		if (next >= end || text.ptr[next] != ':') {
			secrets_add(&scan->redaction->secrets,
			    text_part(scan, begin, i < end ? i : end));
		}
	}
}

/* ---- is it an assignment, and of a secret? */

/* At a glance, as in "a=1": is what ends at i too short for a name? */
static bool too_short(struct slice text, size_t i, size_t shortest)
{
	size_t begin = i;

	while (begin > 0 && i - begin < shortest &&
	       (text_is(text.ptr[begin - 1], BYTE_NAME) || text.ptr[begin - 1] == '%')) {
		begin--;
	}
	return i - begin < shortest;
}

/* At a glance: can the byte before the separator at i be the end of a name? */
static bool may_be_named(const struct text_scan *scan, size_t i, size_t shortest)
{
	char before = i > 0 ? scan->text.ptr[i - 1] : '\0';

	if (text_is(before, BYTE_NAME)) {
		return !too_short(scan->text, i, shortest);
	}
	return text_quote(before) || (scan->kind == TEXT_BODY && text_space(before));
}

/* Header fields whose value takes the rest of a line. */
static bool is_field(struct slice name)
{
	return name_same(name, SLICE("authorization")) ||
	       name_same(name, SLICE("proxy-authorization")) ||
	       name_same(name, SLICE("cookie")) || name_same(name, SLICE("set-cookie"));
}

/* In a string ':' is punctuation, as in "Invalid token: expired", unless the name or the
 * value is quoted, the value a key, or the line a header field. */
static bool is_sentence(const struct text_scan *scan, size_t begin, struct slice name)
{
	bool line = name.ptr == scan->text.ptr || name.ptr[-1] == '\n';

	return !text_is_quoted(scan->text, begin) && !text_is_key(scan->text, begin) &&
	       !(line && is_field(name));
}

/* The kind of a name, which may be percent-encoded, as in data%5Btoken%5D. */
static enum name_kind encoded_kind(struct slice name, bool query)
{
	char plain[NAME_BYTES];
	size_t len = 0;

	if (!memchr(name.ptr, '%', name.len)) {
		return name_kind(name, query);
	}
	for (size_t i = 0; i < name.len; len++) {
		i += percent_byte(
		    (struct slice){ name.ptr + i, name.len - i }, &plain[len]);
	}
	return name_kind((struct slice){ plain, len }, true);
}

/* The kind of a name where it stands. */
static enum name_kind kind_here(const struct text_scan *scan, struct slice name)
{
	char before = name.ptr > scan->text.ptr ? name.ptr[-1] : '\0';

	return name.len > 0
	           ? encoded_kind(name, before == '?' || before == '&' || before == ';')
	           : NAME_PLAIN;
}

/* token%3Dvalue in a URL that is part of another one, with the '%' at i. Returns where to
 * go on. */
static size_t encoded_assignment(const struct text_scan *scan, size_t i)
{
	struct slice text = scan->text;
	size_t begin = i + strlen("%3D");
	size_t end = begin;

	if (!slice_istarts(text_part(scan, i, text.len), SLICE("%3D")) ||
	    encoded_kind(text_name(scan, i), true) != NAME_SECRET) {
		return i + 1;
	}
	while (end < text.len && !text_is(text.ptr[end], BYTE_END) &&
	       !slice_starts(text_part(scan, end, text.len), SLICE("%26")) &&
	       !slice_starts(text_part(scan, end, text.len), SLICE("%23"))) {
		end++;
	}
	text_add(scan, begin, end);
	return end;
}

/* "Invalid token: expired" says why a call failed. */
static bool value_is_secret(
    const struct text_scan *scan, size_t i, enum name_kind kind, struct slice value)
{
	return kind == NAME_CODE ? scan->redaction->oauth || code_is_secret(value)
	                         : scan->text.ptr[i] != ':' || !secret_is_common(value);
}

/* name=value, name: value, "name": "value", with the separator at i. Returns where to go
 * on. */
static size_t assignment(const struct text_scan *scan, size_t i)
{
	bool quoted = false;
	struct slice name = text_name(scan, text_name_end(scan, i, &quoted));
	enum name_kind kind = kind_here(scan, name);
	size_t begin = 0;
	size_t end = 0;

	if (kind == NAME_PLAIN) {
		return i + 1;
	}
	begin = text_value_begin(scan, i);
	if ((kind == NAME_CODE && text_is_bracket(scan->text, begin)) ||
	    (scan->kind == TEXT_STRING && scan->text.ptr[i] == ':' && !quoted &&
	        is_sentence(scan, begin, name))) {
		return i + 1;
	}
	end = scan->text.ptr[i] == ':' && is_field(name)
	          ? text_line_end(scan->text, begin)
	          : text_value_end(scan, &begin);
	if (!value_is_secret(scan, i, kind, text_part(scan, begin, end))) {
		return begin > i ? begin : i + 1; /* it may have some in it */
	}
	text_add(scan, begin, end);
	if (text_is_bracket(scan->text, begin)) {
		note_strings(scan, begin, end);
	}
	return end > i ? end : i + 1;
}

/* user:password@ after "://", which ends at i. Returns where to go on. */
static size_t userinfo(const struct text_scan *scan, size_t i)
{
	size_t at = 0;
	size_t end = i;

	while (end < scan->text.len && !text_is(scan->text.ptr[end], BYTE_USER_END)) {
		at = scan->text.ptr[end] == '@' ? end : at;
		end++;
	}
	if (at > i) {
		struct slice password = text_part(scan, i, at);

		text_add(scan, i, at);
		(void)slice_cut(&password, ':');
		secrets_add(&scan->redaction->secrets, password);
	}
	return end;
}

bool redact_text_find(struct redaction *redaction, struct slice text, enum text_kind kind,
    struct spans *spans)
{
	struct text_scan scan = { redaction, text, kind, spans, SIZE_MAX, 0 };
	size_t shortest = names_shortest();
	size_t end = text.len;
	size_t i = 0;

	while (end > 0 && text.len - end < PADDING && text.ptr[end - 1] == '=') {
		end--; /* behind it there is no value, and base64 ends like this */
	}
	while (i < end) {
		if (i >= scan.content_begin) {
			i = i > scan.content_end ? i : scan.content_end;
			scan.content_begin = SIZE_MAX;
		} else if (!text_is(text.ptr[i],
		               BYTE_EQUALS | BYTE_COLON | BYTE_TAG | BYTE_PERCENT)) {
			i++;
		} else if (text.ptr[i] == '%') {
			i = encoded_assignment(&scan, i);
		} else if (text.ptr[i] == '<') {
			i = text_tag(&scan, i);
		} else if (slice_starts(text_part(&scan, i, text.len), SLICE("://"))) {
			i = userinfo(&scan, i + 3);
		} else if (may_be_named(&scan, i, shortest)) {
			i = assignment(&scan, i);
		} else {
			i++;
		}
	}
	return spans->count > 0 || spans->failed;
}

void redact_text(
    struct redaction *redaction, struct slice text, enum text_kind kind, struct buf *out)
{
	struct spans spans = { 0 };

	if (redact_text_find(redaction, text, kind, &spans)) {
		spans_join(&spans);
		spans_put(&spans, text, out);
	} else {
		buf_put_slice(out, text);
	}
	spans_finish(&spans);
}

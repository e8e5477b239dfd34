/* SPDX-License-Identifier: MIT */
/*
 * redact_text: secrets beside their names in running text, and in URLs. One pass.
 */
#include "record/names.h"
#include "record/redact.h"

#include <stdint.h>

enum {
	NAME_BYTES = 64,  /* how far back a name is looked for */
	VALUE_BLANKS = 2, /* between a separator and its value */
	PADDING = 2,      /* what base64 may end with */
};

/* What a byte can be in running text. */
enum {
	BYTE_NAME = 1,     /* of a name */
	BYTE_END = 2,      /* ends a value */
	BYTE_BODY_END = 4, /* ends one in a TEXT_BODY */
	BYTE_USER_END = 8, /* ends what stands before a host */
	BYTE_EQUALS = 16,
	BYTE_COLON = 32,
	BYTE_TAG = 64, /* '<' */
};

#define O 0
#define N BYTE_NAME
#define E BYTE_END
#define U BYTE_USER_END
#define B (BYTE_END | BYTE_USER_END)
#define Y BYTE_BODY_END
#define X (BYTE_NAME | BYTE_BODY_END)
#define Q BYTE_EQUALS
#define C BYTE_COLON
#define T (BYTE_END | BYTE_USER_END | BYTE_TAG)

/* clang-format off */
static const uint8_t byte_kinds[256] = { /* sixteen by sixteen */
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	B, O, B, B, O, O, E, B, O, Y, O, O, Y, N, N, U,
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

static bool is(char c, unsigned int kinds)
{
	return (byte_kinds[(unsigned char)c] & kinds) != 0;
}

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

static bool value_ends(char c, enum text_kind kind)
{
	return is(c, kind == TEXT_BODY ? BYTE_END | BYTE_BODY_END : BYTE_END);
}

/* Masks text[begin, end) as the value of a secret name. */
static void add(struct redaction *redaction, struct slice text, size_t begin, size_t end,
    struct spans *spans)
{
	struct slice value = { text.ptr + begin, end - begin };

	if (value.len > 0 && !slice_eq(value, SLICE(REDACTED))) {
		spans_add(spans, begin, end);
		secrets_add(&redaction->secrets, value);
	}
}

/* The value that begins at i: in quotes, or up to what cannot belong to it. */
static size_t value_end(struct slice text, size_t *begin, enum text_kind kind)
{
	size_t i = *begin;
	char quote = i < text.len && kind == TEXT_BODY ? text.ptr[i] : '\0';

	if (quote == '"' || quote == '\'') {
		*begin = ++i;
		while (i < text.len && text.ptr[i] != quote && text.ptr[i] != '\n') {
			i += text.ptr[i] == '\\' && i + 1 < text.len ? 2 : 1;
		}
		return i;
	}
	while (i < text.len && !value_ends(text.ptr[i], kind)) {
		i++;
	}
	return i;
}

/* At a glance, as in "a=1": is what ends at i too short for a name? */
static bool too_short(struct slice text, size_t i, size_t shortest)
{
	size_t begin = i;

	while (begin > 0 && i - begin < shortest && is(text.ptr[begin - 1], BYTE_NAME)) {
		begin--;
	}
	return i - begin < shortest;
}

/* name=value, name: value, "name": "value", with the separator at i. Returns where to go
 * on. */
static size_t assignment(struct redaction *redaction, struct slice text, size_t i,
    enum text_kind kind, struct spans *spans)
{
	size_t begin = i + 1;
	size_t name_end = i;
	size_t name_begin = 0;
	size_t end = 0;
	bool query = false;
	struct slice name;
	enum name_kind found = NAME_PLAIN;

	while (kind == TEXT_BODY && name_end > 0 &&
	       (text.ptr[name_end - 1] == '"' || text.ptr[name_end - 1] == '\'' ||
	           text.ptr[name_end - 1] == ' ') &&
	       i - name_end < VALUE_BLANKS) {
		name_end--;
	}
	name_begin = name_end;
	while (name_begin > 0 && name_end - name_begin < NAME_BYTES &&
	       is(text.ptr[name_begin - 1], BYTE_NAME)) {
		name_begin--;
	}
	if (name_begin == name_end) {
		return i + 1;
	}
	query = name_begin > 0 &&
	        (text.ptr[name_begin - 1] == '?' || text.ptr[name_begin - 1] == '&' ||
	            text.ptr[name_begin - 1] == ';');
	while (kind == TEXT_BODY && begin < text.len && begin - i <= VALUE_BLANKS &&
	       (text.ptr[begin] == ' ' || text.ptr[begin] == '>')) {
		begin++;
	}
	name = (struct slice){ text.ptr + name_begin, name_end - name_begin };
	found = name_kind(name, true);
	if (found == NAME_PLAIN) {
		return i + 1;
	}
	end = value_end(text, &begin, kind);
	found = query ? found : name_kind(name, false);
	if (found == NAME_CODE) {
		struct slice value = { text.ptr + begin, end - begin };

		found =
		    redaction->oauth || code_is_secret(value) ? NAME_SECRET : NAME_PLAIN;
	}
	if (found == NAME_SECRET) {
		add(redaction, text, begin, end, spans);
	}
	return end > i ? end : i + 1;
}

/* user:password@ after "://", which ends at i. Returns where to go on. */
static size_t userinfo(
    struct redaction *redaction, struct slice text, size_t i, struct spans *spans)
{
	size_t at = 0;
	size_t end = i;

	while (end < text.len && !is(text.ptr[end], BYTE_USER_END)) {
		at = text.ptr[end] == '@' ? end : at;
		end++;
	}
	if (at > i) {
		struct slice password = { text.ptr + i, at - i };

		add(redaction, text, i, at, spans);
		(void)slice_cut(&password, ':');
		secrets_add(&redaction->secrets, password);
	}
	return end;
}

/* <name …>value<, with the '<' at i. Returns where to go on. */
static size_t element(
    struct redaction *redaction, struct slice text, size_t i, struct spans *spans)
{
	size_t begin = i + 1;
	size_t end = begin;

	while (end < text.len && end - begin < NAME_BYTES &&
	       is(text.ptr[end], BYTE_NAME | BYTE_COLON)) {
		end++;
	}
	if (end == begin || name_kind((struct slice){ text.ptr + begin, end - begin },
	                        false) != NAME_SECRET) {
		return end;
	}
	while (end < text.len && text.ptr[end] != '>' && text.ptr[end] != '<') {
		end++;
	}
	if (end == text.len || text.ptr[end] == '<' || text.ptr[end - 1] == '/') {
		return end;
	}
	begin = ++end;
	if (slice_starts(
	        (struct slice){ text.ptr + end, text.len - end }, SLICE("<![CDATA["))) {
		begin = end += 9;
		while (end < text.len && text.ptr[end] != ']') {
			end++;
		}
	}
	while (end < text.len && text.ptr[end] != '<' && text.ptr[end] != ']') {
		end++;
	}
	add(redaction, text, begin, end, spans);
	return end;
}

bool redact_text_find(struct redaction *redaction, struct slice text, enum text_kind kind,
    struct spans *spans)
{
	unsigned int wanted = BYTE_EQUALS | BYTE_COLON;
	size_t shortest = kind == TEXT_STRING ? names_shortest() : 0; /* else quoted */
	size_t end = text.len;
	size_t i = 0;

	while (end > 0 && text.len - end < PADDING && text.ptr[end - 1] == '=') {
		end--; /* behind it there is no value, and base64 ends like this */
	}
	wanted |= kind == TEXT_BODY ? BYTE_TAG : 0;
	while (i < end) {
		struct slice rest = { text.ptr + i, text.len - i };

		if (!is(*rest.ptr, wanted)) {
			i++;
		} else if (*rest.ptr == '=' && too_short(text, i, shortest)) {
			i++;
		} else if (*rest.ptr == '=') {
			i = assignment(redaction, text, i, kind, spans);
		} else if (*rest.ptr == '<') {
			i = element(redaction, text, i, spans);
			i += i == text.len - rest.len;
		} else if (slice_starts(rest, SLICE("://"))) {
			i = userinfo(redaction, text, i + 3, spans);
		} else if (kind == TEXT_BODY) {
			i = assignment(redaction, text, i, kind, spans);
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

/* SPDX-License-Identifier: MIT */
/*
 * text_scan: a text that is searched for secrets beside their names. Private to
 * redact_text and redact_tag.
 */
#ifndef RECORD_TEXT_SCAN_H
#define RECORD_TEXT_SCAN_H

#include "record/redact.h"

#include <stdint.h>

enum {
	NAME_BYTES = 64, /* how far back a name is looked for */
};

/* What a byte can be in running text. */
enum text_byte {
	BYTE_NAME = 1,     /* of a name */
	BYTE_END = 2,      /* ends a value */
	BYTE_BODY_END = 4, /* ends one in a TEXT_BODY */
	BYTE_USER_END = 8, /* ends what stands before a host */
	BYTE_EQUALS = 16,
	BYTE_COLON = 32,
	BYTE_TAG = 64,      /* '<' */
	BYTE_PERCENT = 128, /* '%' */
};

extern const uint8_t text_byte_kinds[256];

struct text_scan {
	struct redaction *redaction;
	struct slice text;
	enum text_kind kind;
	struct spans *spans; /* what was found */
	/* what an element holds that is a secret as a whole: passed over */
	size_t content_begin; /* SIZE_MAX: none */
	size_t content_end;
};

static inline bool text_is(char c, unsigned int kinds)
{
	return (text_byte_kinds[(unsigned char)c] & kinds) != 0;
}

/* The text in [begin, end). */
static inline struct slice text_part(
    const struct text_scan *scan, size_t begin, size_t end)
{
	return (struct slice){ scan->text.ptr + begin, end - begin };
}

static inline bool text_quote(char c)
{
	return c == '"' || c == '\'';
}

static inline bool text_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline bool text_is_bracket(struct slice text, size_t i)
{
	return i < text.len && (text.ptr[i] == '{' || text.ptr[i] == '[');
}

/* Does something in quotes (once or twice) or in brackets begin at i? */
bool text_is_quoted(struct slice text, size_t i);

/* Is the word at i a key rather than a word: with letters and digits, and long? */
bool text_is_key(struct slice text, size_t i);

/* Behind the name whose separator is at i: in quotes perhaps, perhaps quoted twice. */
size_t text_name_end(const struct text_scan *scan, size_t i, bool *ret_quoted);

/* The name that ends there; it may be empty, and percent-encoded. */
struct slice text_name(const struct text_scan *scan, size_t end);

/* Where the value of the separator at i begins: in the same line, unless it is no word.
 */
size_t text_value_begin(const struct text_scan *scan, size_t i);

/* The end of the value that begins at *begin, which moves behind a quote: in quotes, in
 * brackets, or up to what cannot belong to it. */
size_t text_value_end(const struct text_scan *scan, size_t *begin);

/* The end of what is in quotes, or of the line. twice: in \"…\", in which \\\" is
 * escaped. */
size_t text_quote_end(struct slice text, size_t i, char quote, bool twice);

size_t text_line_end(struct slice text, size_t i);

/* Notes [begin, end) as the value of a secret name. */
void text_add(const struct text_scan *scan, size_t begin, size_t end);

/* <password>value</password>, <input name="csrf_token" value="value">, with the '<' at i.
 * Returns where to go on, behind i. */
size_t text_tag(struct text_scan *scan, size_t i);

#endif

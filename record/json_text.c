/* SPDX-License-Identifier: MIT */
/*
 * json_text: strings and numbers of a payload.
 */
#include "record/json_text.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/utf8.h"
#include "record/json_bytes.h"
#include "record/json_out.h"

enum {
	NUMERIC_BEFORE = 131072, /* digits of PostgreSQL's numeric before the point */
	NUMERIC_AFTER = 16383,
	CARD_NUMBER_LEAST = 14,
	INNER_MAX = 262144, /* bytes of JSON inside a string that are read */
	BASE64_MIN = 12,
	BASE64_LOOK = 64, /* bytes that tell base64 from words */
	NESTING_MAX = 4,  /* JSON inside a string inside JSON … */
	/* What is read inside the strings of one call, in bytes, each reading counted as
	 * so many more. A megabyte of tiny texts costs no more time than one text of that
	 * size; honest ones stay below it. */
	NESTED_MAX = 2 * 1024 * 1024,
	NESTED_EACH = 96,
};

bool json_number_fits(struct slice digits)
{
	long before = 0;
	long after = 0;
	long exponent = 0;
	size_t i = digits.len > 0 && digits.ptr[0] == '-';

	while (i < digits.len && digits.ptr[i] >= '0' && digits.ptr[i] <= '9') {
		before++;
		i++;
	}
	if (i < digits.len && digits.ptr[i] == '.') {
		for (i++; i < digits.len && digits.ptr[i] >= '0' && digits.ptr[i] <= '9';
		     i++) {
			after++;
		}
	}
	if (i < digits.len) {
		char text[12] = "";
		size_t len = digits.len - i - 1;

		if (len == 0 || len >= sizeof(text)) {
			return false;
		}
		memcpy(text, digits.ptr + i + 1, len);
		exponent = strtol(text, NULL, 10);
	}
	return before + exponent <= NUMERIC_BEFORE && after - exponent <= NUMERIC_AFTER &&
	       before <= NUMERIC_BEFORE && after <= NUMERIC_AFTER;
}

bool json_number_is_card(struct slice digits)
{
	/* a time in milliseconds has 13, and one in ten passes the check */
	if (digits.len < CARD_NUMBER_LEAST) {
		return false;
	}
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9') {
			return false;
		}
	}
	return card_number(digits);
}

/* Makes what reads JSON inside of strings, once. */
static bool make_inner(struct json_redact *json)
{
	json->inner = malloc(sizeof(*json->inner));
	if (!json->inner) {
		json->scratch.failed = true;
		return false;
	}
	json_redact_init(json->inner, json->redaction, NULL, &json->inner_out);
	json->inner->nesting = json->nesting + 1;
	return true;
}

/* May this text be read as JSON, too? What is not is masked as a whole. */
static bool may_read(struct json_redact *json, struct slice text)
{
	size_t cost = text.len + NESTED_EACH;

	if (json->redaction->nested + cost > NESTED_MAX) {
		return false;
	}
	json->redaction->nested += cost;
	return true;
}

/* Reads text as JSON into json->inner_out. Returns whether it was, as a whole. */
static bool read_inner(struct json_redact *json, struct slice text, size_t *ret_masked)
{
	bool whole = false;

	if (!json->inner && !make_inner(json)) {
		return false;
	}
	buf_truncate(&json->inner_out, 0);
	json_redact_again(json->inner);
	whole = json_redact_parse(json->inner, text, true) == JSON_WHOLE;
	*ret_masked = json->inner->masked;
	return whole;
}

/* JSON inside the string: written anew when something in it was masked. */
static bool put_json(struct json_redact *json, struct slice text, unsigned int bytes)
{
	size_t masked = 0;

	if (!read_inner(json, text, &masked)) {
		return false;
	}
	if (masked > 0) {
		json_put_string(json_out_instead(json), buf_slice(&json->inner_out));
		json->masked += masked;
	} else {
		json_text_same(json, text, bytes);
	}
	return true;
}

/* By digit of either alphabet (RFC 4648): its value and 1; 0: it is none. */
static const uint8_t base64[256] = {
	['A'] = 1,
	['B'] = 2,
	['C'] = 3,
	['D'] = 4,
	['E'] = 5,
	['F'] = 6,
	['G'] = 7,
	['H'] = 8,
	['I'] = 9,
	['J'] = 10,
	['K'] = 11,
	['L'] = 12,
	['M'] = 13,
	['N'] = 14,
	['O'] = 15,
	['P'] = 16,
	['Q'] = 17,
	['R'] = 18,
	['S'] = 19,
	['T'] = 20,
	['U'] = 21,
	['V'] = 22,
	['W'] = 23,
	['X'] = 24,
	['Y'] = 25,
	['Z'] = 26,
	['a'] = 27,
	['b'] = 28,
	['c'] = 29,
	['d'] = 30,
	['e'] = 31,
	['f'] = 32,
	['g'] = 33,
	['h'] = 34,
	['i'] = 35,
	['j'] = 36,
	['k'] = 37,
	['l'] = 38,
	['m'] = 39,
	['n'] = 40,
	['o'] = 41,
	['p'] = 42,
	['q'] = 43,
	['r'] = 44,
	['s'] = 45,
	['t'] = 46,
	['u'] = 47,
	['v'] = 48,
	['w'] = 49,
	['x'] = 50,
	['y'] = 51,
	['z'] = 52,
	['0'] = 53,
	['1'] = 54,
	['2'] = 55,
	['3'] = 56,
	['4'] = 57,
	['5'] = 58,
	['6'] = 59,
	['7'] = 60,
	['8'] = 61,
	['9'] = 62,
	['+'] = 63,
	['-'] = 63,
	['/'] = 64,
	['_'] = 64,
};

static unsigned int base64_value(char c)
{
	return base64[(unsigned char)c];
}

/* The base64 itself: without blanks around it and "data:…;base64," before it. */
static struct slice base64_text(struct slice text)
{
	const char *at = NULL;

	text = slice_trim(text);
	if (slice_istarts(text, SLICE("data:"))) {
		at = memchr(text.ptr, ',', text.len < 256 ? text.len : 256);
		if (at) {
			text.len -= (size_t)(at + 1 - text.ptr);
			text.ptr = at + 1;
		}
	}
	return text;
}

/* Is the beginning of it base64, in lines perhaps? */
static bool base64_begins(struct slice text)
{
	for (size_t i = 0; i < text.len && i < BASE64_LOOK; i++) {
		if (base64_value(text.ptr[i]) == 0 && !memchr("=\r\n", text.ptr[i], 3)) {
			return false;
		}
	}
	return true;
}

/* Base64 of something that begins with { or [, with a blank, a line break or a BOM: the
 * first bits say so. */
static bool base64_begins_json(struct slice text)
{
	unsigned int second = 0;

	if (text.len < BASE64_MIN) {
		return false;
	}
	if (text.ptr[0] == ' ' || text.ptr[0] == '\t' || text.ptr[0] == 'd') {
		text = base64_text(text);
	}
	if (text.len < BASE64_MIN) {
		return false;
	}
	second = base64_value(text.ptr[1]);
	switch (text.ptr[0]) {
	case 'e':
	case 'W':
		return second > 48 && (text.len <= INNER_MAX || base64_begins(text));
	case 'I': /* a blank */
		return second - 1 < 16 && base64_begins(text);
	case 'C': /* a tab, a line feed */
		return second - 1 >= 16 && second - 1 < 48 && base64_begins(text);
	case 'D': /* a carriage return */
		return second - 1 >= 16 && second - 1 < 32 && base64_begins(text);
	default:
		return slice_starts(text, SLICE("77u/")); /* U+FEFF */
	}
}

/* With or without padding, in one line or in many (RFC 2045 6.8), in place of what is in
 * out. Returns false: it is none. */
static bool base64_decode(struct slice text, struct buf *out)
{
	unsigned int bits = 0;
	size_t digits = 0;
	char *to = NULL;

	buf_truncate(out, 0);
	while (text.len > 0 && memchr("=\r\n ", text.ptr[text.len - 1], 4)) {
		text.len--;
	}
	if (!buf_reserve(out, text.len)) {
		return false;
	}
	to = out->ptr;
	for (size_t i = 0; i < text.len; i++) {
		unsigned int value = base64_value(text.ptr[i]);

		if (value == 0) {
			if (text.ptr[i] == '\r' || text.ptr[i] == '\n') {
				continue;
			}
			return false;
		}
		bits = bits << 6 | (value - 1);
		if (digits++ % 4 == 3) {
			*to++ = (char)(bits >> 16);
			*to++ = (char)(bits >> 8);
			*to++ = (char)bits;
		}
	}
	if (digits % 4 == 3) {
		*to++ = (char)(bits >> 10);
		*to++ = (char)(bits >> 2);
	} else if (digits % 4 == 2) {
		*to++ = (char)(bits >> 4);
	}
	out->len = (size_t)(to - out->ptr);
	return true;
}

/* JSON in base64, whole or not: masked as a whole when something in it is a secret. */
static bool put_base64(struct json_redact *json, struct slice text)
{
	struct slice plain;
	size_t masked = 0;

	if (!base64_decode(base64_text(text), &json->scratch)) {
		return false;
	}
	plain = buf_slice(&json->scratch);
	if (slice_starts(plain, SLICE("\xEF\xBB\xBF"))) {
		plain = (struct slice){ plain.ptr + 3, plain.len - 3 };
	}
	if (json_begins(plain) && !read_inner(json, plain, &masked) && masked == 0) {
		spans_clear(&json->spans); /* broken JSON is text with names in it */
		masked =
		    redact_text_find(json->redaction, plain, TEXT_BODY, &json->spans);
	}
	if (masked > 0) {
		secrets_add(&json->redaction->secrets, text);
		json_text_mask(json);
	}
	return masked > 0;
}

bool json_begins(struct slice text)
{
	size_t i = 0;

	while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\n' ||
	                           text.ptr[i] == '\r' || text.ptr[i] == '\t')) {
		i++;
	}
	return i < text.len && (text.ptr[i] == '{' || text.ptr[i] == '[');
}

void json_text_mask(struct json_redact *json)
{
	buf_put_slice(json_out_instead(json), SLICE("\"" REDACTED "\""));
	json->masked++;
}

void json_text_same(struct json_redact *json, struct slice text, unsigned int bytes)
{
	if (json->raw.ptr && !(bytes & JSON_BYTE_OTHER) &&
	    (!(bytes & JSON_BYTE_HIGH) || utf8_valid(text))) {
		json_out_same(json, json->raw);
		return;
	}
	json_put_string(json_out_instead(json), text);
}

/* Notes what stands beside the spans: what is in them is known already. */
static void note_rest(struct json_redact *json, struct slice text)
{
	const struct spans *spans = &json->spans;
	size_t at = 0;

	if (spans->failed || redaction_has_patterns(json->redaction)) {
		redaction_note(json->redaction, text); /* they may look at both */
		return;
	}
	for (size_t i = 0; i < spans->count; i++) {
		redaction_note(json->redaction,
		    (struct slice){ text.ptr + at, spans->item[i].begin - at });
		at = spans->item[i].end;
	}
	redaction_note(json->redaction, (struct slice){ text.ptr + at, text.len - at });
}

/* Text that is not JSON, or not wholly. */
static void put_text(
    struct json_redact *json, struct slice text, unsigned int bytes, enum text_kind kind)
{
	spans_clear(&json->spans);
	if ((kind == TEXT_STRING && /* no assignment, no URL, no element */
	        !(bytes & (JSON_BYTE_EQUALS | JSON_BYTE_COLON | JSON_BYTE_TAG))) ||
	    !redact_text_find(json->redaction, text, kind, &json->spans)) {
		redaction_note(json->redaction, text);
		json_text_same(json, text, bytes);
		return;
	}
	spans_join(&json->spans);
	note_rest(json, text);
	buf_truncate(&json->scratch, 0);
	spans_put(&json->spans, text, &json->scratch);
	json_put_string(json_out_instead(json), buf_slice(&json->scratch));
	json->masked++;
}

void json_text_put(struct json_redact *json, struct slice text, unsigned int bytes)
{
	enum text_kind kind = TEXT_STRING;
	bool begins = false;
	bool coded = false;

	if (json->nesting < NESTING_MAX && text.len > 1) {
		begins = json_begins(text);
		coded = !begins && base64_begins_json(text);
		if ((begins || coded) &&
		    (text.len > INNER_MAX || !may_read(json, text))) {
			json_text_mask(json);
			return;
		}
		if ((begins && put_json(json, text, bytes)) ||
		    (coded && put_base64(json, text))) {
			return;
		}
		kind = begins ? TEXT_BODY : TEXT_STRING;
	}
	put_text(json, text, bytes, kind);
}

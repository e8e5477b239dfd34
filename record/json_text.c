/* SPDX-License-Identifier: MIT */
/*
 * json_text: strings and numbers of a payload.
 */
#include "record/json_text.h"

#include <stdlib.h>

#include "base/json.h"

enum {
	NUMERIC_BEFORE = 131072, /* digits of PostgreSQL's numeric before the point */
	NUMERIC_AFTER = 16383,
	INNER_MAX = 262144, /* bytes of JSON inside a string that are read */
	BASE64_MIN = 12,
	NESTING_MAX = 4, /* JSON inside a string inside JSON … */
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
	long lead = 0;

	if (digits.len != 15 && digits.len != 16) {
		return false;
	}
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9') {
			return false;
		}
		lead = i < 4 ? lead * 10 + (digits.ptr[i] - '0') : lead;
	}
	if (digits.len == 15) {
		return (lead / 100 == 34 || lead / 100 == 37) && card_number(digits);
	}
	return (lead / 1000 == 4 || (lead >= 5100 && lead <= 5599) ||
	           (lead >= 2200 && lead <= 2720) || lead == 6011 || lead / 100 == 65) &&
	       card_number(digits);
}

/* Reads text as JSON into out. Returns whether it was, as a whole. */
static bool read_inner(
    struct json_redact *json, struct slice text, struct buf *out, size_t *ret_masked)
{
	struct json_redact *inner = malloc(sizeof(*inner));
	bool whole = false;

	if (!inner) {
		out->failed = true;
		return false;
	}
	json_redact_init(inner, json->redaction, NULL, out);
	inner->nesting = json->nesting + 1;
	whole = json_redact_parse(inner, text, true) == JSON_WHOLE;
	*ret_masked = inner->masked;
	json_redact_finish(inner);
	free(inner);
	return whole;
}

/* JSON inside the string: written anew when something in it was masked. */
static bool put_json(struct json_redact *json, struct slice text)
{
	struct buf out = { 0 };
	size_t masked = 0;
	bool whole = read_inner(json, text, &out, &masked);

	if (whole) {
		json_put_string(json->out, masked > 0 ? buf_slice(&out) : text);
		json->masked += masked;
	}
	json->scratch.failed = json->scratch.failed || out.failed;
	buf_wipe(&out);
	return whole;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z') {
		return c - 'A';
	}
	if (c >= 'a' && c <= 'z') {
		return c - 'a' + 26;
	}
	if (c >= '0' && c <= '9') {
		return c - '0' + 52;
	}
	if (c == '+' || c == '-') {
		return 62;
	}
	return c == '/' || c == '_' ? 63 : -1;
}

/* Base64 of something that begins with { or [: the first 8 bits say so. */
static bool base64_begins_json(struct slice text)
{
	return text.len >= BASE64_MIN && text.len <= INNER_MAX &&
	       (text.ptr[0] == 'e' || text.ptr[0] == 'W') &&
	       base64_value(text.ptr[1]) >= 48;
}

/* Either alphabet, with or without padding (RFC 4648). Returns false: it is none. */
static bool base64_decode(struct slice text, struct buf *out)
{
	unsigned int bits = 0;
	unsigned int held = 0;

	while (text.len > 0 && text.ptr[text.len - 1] == '=') {
		text.len--;
	}
	for (size_t i = 0; i < text.len; i++) {
		int value = base64_value(text.ptr[i]);

		if (value < 0) {
			return false;
		}
		held = (held << 6 | (unsigned int)value) & 0xFFFF;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_putc(out, (char)(held >> bits & 0xFF));
		}
	}
	return true;
}

/* JSON in base64: masked as a whole when something in it is a secret. */
static bool put_base64(struct json_redact *json, struct slice text)
{
	struct buf plain = { 0 };
	struct buf out = { 0 };
	size_t masked = 0;
	bool secret = base64_decode(text, &plain) && json_begins(buf_slice(&plain)) &&
	              read_inner(json, buf_slice(&plain), &out, &masked) && masked > 0;

	if (secret) {
		secrets_add(&json->redaction->secrets, text);
		buf_puts(json->out, "\"" REDACTED "\"");
		json->masked++;
	}
	json->scratch.failed = json->scratch.failed || out.failed || plain.failed;
	buf_wipe(&plain);
	buf_wipe(&out);
	return secret;
}

bool json_begins(struct slice text)
{
	size_t i = 0;

	while (i < text.len && memchr(" \t\r\n", text.ptr[i], 4)) {
		i++;
	}
	return i < text.len && (text.ptr[i] == '{' || text.ptr[i] == '[');
}

void json_text_put(struct json_redact *json, struct slice text)
{
	enum text_kind kind = TEXT_STRING;
	struct spans spans = { 0 };

	if (json->nesting < NESTING_MAX && text.len > 1) {
		if (text.len <= INNER_MAX && json_begins(text)) {
			if (put_json(json, text)) {
				return;
			}
			kind = TEXT_BODY;
		}
		if (base64_begins_json(text) && put_base64(json, text)) {
			return;
		}
	}
	redaction_note(json->redaction, text);
	if (redact_text_find(json->redaction, text, kind, &spans)) {
		spans_join(&spans);
		buf_truncate(&json->scratch, 0);
		spans_put(&spans, text, &json->scratch);
		json_put_string(json->out, buf_slice(&json->scratch));
		json->masked++;
	} else {
		json_put_string(json->out, text);
	}
	spans_finish(&spans);
}

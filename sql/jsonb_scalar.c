/* SPDX-License-Identifier: MIT */
/*
 * Numbers and strings of JSON, digit for digit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/percent.h"
#include "sql/jsonb_private.h"

#define EXPONENT_MAX 2000 /* past it a number is printed as it was written */

static unsigned hex4(const char *text)
{
	unsigned code = 0;

	for (int i = 0; i < 4; i++) {
		code = code * 16 + (unsigned)hex_digit(text[i]);
	}
	return code;
}

static void put_utf8(struct buf *out, unsigned code)
{
	if (code < 0x80) {
		buf_putc(out, (char)code);
	} else if (code < 0x800) {
		buf_putc(out, (char)(0xC0 | code >> 6));
		buf_putc(out, (char)(0x80 | (code & 0x3F)));
	} else if (code < 0x10000) {
		buf_putc(out, (char)(0xE0 | code >> 12));
		buf_putc(out, (char)(0x80 | (code >> 6 & 0x3F)));
		buf_putc(out, (char)(0x80 | (code & 0x3F)));
	} else {
		buf_putc(out, (char)(0xF0 | code >> 18));
		buf_putc(out, (char)(0x80 | (code >> 12 & 0x3F)));
		buf_putc(out, (char)(0x80 | (code >> 6 & 0x3F)));
		buf_putc(out, (char)(0x80 | (code & 0x3F)));
	}
}

/* \uXXXX at p, maybe with the second half of a pair. Returns how many bytes it takes. */
static size_t put_unicode(struct buf *out, const char *p, size_t left)
{
	unsigned code = left >= 6 ? hex4(p + 2) : 0xFFFD;
	size_t len = left >= 6 ? 6 : left;

	if (code >= 0xD800 && code < 0xDC00 && left >= 12 && p[6] == '\\' &&
	    p[7] == 'u') {
		unsigned low = hex4(p + 8);

		if (low >= 0xDC00 && low < 0xE000) {
			code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
			len = 12;
		}
	}
	if (code == 0 || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) {
		code = 0xFFFD; /* what no text may hold */
	}
	put_utf8(out, code);
	return len;
}

void jsonb_unescape(struct buf *out, struct slice inner)
{
	static const char signs[] = "bfnrt";
	static const char values[] = "\b\f\n\r\t";
	size_t at = 0;

	while (at < inner.len) {
		const char *p = inner.ptr + at;
		const char *sign;

		if (*p != '\\' || at + 1 == inner.len) {
			buf_putc(out, *p);
			at++;
		} else if (p[1] == 'u') {
			at += put_unicode(out, p, inner.len - at);
		} else {
			sign = strchr(signs, p[1]);
			buf_putc(out, sign && *sign ? values[sign - signs] : p[1]);
			at += 2;
		}
	}
}

/* 0.DIGITS × 10^point; whole and fraction borrowed. */
struct decimal {
	bool negative;
	struct slice whole;
	struct slice fraction;
	int64_t exponent;
};

static struct decimal read_decimal(struct slice text)
{
	struct decimal decimal = { 0 };
	size_t at = 0;

	if (text.len > 0 && text.ptr[0] == '-') {
		decimal.negative = true;
		at++;
	}
	decimal.whole.ptr = text.ptr + at;
	while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
		at++;
		decimal.whole.len++;
	}
	decimal.fraction.ptr = text.ptr + at;
	if (at < text.len && text.ptr[at] == '.') {
		decimal.fraction.ptr = text.ptr + ++at;
		while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
			at++;
			decimal.fraction.len++;
		}
	}
	if (at < text.len && (text.ptr[at] | 0x20) == 'e') {
		bool negative = ++at < text.len && text.ptr[at] == '-';

		at += at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+');
		while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9' &&
		       decimal.exponent < INT64_C(1000000000000)) {
			decimal.exponent = decimal.exponent * 10 + (text.ptr[at++] - '0');
		}
		decimal.exponent = negative ? -decimal.exponent : decimal.exponent;
	}
	return decimal;
}

static char digit_at(const struct decimal *decimal, int64_t at)
{
	int64_t whole = (int64_t)decimal->whole.len;

	if (at < 0 || at >= whole + (int64_t)decimal->fraction.len) {
		return '0';
	}
	return at < whole ? decimal->whole.ptr[at] : decimal->fraction.ptr[at - whole];
}

/* Position of the first digit that is not 0, or -1. */
static int64_t first_digit(const struct decimal *decimal)
{
	int64_t count = (int64_t)(decimal->whole.len + decimal->fraction.len);

	for (int64_t i = 0; i < count; i++) {
		if (digit_at(decimal, i) != '0') {
			return i;
		}
	}
	return -1;
}

void jsonb_put_number(struct buf *out, struct slice digits)
{
	struct decimal decimal = read_decimal(digits);
	int64_t first = first_digit(&decimal);
	int64_t point = (int64_t)decimal.whole.len + decimal.exponent;
	int64_t scale = (int64_t)decimal.fraction.len - decimal.exponent;

	if (decimal.exponent > EXPONENT_MAX || decimal.exponent < -EXPONENT_MAX) {
		buf_put_slice(out, digits);
		return;
	}
	if (decimal.negative && first >= 0) {
		buf_putc(out, '-');
	}
	if (first < 0 || first >= point) {
		buf_putc(out, '0');
	}
	for (int64_t i = first; first >= 0 && i < point; i++) {
		buf_putc(out, digit_at(&decimal, i));
	}
	if (scale > 0) {
		buf_putc(out, '.');
	}
	for (int64_t i = 0; i < scale; i++) {
		buf_putc(out, digit_at(&decimal, point + i));
	}
}

int jsonb_compare_numbers(struct slice a_text, struct slice b_text)
{
	struct decimal a = read_decimal(a_text);
	struct decimal b = read_decimal(b_text);
	int64_t a_first = first_digit(&a);
	int64_t b_first = first_digit(&b);
	int64_t a_size = (int64_t)a.whole.len + a.exponent - a_first;
	int64_t b_size = (int64_t)b.whole.len + b.exponent - b_first;
	int64_t count;
	int sign = a.negative ? -1 : 1;

	if (a_first < 0 || b_first < 0) {
		return a_first < 0 && b_first < 0 ? 0
		       : a_first >= 0             ? sign
		       : b.negative               ? 1
		                                  : -1;
	}
	if (a.negative != b.negative) {
		return sign;
	}
	if (a_size != b_size) {
		return a_size > b_size ? sign : -sign;
	}
	count = (int64_t)(a.whole.len + a.fraction.len) - a_first;
	if ((int64_t)(b.whole.len + b.fraction.len) - b_first > count) {
		count = (int64_t)(b.whole.len + b.fraction.len) - b_first;
	}
	for (int64_t i = 0; i < count; i++) {
		char x = digit_at(&a, a_first + i);
		char y = digit_at(&b, b_first + i);

		if (x != y) {
			return x > y ? sign : -sign;
		}
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * percent: hexadecimal digits, and %XX undone byte by byte (RFC 3986 2.1).
 */
#ifndef BASE_PERCENT_H
#define BASE_PERCENT_H

#include "base/slice.h"

/* The value of a hexadecimal digit; -1: it is none. */
static inline int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at the beginning of rest, which is not empty: that of %XX, else itself.
 * Returns how many bytes of rest it takes. */
static inline size_t percent_byte(struct slice rest, char *ret)
{
	if (rest.len >= 3 && rest.ptr[0] == '%' && hex_digit(rest.ptr[1]) >= 0 &&
	    hex_digit(rest.ptr[2]) >= 0) {
		*ret = (char)(hex_digit(rest.ptr[1]) * 16 + hex_digit(rest.ptr[2]));
		return 3;
	}
	*ret = rest.ptr[0];
	return 1;
}

/* The same in a form or a query, where + is a blank (WHATWG URL 5.1). */
static inline size_t form_byte(struct slice rest, char *ret)
{
	if (rest.ptr[0] == '+') {
		*ret = ' ';
		return 1;
	}
	return percent_byte(rest, ret);
}

#endif

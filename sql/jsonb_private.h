/* SPDX-License-Identifier: MIT */
/*
 * jsonb_private: for jsonb*.c only.
 */
#ifndef SQL_JSONB_PRIVATE_H
#define SQL_JSONB_PRIVATE_H

#include "base/buf.h"

void jsonb_skip_blanks(struct slice *text);

/* Takes a string with its quotes from the front, where a quote is. ptr NULL: not whole.
 */
struct slice jsonb_take_string(struct slice *text);

/* Appends the content of a string (without its quotes) with the escapes undone. */
void jsonb_unescape(struct buf *out, struct slice inner);

/* Appends a number as PostgreSQL's numeric prints it. */
void jsonb_put_number(struct buf *out, struct slice digits);

/* The order of two numbers, exact whatever their size. */
int jsonb_compare_numbers(struct slice a, struct slice b);

#endif

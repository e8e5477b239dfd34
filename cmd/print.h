/* SPDX-License-Identifier: MIT */
/*
 * print: rows of the database as text for a terminal, and as JSON.
 */
#ifndef CMD_PRINT_H
#define CMD_PRINT_H

#include "base/buf.h"

struct sqlite3_stmt;

/*
 * Appends text for a terminal, at most max bytes of it: what a peer sent cannot move the
 * cursor or change colours, because controls (C0, DEL, C1) are escaped and line breaks
 * become blanks.
 */
void print_clean(struct buf *out, const char *text, size_t max);

/* Appends blanks until what was appended since from is width characters wide. */
void print_pad(struct buf *out, size_t from, size_t width);

/* "2026-11-23T19:10:00.123456Z" as "2026-11-23 19:10:00.123" in local time. */
void print_local_time(struct buf *out, const char *text);

/* 1234567 as "1,234,567". */
void print_thousands(struct buf *out, long long number);

/* Appends JSON text without the blanks between its tokens: one line, digits untouched. */
void print_json_compact(struct buf *out, const char *json);

/*
 * Appends the statement's current row as one JSON object under its column names. A column
 * called request_payload or response_payload nests; NULL is null, integers are numbers.
 */
void print_json_row(struct buf *out, struct sqlite3_stmt *row);

#endif

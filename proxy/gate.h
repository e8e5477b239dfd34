/* SPDX-License-Identifier: MIT */
/*
 * gate: the strict check in front of http-parser. What it refuses, http-parser never
 * sees.
 *
 * One pass over a bounded head with a table of allowed bytes, the framing decided from
 * the fields (RFC 9112 6), and a check of every chunk line. Requirements H1 to H7, H12,
 * H13 of the reliability reference.
 */
#ifndef PROXY_GATE_H
#define PROXY_GATE_H

#include "base/fields.h"
#include "base/slice.h"

#include <stdint.h>

struct gate_limits {
	size_t request_line; /* bytes; past it 414 */
	size_t head;       /* bytes of the whole head; past it 431 (502 for a response) */
	size_t fields;     /* number of fields; past it 431 */
	size_t chunk_line; /* bytes of a chunk-size line with its extensions */
};

extern const struct gate_limits gate_limits_default; /* 16 KiB, 64 KiB, 100, 4 KiB */

enum framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_UNTIL_CLOSE };

/* A complete, valid head. Slices borrow from the buffer it was read in. */
struct head {
	/* request */
	struct slice method; /* any token, as sent */
	struct slice
	    target; /* as sent; its form is judged by the proxy, its bytes here */
	/* response */
	int status;
	struct slice reason;
	/* both */
	int minor;           /* HTTP/1.minor: 0 or 1 */
	struct slice fields; /* the header lines, "Name: value\r\n" each */
	enum framing framing;
	uint64_t length; /* FRAMING_LENGTH */
	bool keep_alive; /* RFC 9112 9.3, from version and Connection */
	bool expect_continue;
};

/* Why something was refused. */
struct refusal {
	int status;         /* what a request is answered with */
	const char *reason; /* static text */
};

/* RFC 9110 5.6.2: not empty, and only what names may consist of. */
bool gate_is_token(struct slice text);

enum gate_scan { GATE_SCAN_MORE, GATE_SCAN_LINE, GATE_SCAN_BAD };

/*
 * Looks for the end of a line. after_cr says that the byte before input was a CR.
 * *ret_used is how much of input belongs to the line: through its LF, through the byte
 * that made it bad, or all. Returns  GATE_SCAN_BAD at a control byte (HTAB is none), a CR
 * without LF or an LF without CR.
 */
enum gate_scan gate_scan(struct slice input, bool after_cr, size_t *ret_used);

/*
 * Judge a first line, without its CRLF. Of head they fill what the line says.
 * HTTP/1.2 to 1.9 are read as 1.1 (RFC 9110 2.5). A status line may lack the SP before an
 * empty reason: many servers leave it out.
 */
bool gate_request_line(struct slice line, struct head *head, struct refusal *ret_refusal);
bool gate_status_line(struct slice line, struct head *head, struct refusal *ret_refusal);

/*
 * Judge the header lines, "Name: value\r\n" each, and decide how the message is framed.
 * head holds what the first line said; the rest of it is filled.
 *
 * fields    written to: an HTAB behind a framing value becomes SP, the same to everyone
 * but http-parser, which does not know it there bodiless  the response answers HEAD
 *
 * An expectation other than 100-continue is the origin's affair (RFC 9110 10.1.1 lets us
 * ignore it); 100-continue counts in HTTP/1.1 only, and with a body. A request in
 * HTTP/1.0 is never kept alive: RFC 9112 9.3 forbids it to a proxy.
 */
bool gate_request_fields(
    char *fields, size_t len, struct head *head, struct refusal *ret_refusal);
bool gate_response_fields(char *fields, size_t len, bool bodiless, struct head *head,
    struct refusal *ret_refusal);

/* Judges one header or trailer line, without its CRLF. *ret_field borrows from it. */
bool gate_field_line(
    struct slice line, struct field *ret_field, struct refusal *ret_refusal);

/* May a trailer of that name be passed on? Not what frames, routes, authenticates or
 * describes the message (RFC 9110 6.5.1). */
bool gate_trailer_allowed(struct slice name);

/*
 * Judges a chunk-size line, without its CRLF (RFC 9112 7.1). Extensions are only looked
 * at byte by byte: they are dropped. *ret_digits is how many digits the size has.
 */
bool gate_chunk_line(struct slice line, uint64_t *ret_size, size_t *ret_digits,
    struct refusal *ret_refusal);

#endif

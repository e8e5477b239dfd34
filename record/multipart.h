/* SPDX-License-Identifier: MIT */
/*
 * multipart: the parts of a multipart/form-data body (RFC 7578, RFC 2046 5.1).
 */
#ifndef RECORD_MULTIPART_H
#define RECORD_MULTIPART_H

#include "record/form.h"

/*
 * The boundary of a Content-Type, copied to ret_boundary (at most 200 bytes).
 * Returns false when it is not multipart/form-data with a boundary.
 */
bool multipart_boundary(struct slice content_type, struct buf *ret_boundary);

/*
 * Does a body look like parts, whatever its Content-Type says? By its first boundary and
 * the field that follows it.
 */
bool multipart_begins(struct slice body);

/*
 * The boundary that the first line of a body shows, for a Content-Type that names none or
 * another one. Returns false when there is none.
 */
bool multipart_first_line(struct slice body, struct buf *ret_boundary);

/*
 * Adds the parts that are there as a whole to form: text as it is, a file as
 * {"_file","_type","_bytes","_sha256"}. Returns whether the closing boundary was met.
 */
bool multipart_read(struct form *form, struct slice body, struct slice boundary);

/* SHA-256 of data as 64 hexadecimal digits and a NUL. Returns false: no memory. */
bool sha256_hex(struct slice data, char ret_hex[65]);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * json: writing JSON text that PostgreSQL's jsonb takes: valid UTF-8, no U+0000.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

/*
 * Appends text as a JSON string with its quotes. U+0000 and every byte that is not part
 * of a valid UTF-8 sequence become U+FFFD; other controls are escaped (RFC 8259 7).
 */
void json_put_string(struct buf *out, struct slice text);

/* Appends text with U+0000 and invalid UTF-8 replaced by U+FFFD, unquoted and unescaped.
 */
void utf8_put_clean(struct buf *out, struct slice text);

/* Length of the longest prefix of text, at most max bytes, that does not cut a UTF-8
 * sequence. */
size_t utf8_prefix(struct slice text, size_t max);

#endif

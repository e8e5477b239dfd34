/* SPDX-License-Identifier: MIT */
/*
 * json_escape: strings of JSON without their escapes (RFC 8259 7). Private to json_*.
 */
#ifndef RECORD_JSON_ESCAPE_H
#define RECORD_JSON_ESCAPE_H

#include "base/buf.h"

/*
 * Puts text, in which a byte follows each backslash, into out (in place of what is
 * there). *bytes, the kinds of what is no escape, gets those of the escapes too, and
 * loses JSON_BYTE_ESCAPED; JSON_BYTE_OTHER is set where json_put_string would write one
 * of them in another way. Returns false when one stands for nothing, or without memory
 * (out->failed).
 */
bool json_unescape(struct buf *out, struct slice text, unsigned int *bytes);

#endif

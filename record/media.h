/* SPDX-License-Identifier: MIT */
/*
 * media: what a Content-Type promises about a body. It is a hint, not the truth.
 */
#ifndef RECORD_MEDIA_H
#define RECORD_MEDIA_H

#include "base/buf.h"

enum media {
	MEDIA_UNKNOWN,
	MEDIA_JSON,
	MEDIA_FORM,
	MEDIA_MULTIPART,
	MEDIA_TEXT,
	MEDIA_BINARY,
};

enum media media_of(struct slice content_type);

/* The type without its parameters; "application/octet-stream" when there is none. */
struct slice media_type(struct slice content_type);

/* UTF-8 without control characters; cut: the end may be in the middle of a character. */
bool media_looks_text(struct slice body, bool cut);

/* Appends the text of an HTML page's <title>, blanks joined. Returns whether there is
 * one. */
bool html_title(struct slice body, struct buf *out);

/*
 * Is it UTF-16 or UTF-32, as its charset, its byte order mark or zeros at its begin say?
 * Also for UTF-7: in none of them a secret is written as elsewhere.
 */
bool media_wide(struct slice content_type, struct slice body);

/* Does any of it read like UTF-16 or UTF-32: three characters with zeros between them? */
bool media_wide_within(struct slice text);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * payload: which kind of body it is, and what the row keeps of it (DESIGN.md, section 4).
 *
 * In two steps: payload_read finds the secrets of a body and masks those with a place or
 * a name; once both bodies of a call are read, payload_write masks by value and writes.
 */
#ifndef RECORD_PAYLOAD_H
#define RECORD_PAYLOAD_H

#include "record/capture.h"
#include "record/redact.h"
#include "record/watch.h"

enum payload_kind {
	PAYLOAD_NONE,
	PAYLOAD_JSON, /* JSON, a form, a multipart body or a query: text is an object or
	                 value */
	PAYLOAD_TEXT,
	PAYLOAD_BINARY, /* text is its description */
	PAYLOAD_SHED,   /* nothing was kept */
};

struct payload_source {
	const struct capture *capture; /* borrowed */
	struct slice fields;           /* header lines of the message */
	struct slice query; /* stands in for a body that is not there; ptr NULL: none */
	uint64_t max_body;
	size_t keep; /* bytes of the decoded body that are looked at */
	bool cut;    /* the connection ended, or it goes on: more was to come */
};

/* A zeroed struct is empty. */
struct payload {
	enum payload_kind kind;
	bool is_json;     /* the body is JSON: a verdict can be read from it */
	bool json_text;   /* text is JSON that waybill wrote, or a first part of it */
	bool truncated;   /* longer than a row keeps */
	uint64_t bytes;   /* true length */
	struct buf text;  /* redacted by place and name; wiped */
	struct buf title; /* of an HTML page, as it came; wiped */
};

/* watch: pointers put to the payload as the row stores it; NULL: none. 0 or -ENOMEM. */
MUST_CHECK int payload_read(struct payload *payload, const struct payload_source *source,
    struct redaction *redaction, struct watch *watch);
void payload_finish(struct payload *payload);

/*
 * Appends the JSON of the row to out (nothing at all for PAYLOAD_NONE), masked by value.
 * After redaction_seal; once.
 */
void payload_write(
    struct payload *payload, struct secrets *secrets, uint64_t max_body, struct buf *out);

#endif

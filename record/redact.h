/* SPDX-License-Identifier: MIT */
/*
 * redact: what is a secret in one call, and the text without it.
 *
 * Reading a call finds secrets by place and by name and masks them where they stand;
 * their values are kept in `secrets`, to be masked wherever else they occur once all is
 * read.
 */
#ifndef RECORD_REDACT_H
#define RECORD_REDACT_H

#include "base/err.h"
#include "record/call.h"
#include "record/secrets.h"

/* Of one call. Thread: one. */
struct redaction {
	const struct secret_places *places; /* borrowed; NULL: none */
	struct secrets secrets;
	struct buf plain; /* short texts read and not yet looked through by form; wiped */
	bool oauth;       /* the call is about OAuth: "code" is a secret */
	size_t nested;    /* what JSON inside strings has cost, see json_text.c */
};

/* Prepares names and forms, once; any thread. Returns 0, -ENOMEM or -EINVAL. */
MUST_CHECK int redact_init(struct err *err);

/* Begins: notes the secrets of header fields, path and query. */
void redaction_begin(struct redaction *redaction, const struct call *call);
void redaction_finish(struct redaction *redaction);

/* Is the value of this parameter of a query a secret by its name? */
bool redact_query_name(const struct redaction *redaction, struct slice name);

/* A text in which something may have the form of a secret: it is looked through now or,
 * if it is short, with others by redaction_scan. */
void redaction_note(struct redaction *redaction, struct slice text);
void redaction_scan(struct redaction *redaction);

/* Are there patterns of the owner's that find secrets by their form? */
bool redaction_has_patterns(const struct redaction *redaction);

/* All has been read: nothing more is added, masking can begin. */
void redaction_seal(struct redaction *redaction);

/* Is a value under the name "code" a secret by what it looks like? */
bool code_is_secret(struct slice value);

/* Do these digits form a payment card's number? (Luhn, ISO/IEC 7812-1) */
bool card_number(struct slice digits);

enum text_kind {
	TEXT_STRING, /* a string of a payload: name=value and URLs in it */
	TEXT_BODY,   /* a whole body: name: value and <name>value</name> too */
};

/*
 * Notes in spans the values that stand beside a secret name in a text, and credentials in
 * URLs. Returns whether there is any.
 */
bool redact_text_find(struct redaction *redaction, struct slice text, enum text_kind kind,
    struct spans *spans);

/* Appends text with those masked. */
void redact_text(
    struct redaction *redaction, struct slice text, enum text_kind kind, struct buf *out);

/*
 * Notes the secrets of a header field. Returns whether its value is one (then it is never
 * stored).
 */
bool redact_field(struct redaction *redaction, struct slice name, struct slice value);

#endif

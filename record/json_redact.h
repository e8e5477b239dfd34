/* SPDX-License-Identifier: MIT */
/*
 * json_redact: a payload in, value by value, and the JSON text of the row out, redacted.
 *
 * JSON bodies come from json_redact_parse; forms, multipart bodies and queries call the
 * same functions. One pass, no recursion, time linear in the input. Names keep their
 * order and doubles stay.
 */
#ifndef RECORD_JSON_REDACT_H
#define RECORD_JSON_REDACT_H

#include "record/redact.h"
#include "record/watch.h"

enum json_state {
	JSON_NOTHING, /* not one value could be read */
	JSON_BROKEN,  /* out holds what was read before the end or the fault */
	JSON_WHOLE,   /* one value */
	JSON_LINES,   /* several, one after another: out has one on each line */
};

enum json_frame_flag {
	FRAME_MAP = 1,
	FRAME_SECRET = 2,       /* all scalars below are masked */
	FRAME_NEXT_SECRET = 4,  /* the value of the name just read */
	FRAME_NEXT_CODE = 8,    /* that name is "code" */
	FRAME_OAUTH = 16,       /* a member says that the object is about OAuth */
	FRAME_WATCHED = 32,     /* pointers have to do with what is in it */
	FRAME_REACHED = 64,     /* or point at itself */
	FRAME_CODE = 128,       /* it has a "code": code_at, code_len */
	FRAME_NEXT_LABEL = 256, /* that name is "name", "key" … */
	FRAME_NEXT_VALUE = 512, /* or "value" */
	FRAME_LABELLED = 1024,  /* {"name": "X-Api-Key", "value": …} */
	FRAME_VALUE = 2048,     /* it has a "value": value_at, value_len */
};

struct json_frame {
	uint32_t flags;
	uint32_t count; /* members begun */
	size_t code_at; /* the value of "code", in codes */
	size_t code_len;
	size_t value_at; /* that of "value", in codes */
	size_t value_len;
};

/* Thread: one. */
struct json_redact {
	struct redaction *redaction; /* borrowed */
	struct watch *watch;         /* borrowed; NULL: no pointers */
	struct buf *out;             /* borrowed */
	unsigned int nesting;        /* strings that the text stands inside of */
	bool query;                  /* names are those of a URL's query */
	size_t masked;               /* values */

	/* private */
	size_t depth;        /* containers open */
	size_t skipped;      /* containers open below the deepest that is kept */
	size_t tops;         /* values at depth 0 */
	const char *run;     /* of the text that is read: what goes out as it is … */
	const char *run_end; /* … see json_out.h */
	const char *text_end;
	struct slice
	    raw; /* the scalar that comes, where it stands in the text; or NULL */
	struct buf plain;          /* a string of the text without its escapes; wiped */
	struct buf codes;          /* wiped */
	struct buf scratch;        /* wiped */
	struct spans spans;        /* what is masked in a string */
	struct json_redact *inner; /* owned; for JSON inside strings, made once */
	struct buf inner_out;      /* wiped */
	struct json_frame frame[WATCH_DEPTH];
};

/* watch may be NULL (else watch_begin was called). */
void json_redact_init(struct json_redact *json, struct redaction *redaction,
    struct watch *watch, struct buf *out);
void json_redact_finish(struct json_redact *json);
/* Forgets what was written, for another text of the same kind; memory is kept. */
void json_redact_again(struct json_redact *json);

void json_redact_open(struct json_redact *json, bool is_map);
void json_redact_name(struct json_redact *json, struct slice name);
void json_redact_close(struct json_redact *json);
void json_redact_string(struct json_redact *json, struct slice text);
/* The same for whoever knows which kinds of bytes text has (json_bytes.h). */
void json_redact_text(struct json_redact *json, struct slice text, unsigned int bytes);
void json_redact_member(struct json_redact *json, struct slice name, unsigned int bytes);
/* Digits as they came. What PostgreSQL's numeric cannot hold becomes a string. */
void json_redact_number(struct json_redact *json, struct slice digits);
void json_redact_bool(struct json_redact *json, bool value);
void json_redact_null(struct json_redact *json);

/*
 * Reads JSON text (RFC 8259; a BOM before it is passed over). whole: text is all of it,
 * else a part from its beginning. Returns what it was; out of memory shows in
 * out->failed.
 */
enum json_state json_redact_parse(
    struct json_redact *json, struct slice text, bool whole);

/* Could this be JSON: does it begin like an object or an array? */
bool json_begins(struct slice text);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * json_redact: writing values.
 */
#include "record/json_redact.h"

#include <stdlib.h>

#include "base/json.h"
#include "record/json_bytes.h"
#include "record/json_out.h"
#include "record/json_text.h"
#include "record/names.h"

enum {
	LABEL_MAX = 64,   /* a longer name names no secret */
	FORM_BYTES = 12,  /* a shorter name has no form of a secret */
	NUMBER_BYTES = 8, /* a shorter number is no card's, and fits numeric: 1e131072
	                     does not */
};

void json_redact_init(struct json_redact *json, struct redaction *redaction,
    struct watch *watch, struct buf *out)
{
	/* the frames are set when they are opened */
	json->redaction = redaction;
	json->watch = watch;
	json->out = out;
	json->nesting = 0;
	json->query = false;
	json->masked = 0;
	json->depth = 0;
	json->skipped = 0;
	json->tops = 0;
	json_out_begin(json, NULL, NULL);
	json->raw = (struct slice){ NULL, 0 };
	json->plain = (struct buf){ 0 };
	json->codes = (struct buf){ 0 };
	json->scratch = (struct buf){ 0 };
	json->spans = (struct spans){ 0 };
	json->inner = NULL;
	json->inner_out = (struct buf){ 0 };
}

void json_redact_again(struct json_redact *json)
{
	json->masked = 0;
	json->depth = 0;
	json->skipped = 0;
	json->tops = 0;
	buf_truncate(&json->codes, 0);
}

static void finish_one(struct json_redact *json)
{
	json->out->failed = json->out->failed || json->plain.failed ||
	                    json->codes.failed || json->scratch.failed ||
	                    json->inner_out.failed;
	buf_wipe(&json->plain);
	buf_wipe(&json->codes);
	buf_wipe(&json->scratch);
	buf_wipe(&json->inner_out);
	spans_finish(&json->spans);
}

void json_redact_finish(struct json_redact *json)
{
	while (json->inner) {
		struct json_redact *outer = json;

		/* the innermost first: what failed there, failed here */
		while (outer->inner->inner) {
			outer = outer->inner;
		}
		finish_one(outer->inner);
		free(outer->inner);
		outer->inner = NULL;
	}
	finish_one(json);
}

void json_out_other_byte(struct json_redact *json, char c)
{
	buf_putc(json_out(json), c);
}

/* A value comes outside of all containers. Returns whether it is a secret. */
static bool begin_top(struct json_redact *json)
{
	if (json->tops++ > 0) {
		json_out_byte(json, '\n');
	}
	if (watch_wants(json->watch, 0)) {
		watch_next(json->watch, 0, (struct slice){ NULL, 0 }, 0);
	}
	return watch_is_secret(json->watch);
}

/* A value comes in a container that pointers know. Returns whether they call it a secret.
 * ordinal: of an element. */
static bool begin_watched(
    struct json_redact *json, struct json_frame *frame, uint32_t ordinal)
{
	if (!(frame->flags & FRAME_MAP) && watch_wants(json->watch, json->depth)) {
		watch_next(json->watch, json->depth, (struct slice){ NULL, 0 }, ordinal);
	}
	if (frame->count == 1 && (frame->flags & FRAME_REACHED)) {
		watch_filled(json->watch, json->depth - 1);
	}
	if (!json->watch->lives[json->depth - 1]) {
		frame->flags &= ~(uint32_t)FRAME_WATCHED; /* that was all */
	}
	return watch_is_secret(json->watch);
}

/* A value comes: what stands before it. Returns whether it is a secret by its place. */
static inline bool begin_value(struct json_redact *json)
{
	struct json_frame *frame = NULL;
	bool secret = false;

	if (json->depth == 0) {
		return begin_top(json);
	}
	frame = &json->frame[json->depth - 1];
	if (!(frame->flags & FRAME_MAP) && frame->count++ > 0) {
		json_out_byte(json, ',');
	}
	secret = (frame->flags & (FRAME_SECRET | FRAME_NEXT_SECRET)) != 0;
	if (frame->flags & FRAME_WATCHED) {
		secret = begin_watched(json, frame, frame->count - 1) || secret;
	}
	return secret;
}

/* Is the value that comes that of a "code"? */
static bool is_code(const struct json_redact *json)
{
	return json->depth > 0 &&
	       (json->frame[json->depth - 1].flags & FRAME_NEXT_CODE) != 0;
}

void json_redact_open(struct json_redact *json, bool is_map)
{
	uint32_t flags = is_map ? FRAME_MAP : 0;
	struct json_frame *frame = NULL;

	if (json->skipped > 0) {
		json->skipped++;
		return;
	}
	flags |= begin_value(json) ? FRAME_SECRET : 0;
	if (json->depth == WATCH_DEPTH) {
		buf_puts(json_out(json), "\"[nested too deep]\"");
		json->skipped = 1;
		return;
	}
	if (watch_comes(json->watch)) {
		flags |= watch_open(json->watch, json->depth, is_map) ? FRAME_REACHED : 0;
		flags |= FRAME_WATCHED;
	}
	frame = &json->frame[json->depth++];
	frame->flags = flags; /* the rest says what it needs of it */
	frame->count = 0;
	json_out_byte(json, is_map ? '{' : '[');
}

/* Names whose presence says that "code" beside them is an authorization code (RFC
 * 6749 4.1). */
static bool oauth_name(struct slice name)
{
	char first = name.len < 8 ? '\0' : (char)(name.ptr[0] | 0x20);

	if (first != 'c' && first != 'g' && first != 'r') {
		return false; /* at a glance: most names */
	}
	return name_same(name, SLICE("grant_type")) ||
	       name_same(name, SLICE("client_id")) ||
	       name_same(name, SLICE("client_secret")) ||
	       name_same(name, SLICE("redirect_uri"));
}

/* {"name": "X-Api-Key", "value": "…"}: does this name say whose the value is, or hold it?
 */
static uint32_t pair_flag(struct slice name)
{
	switch (name.len < 3 || name.len > 6 ? '\0' : name.ptr[0] | 0x20) {
	case 'v':
		return slice_ieq(name, SLICE("value")) ? FRAME_NEXT_VALUE : 0;
	case 'n':
		return slice_ieq(name, SLICE("name")) ? FRAME_NEXT_LABEL : 0;
	case 'k':
		return slice_ieq(name, SLICE("key")) ? FRAME_NEXT_LABEL : 0;
	case 'f':
		return slice_ieq(name, SLICE("field")) ? FRAME_NEXT_LABEL : 0;
	case 'h':
		return slice_ieq(name, SLICE("header")) ? FRAME_NEXT_LABEL : 0;
	default:
		return 0;
	}
}

/* A string of such a pair. Returns whether it is a secret; one that comes before its name
 * is kept until the end of the object. */
static bool put_pair(
    struct json_redact *json, struct json_frame *frame, struct slice text)
{
	if (frame->flags & FRAME_NEXT_LABEL) {
		if (text.len <= LABEL_MAX && name_kind(text, false) == NAME_SECRET) {
			frame->flags |= FRAME_LABELLED;
		}
		return false;
	}
	if (frame->flags & FRAME_LABELLED) {
		return true;
	}
	frame->flags |= FRAME_VALUE;
	frame->value_at = json->codes.len;
	frame->value_len = text.len;
	buf_put_slice(&json->codes, text);
	return false;
}

/* A value that is out already is masked by its value in the end. */
static void add_late(struct json_redact *json, size_t at, size_t len)
{
	if (!json->codes.failed) {
		secrets_add(&json->redaction->secrets,
		    (struct slice){ json->codes.ptr + at, len });
		json->masked++;
	}
}

/* What an object kept for its end. */
static void close_kept(struct json_redact *json, const struct json_frame *frame)
{
	size_t keep = json->codes.len;

	if (frame->flags & FRAME_VALUE) {
		if (frame->flags & FRAME_LABELLED) {
			add_late(json, frame->value_at, frame->value_len);
		}
		keep = frame->value_at;
	}
	if (frame->flags & FRAME_CODE) {
		if (frame->flags & FRAME_OAUTH) {
			add_late(json, frame->code_at, frame->code_len);
		}
		keep = frame->code_at < keep ? frame->code_at : keep;
	}
	buf_truncate(&json->codes, keep);
}

void json_redact_name(struct json_redact *json, struct slice name)
{
	json_redact_member(json, name, JSON_BYTE_STOP | JSON_BYTE_HIGH);
}

void json_redact_member(struct json_redact *json, struct slice name, unsigned int bytes)
{
	struct json_frame *frame = NULL;
	enum name_kind kind = NAME_PLAIN;

	if (json->skipped > 0 || json->depth == 0) {
		return;
	}
	if (!name.ptr) {
		name = SLICE("");
	}
	frame = &json->frame[json->depth - 1];
	kind = name_kind(name, json->query);
	if (json->query && redact_query_name(json->redaction, name)) {
		kind = NAME_SECRET;
	}
	if (frame->count > 0) {
		json_out_byte(json, ',');
	}
	json_text_same(json, name, bytes);
	json_out_byte(json, ':');
	if ((frame->flags & FRAME_WATCHED) &&
	    watch_wants_member(json->watch, json->depth, name)) {
		watch_next(json->watch, json->depth, name, frame->count);
	}
	frame->count++;
	frame->flags &= ~(uint32_t)(FRAME_NEXT_SECRET | FRAME_NEXT_CODE |
	                            FRAME_NEXT_LABEL | FRAME_NEXT_VALUE);
	frame->flags |= pair_flag(name) | (kind == NAME_SECRET ? FRAME_NEXT_SECRET : 0) |
	                (kind == NAME_CODE ? FRAME_NEXT_CODE : 0) |
	                (oauth_name(name) ? FRAME_OAUTH : 0);
	if (name.len >= FORM_BYTES) {
		redaction_note(json->redaction, name);
	}
}

void json_redact_close(struct json_redact *json)
{
	struct json_frame *frame = NULL;

	if (json->skipped > 1) {
		json->skipped--;
		return;
	}
	if (json->skipped == 1) {
		json->skipped = 0;
		return;
	}
	if (json->depth == 0) {
		return;
	}
	frame = &json->frame[--json->depth];
	json_out_byte(json, frame->flags & FRAME_MAP ? '}' : ']');
	if (frame->flags & FRAME_REACHED) {
		watch_close(json->watch, json->depth);
	}
	if (frame->flags & (FRAME_VALUE | FRAME_CODE)) {
		close_kept(json, frame);
	}
}

/* A secret string: its value is noted, and those that a URL in it carries. */
static void put_secret(struct json_redact *json, struct slice text)
{
	if (text.len == 0) {
		buf_puts(json_out_instead(json), "\"\"");
		return;
	}
	if (text.len >= SECRET_MIN_BYTES) { /* else nothing in it is kept either */
		secrets_add(&json->redaction->secrets, text);
		spans_clear(&json->spans);
		(void)redact_text_find(json->redaction, text, TEXT_STRING, &json->spans);
	}
	json_text_mask(json);
}

static void note_code(struct json_redact *json, struct slice text)
{
	struct json_frame *frame = &json->frame[json->depth - 1];

	frame->flags &= ~(uint32_t)FRAME_CODE;
	frame->flags |= text.len > 0 ? FRAME_CODE : 0;
	frame->code_at = json->codes.len;
	frame->code_len = text.len;
	buf_put_slice(&json->codes, text);
}

void json_redact_string(struct json_redact *json, struct slice text)
{
	json_redact_text(json, text, json_bytes_of(text));
}

void json_redact_text(struct json_redact *json, struct slice text, unsigned int bytes)
{
	bool secret = false;
	bool code = false;

	if (json->skipped > 0) {
		return;
	}
	secret = begin_value(json);
	code = is_code(json);
	if (code && (json->redaction->oauth || code_is_secret(text))) {
		secret = true;
	}
	if (!secret && json->depth > 0 &&
	    (json->frame[json->depth - 1].flags &
	        (FRAME_NEXT_LABEL | FRAME_NEXT_VALUE))) {
		secret = put_pair(json, &json->frame[json->depth - 1], text);
	}
	if (watch_wants_scalar(json->watch, true)) {
		watch_scalar(json->watch, text, true, false, secret);
	}
	if (secret) {
		put_secret(json, text);
		return;
	}
	if (code) {
		note_code(json, text);
	}
	json_text_put(json, text, bytes);
}

/* A number or a word. */
static void put_as_is(struct json_redact *json, struct slice text)
{
	if (json->raw.ptr) {
		json_out_same(json, json->raw);
	} else {
		buf_put_slice(json_out(json), text);
	}
}

void json_redact_number(struct json_redact *json, struct slice digits)
{
	bool secret = false;

	if (json->skipped > 0) {
		return;
	}
	secret = begin_value(json);
	if (watch_wants_scalar(json->watch, false)) {
		watch_scalar(json->watch, digits, false, false, secret);
	}
	if (secret) {
		put_secret(json, digits);
	} else if (digits.len < NUMBER_BYTES) {
		put_as_is(json, digits);
	} else if (json_number_is_card(digits)) {
		secrets_add(&json->redaction->secrets, digits);
		json_text_mask(json);
	} else if (json_number_fits(digits)) {
		put_as_is(json, digits);
	} else {
		json_put_string(json_out_instead(json), digits);
	}
}

void json_redact_bool(struct json_redact *json, bool value)
{
	bool secret = false;

	if (json->skipped > 0) {
		return;
	}
	secret = begin_value(json);
	if (watch_wants_scalar(json->watch, false)) {
		watch_scalar(json->watch, value ? SLICE("true") : SLICE("false"), false,
		    false, secret);
	}
	put_as_is(json, value ? SLICE("true") : SLICE("false"));
}

void json_redact_null(struct json_redact *json)
{
	if (json->skipped > 0) {
		return;
	}
	(void)begin_value(json);
	if (watch_wants_scalar(json->watch, false)) {
		watch_scalar(json->watch, SLICE("null"), false, true, false);
	}
	put_as_is(json, SLICE("null"));
}

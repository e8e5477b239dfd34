/* SPDX-License-Identifier: MIT */
/*
 * json_parse: JSON text, token by token, for json_redact (RFC 8259).
 *
 * One pass without recursion, time linear in the text, and memory of one bit for each
 * container that is open. Numbers keep their digits; a string without escapes is handed
 * over where it stands. Bytes that are no UTF-8 are the writer's matter, as U+FFFD.
 */
#include "record/json_bytes.h"
#include "record/json_escape.h"
#include "record/json_out.h"

#include <stdint.h>

/* What may come next. */
enum want {
	WANT_VALUE = 1,
	WANT_NAME = 2,
	WANT_COLON = 4,
	WANT_COMMA = 8,
	WANT_END = 16, /* of the container */
};

enum { MAP_BITS = 64 };

/* How far one step came. */
enum step {
	STEP_ON,
	STEP_END,   /* the text ends here, perhaps within a token */
	STEP_FAULT, /* this is not JSON */
};

struct parse {
	struct json_redact *json;
	const char *at;
	const char *end;
	bool whole;        /* nothing follows end */
	unsigned int want; /* enum want */
	size_t depth;
	uint64_t maps; /* a bit for each container that is open, the innermost last: is it
	                  an object? */
	struct buf outer; /* those of the levels further out, by 64 */
};

static bool open_container(struct parse *p, bool is_map)
{
	if (p->depth % MAP_BITS == 0 && p->depth > 0) {
		buf_put(&p->outer, &p->maps, sizeof(p->maps));
		if (p->outer.failed) {
			p->json->out->failed = true;
			return false;
		}
	}
	p->maps = p->maps << 1 | is_map;
	p->depth++;
	p->at++;
	p->want = (is_map ? WANT_NAME : WANT_VALUE) | WANT_END;
	json_redact_open(p->json, is_map);
	return true;
}

/* A value has ended: what may follow it. Outside of all containers another value may. */
static void value_done(struct parse *p)
{
	p->want = p->depth > 0 ? WANT_COMMA | WANT_END : WANT_VALUE;
}

static void close_container(struct parse *p)
{
	p->at++;
	p->depth--;
	p->maps >>= 1;
	if (p->depth % MAP_BITS == 0 && p->depth > 0) {
		p->outer.len -= sizeof(p->maps);
		memcpy(&p->maps, p->outer.ptr + p->outer.len, sizeof(p->maps));
	}
	json_redact_close(p->json);
	value_done(p);
}

/* Where the string that begins at p->at ends: at its quote. NULL: not in this text. */
static const char *string_end(const struct parse *p, unsigned int *ret_bytes)
{
	const char *at = p->at + 1;
	unsigned int bytes = 0;

	for (;;) {
		bytes |= json_bytes_run(&at, p->end);
		if (at == p->end) {
			return NULL;
		}
		if (*at == '"') {
			*ret_bytes = bytes;
			return at;
		}
		if (*at != '\\') {
			return NULL; /* a control character */
		}
		bytes |= JSON_BYTE_ESCAPED;
		at += 2;
		if (at > p->end) {
			return NULL;
		}
	}
}

static enum step read_string(struct parse *p, bool is_name)
{
	struct json_redact *json = p->json;
	unsigned int bytes = 0;
	const char *end = string_end(p, &bytes);
	struct slice text;

	if (!end) {
		/* cut short or no string at all: it is not kept either way */
		return STEP_FAULT;
	}
	text = (struct slice){ p->at + 1, (size_t)(end - p->at - 1) };
	json->raw = (struct slice){ p->at, (size_t)(end + 1 - p->at) };
	if (bytes & JSON_BYTE_ESCAPED) {
		if (!json_unescape(&json->plain, text, &bytes)) {
			json->out->failed = json->out->failed || json->plain.failed;
			return STEP_FAULT;
		}
		text = buf_slice(&json->plain);
	}
	p->at = end + 1;
	if (is_name) {
		p->want = WANT_COLON;
		json_redact_member(json, text, bytes);
	} else {
		value_done(p);
		json_redact_text(json, text, bytes);
	}
	return STEP_ON;
}

static const char *digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9') {
		at++;
	}
	return at;
}

/* One digit or more from `at`. Returns their end, or NULL when there is none. */
static const char *some_digits(const char *at, const char *end)
{
	const char *after = digits(at, end);

	return after > at ? after : NULL;
}

static enum step read_number(struct parse *p)
{
	const char *at = p->at + (*p->at == '-');
	struct slice text;

	/* no other digit after a first 0 */
	at = at < p->end && *at == '0' ? at + 1 : some_digits(at, p->end);
	if (at && at < p->end && *at == '.') {
		at = some_digits(at + 1, p->end);
	}
	if (at && at < p->end && (*at == 'e' || *at == 'E')) {
		at++;
		at += at < p->end && (*at == '+' || *at == '-');
		at = some_digits(at, p->end);
	}
	if (!at) {
		return STEP_FAULT;
	}
	if (at == p->end && !p->whole) {
		return STEP_END; /* more digits may have been cut off */
	}
	text = (struct slice){ p->at, (size_t)(at - p->at) };
	p->json->raw = text;
	p->at = at;
	value_done(p);
	json_redact_number(p->json, text);
	return STEP_ON;
}

static bool take_word(struct parse *p, struct slice word)
{
	struct slice rest = { p->at, (size_t)(p->end - p->at) };

	if (!slice_starts(rest, word)) {
		return false;
	}
	p->json->raw = (struct slice){ p->at, word.len };
	p->at += word.len;
	value_done(p);
	return true;
}

static enum step read_word(struct parse *p)
{
	if (take_word(p, SLICE("null"))) {
		json_redact_null(p->json);
		return STEP_ON;
	}
	if (take_word(p, SLICE("true"))) {
		json_redact_bool(p->json, true);
		return STEP_ON;
	}
	if (take_word(p, SLICE("false"))) {
		json_redact_bool(p->json, false);
		return STEP_ON;
	}
	return STEP_FAULT;
}

/* The token at p->at, where it may stand there. */
static inline enum step step(struct parse *p)
{
	switch (*p->at) {
	case '"':
		if (p->want & (WANT_NAME | WANT_VALUE)) {
			return read_string(p, (p->want & WANT_NAME) != 0);
		}
		return STEP_FAULT;
	case ',':
		if (p->want & WANT_COMMA) {
			p->at++;
			p->want = p->maps & 1 ? WANT_NAME : WANT_VALUE;
			return STEP_ON;
		}
		return STEP_FAULT;
	case ':':
		if (p->want & WANT_COLON) {
			p->at++;
			p->want = WANT_VALUE;
			return STEP_ON;
		}
		return STEP_FAULT;
	case '[':
	case '{':
		if ((p->want & WANT_VALUE) && open_container(p, *p->at == '{')) {
			return STEP_ON;
		}
		return STEP_FAULT;
	case ']':
	case '}':
		if ((p->want & WANT_END) && (p->maps & 1) == (*p->at == '}')) {
			close_container(p);
			return STEP_ON;
		}
		return STEP_FAULT;
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return p->want & WANT_VALUE ? read_number(p) : STEP_FAULT;
	case ' ':
	case '\n':
	case '\t':
	case '\r':
		do {
			p->at++;
		} while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' ||
		                               *p->at == '\t' || *p->at == '\r'));
		return STEP_ON;
	default:
		return p->want & WANT_VALUE ? read_word(p) : STEP_FAULT;
	}
}

enum json_state json_redact_parse(struct json_redact *json, struct slice text, bool whole)
{
	struct parse p;
	enum step last = STEP_ON;

	if (slice_starts(text, SLICE("\xEF\xBB\xBF"))) {
		text.ptr += 3;
		text.len -= 3;
	}
	p.json = json;
	p.whole = whole;
	p.want = WANT_VALUE;
	p.depth = 0;
	p.maps = 0;
	p.outer = (struct buf){ 0 };
	p.at = text.ptr ? text.ptr : "";
	p.end = p.at + text.len;
	(void)buf_reserve(json->out, text.len + 1); /* about what it will be */
	json_out_begin(json, p.at, p.end);
	while (last == STEP_ON) {
		last = p.at < p.end ? step(&p) : STEP_END;
	}
	json_out_end(json);
	buf_finish(&p.outer);
	if (json->tops == 0) {
		return JSON_NOTHING;
	}
	if (last != STEP_END || !whole || p.depth > 0) {
		return JSON_BROKEN;
	}
	return json->tops > 1 ? JSON_LINES : JSON_WHOLE;
}

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
	WANT_VALUE,
	WANT_ELEMENT, /* a value, or the array ends */
	WANT_MEMBER,  /* a name, or the object ends */
	WANT_NAME,
	WANT_COLON,
	WANT_MORE, /* a comma, or the container ends */
};

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
	bool whole; /* nothing follows end */
	enum want want;
	bool is_map; /* the container that is open is an object */
	size_t depth;
	/* by depth, a bit: is it an object? Of the levels that are kept, then of the rest
	 */
	uint8_t map[WATCH_DEPTH / 8];
	struct buf maps;
};

static bool in_map(const struct parse *p)
{
	size_t level = p->depth - 1;

	if (level < WATCH_DEPTH) {
		return (p->map[level / 8] >> level % 8 & 1) != 0;
	}
	level -= WATCH_DEPTH;
	return ((uint8_t)p->maps.ptr[level / 8] >> level % 8 & 1) != 0;
}

/* The byte that has the bit of a new level. NULL: no memory. */
static uint8_t *map_byte(struct parse *p)
{
	size_t byte = p->depth / 8;

	if (byte < sizeof(p->map)) {
		return &p->map[byte];
	}
	byte -= sizeof(p->map);
	if (byte == p->maps.len) {
		buf_putc(&p->maps, 0);
	}
	return p->maps.failed ? NULL : (uint8_t *)&p->maps.ptr[byte];
}

static enum step open_container(struct parse *p, bool is_map)
{
	uint8_t *byte = map_byte(p);
	uint8_t bit = (uint8_t)(1u << p->depth % 8);

	if (!byte) {
		p->json->out->failed = true;
		return STEP_FAULT;
	}
	*byte = (uint8_t)(is_map ? *byte | bit : *byte & ~bit);
	p->is_map = is_map;
	p->depth++;
	p->at++;
	p->want = is_map ? WANT_MEMBER : WANT_ELEMENT;
	json_redact_open(p->json, is_map);
	return STEP_ON;
}

/* A value has ended: what may follow it. Outside of all containers another value may. */
static void value_done(struct parse *p)
{
	p->want = p->depth > 0 ? WANT_MORE : WANT_VALUE;
}

static enum step close_container(struct parse *p, bool is_map)
{
	if (p->depth == 0 || p->is_map != is_map) {
		return STEP_FAULT;
	}
	p->at++;
	p->depth--;
	p->is_map = p->depth > 0 && in_map(p);
	json_redact_close(p->json);
	value_done(p);
	return STEP_ON;
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

static enum step read_value(struct parse *p)
{
	switch (*p->at) {
	case '"':
		return read_string(p, false);
	case '{':
		return open_container(p, true);
	case '[':
		return open_container(p, false);
	case 't':
		if (take_word(p, SLICE("true"))) {
			json_redact_bool(p->json, true);
			return STEP_ON;
		}
		return STEP_FAULT;
	case 'f':
		if (take_word(p, SLICE("false"))) {
			json_redact_bool(p->json, false);
			return STEP_ON;
		}
		return STEP_FAULT;
	case 'n':
		if (take_word(p, SLICE("null"))) {
			json_redact_null(p->json);
			return STEP_ON;
		}
		return STEP_FAULT;
	default:
		if (*p->at == '-' || (*p->at >= '0' && *p->at <= '9')) {
			return read_number(p);
		}
		return STEP_FAULT;
	}
}

static enum step more(struct parse *p)
{
	if (*p->at == ',') {
		p->at++;
		p->want = p->is_map ? WANT_NAME : WANT_VALUE;
		return STEP_ON;
	}
	if (*p->at == ']' || *p->at == '}') {
		return close_container(p, *p->at == '}');
	}
	return STEP_FAULT;
}

static enum step step(struct parse *p)
{
	while (p->at < p->end &&
	       (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r')) {
		p->at++;
	}
	if (p->at == p->end) {
		return STEP_END;
	}
	switch (p->want) {
	case WANT_ELEMENT:
		if (*p->at == ']') {
			return close_container(p, false);
		}
		return read_value(p);
	case WANT_VALUE:
		return read_value(p);
	case WANT_MEMBER:
		if (*p->at == '}') {
			return close_container(p, true);
		}
		return *p->at == '"' ? read_string(p, true) : STEP_FAULT;
	case WANT_NAME:
		return *p->at == '"' ? read_string(p, true) : STEP_FAULT;
	case WANT_COLON:
		if (*p->at != ':') {
			return STEP_FAULT;
		}
		p->at++;
		p->want = WANT_VALUE;
		return STEP_ON;
	case WANT_MORE:
		break;
	}
	return more(p);
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
	p.depth = 0; /* a level's bit is set when it is opened */
	p.maps = (struct buf){ 0 };
	p.is_map = false;
	p.at = text.ptr ? text.ptr : "";
	p.end = p.at + text.len;
	(void)buf_reserve(json->out, text.len + 1); /* about what it will be */
	json_out_begin(json, p.at, p.end);
	while (last == STEP_ON) {
		last = step(&p);
	}
	json_out_end(json);
	buf_finish(&p.maps);
	if (json->tops == 0) {
		return JSON_NOTHING;
	}
	if (last != STEP_END || !whole || p.depth > 0) {
		return JSON_BROKEN;
	}
	return json->tops > 1 ? JSON_LINES : JSON_WHOLE;
}

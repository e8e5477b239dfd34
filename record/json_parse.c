/* SPDX-License-Identifier: MIT */
/*
 * json_parse: JSON text, token by token, for json_redact (RFC 8259).
 *
 * One pass without recursion, time linear in the text, and memory of one bit for each
 * container that is open. Numbers keep their digits; a string without escapes is handed
 * over where it stands. Bytes that are no UTF-8 are the writer's matter, as U+FFFD.
 */
#include "record/json_bytes.h"
#include "record/json_redact.h"

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
	size_t depth;
	/* by depth, a bit: is it an object? Of the levels that are kept, then of the rest
	 */
	uint8_t map[WATCH_DEPTH / 8];
	struct buf maps;
	struct buf plain; /* a string without its escapes; wiped */
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
	if (p->depth == 0 || in_map(p) != is_map) {
		return STEP_FAULT;
	}
	p->at++;
	p->depth--;
	json_redact_close(p->json);
	value_done(p);
	return STEP_ON;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind \u. Returns -1 when they are not four digits. */
static int32_t hex4(const char *at, const char *end)
{
	int32_t value = 0;

	if (end - at < 4) {
		return -1;
	}
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(at[i]);

		if (digit < 0) {
			return -1;
		}
		value = value * 16 + digit;
	}
	return value;
}

/* Writes a code point at `out`, which has room. Returns where to go on. */
static char *put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xC0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3F));
	} else if (c < 0x10000) {
		*out++ = (char)(0xE0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3F));
		*out++ = (char)(0x80 | (c & 0x3F));
	} else {
		*out++ = (char)(0xF0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3F));
		*out++ = (char)(0x80 | (c >> 6 & 0x3F));
		*out++ = (char)(0x80 | (c & 0x3F));
	}
	return out;
}

/* \uXXXX, whose digits begin at `at`; half a surrogate pair is U+FFFD. Returns what
 * follows, or NULL. */
static const char *put_unicode(char **out, const char *at, const char *end)
{
	int32_t c = hex4(at, end);
	int32_t low = -1;

	if (c < 0) {
		return NULL;
	}
	at += 4;
	if (c >= 0xD800 && c <= 0xDBFF && end - at >= 6 && at[0] == '\\' &&
	    at[1] == 'u') {
		low = hex4(at + 2, end);
	}
	if (low >= 0xDC00 && low <= 0xDFFF) {
		*out = put_utf8(*out,
		    0x10000u + ((uint32_t)(c - 0xD800) << 10) + (uint32_t)(low - 0xDC00));
		return at + 6;
	}
	*out = put_utf8(*out, c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : (uint32_t)c);
	return at;
}

/* What a letter behind a backslash stands for; 0: nothing. */
static char meaning(char letter)
{
	switch (letter) {
	case '"':
	case '\\':
	case '/':
		return letter;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return '\0';
	}
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

/* Into p->plain. No escape is shorter than what it stands for. */
static bool undo_escapes(struct parse *p, struct slice text)
{
	const char *at = text.ptr;
	const char *end = text.ptr + text.len;
	char *out = NULL;

	buf_truncate(&p->plain, 0);
	if (!buf_reserve(&p->plain, text.len)) {
		return false;
	}
	out = p->plain.ptr;
	while (at < end) {
		if (*at != '\\') {
			*out++ = *at++;
		} else if (at[1] ==
		           'u') { /* string_end saw a byte behind each backslash */
			at = put_unicode(&out, at + 2, end);
			if (!at) {
				return false;
			}
		} else {
			*out = meaning(at[1]);
			if (*out++ == '\0') {
				return false;
			}
			at += 2;
		}
	}
	p->plain.len = (size_t)(out - p->plain.ptr);
	return true;
}

static enum step read_string(struct parse *p, bool is_name)
{
	unsigned int bytes = 0;
	const char *end = string_end(p, &bytes);
	struct slice text;

	if (!end) {
		/* cut short or no string at all: it is not kept either way */
		return STEP_FAULT;
	}
	text = (struct slice){ p->at + 1, (size_t)(end - p->at - 1) };
	if (bytes & JSON_BYTE_ESCAPED) {
		if (!undo_escapes(p, text)) {
			p->json->out->failed = p->json->out->failed || p->plain.failed;
			return STEP_FAULT;
		}
		text = buf_slice(&p->plain);
		bytes = json_bytes_of(text);
	}
	p->at = end + 1;
	if (is_name) {
		p->want = WANT_COLON;
		json_redact_name(p->json, text);
	} else {
		value_done(p);
		json_redact_text(p->json, text, bytes);
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
		p->want = in_map(p) ? WANT_NAME : WANT_VALUE;
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
	p.plain = (struct buf){ 0 };
	p.at = text.ptr ? text.ptr : "";
	p.end = p.at + text.len;
	(void)buf_reserve(json->out, text.len + 1); /* about what it will be */
	while (last == STEP_ON) {
		last = step(&p);
	}
	buf_finish(&p.maps);
	buf_wipe(&p.plain);
	if (json->tops == 0) {
		return JSON_NOTHING;
	}
	if (last != STEP_END || !whole || p.depth > 0) {
		return JSON_BROKEN;
	}
	return json->tops > 1 ? JSON_LINES : JSON_WHOLE;
}

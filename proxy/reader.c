/* SPDX-License-Identifier: MIT */
/*
 * reader: a small state machine. Lines are collected and shown to the gate, then to
 * http-parser; body bytes are passed through both where they lie. Where the two disagree
 * about what a message is, it is refused.
 */
#include "proxy/reader.h"

#include "proxy/crosscheck.h"

#include <openssl/crypto.h>

enum state {
	STATE_EMPTY_LINES, /* before the head */
	STATE_FIRST_LINE,
	STATE_FIELDS,
	STATE_LENGTH, /* left: bytes of the body */
	STATE_UNTIL_CLOSE,
	STATE_CHUNK_LINE,
	STATE_CHUNK_DATA, /* left: bytes of the chunk */
	STATE_CHUNK_END,  /* left: bytes of its CRLF */
	STATE_TRAILERS,
	STATE_COMPLETE, /* READER_END is still to be said */
	STATE_ENDED,
	STATE_BAD,
};

enum {
	EMPTY_LINES_MAX = 4,
	EXTENSIONS_MAX = 4, /* of a message, in longest chunk lines */
	KEEP_BYTES = 16 * 1024,
};

static const char text_disagree[] =
    "http-parser reads this message otherwise than the gate";

void reader_init(
    struct reader *reader, enum reader_role role, const struct gate_limits *limits)
{
	*reader = (struct reader){ .role = role, .limits = limits };
	reader_reset(reader, false);
}

void reader_finish(struct reader *reader)
{
	buf_wipe(&reader->head_bytes);
	buf_wipe(&reader->line);
	buf_wipe(&reader->trailers);
}

/* An idle connection does not keep the memory of its largest head. */
static void buf_empty(struct buf *b)
{
	if (b->cap > KEEP_BYTES || b->failed) {
		buf_wipe(b);
		*b = (struct buf){ 0 };
	}
	if (b->cap > 0) { /* nor the credentials that were in it */
		OPENSSL_cleanse(b->ptr, b->cap);
	}
	buf_truncate(b, 0);
}

void reader_reset(struct reader *reader, bool bodiless)
{
	reader->bodiless = bodiless;
	reader->head = (struct head){ 0 };
	reader->bad_status = 0;
	reader->bad_reason = NULL;
	reader->state = STATE_EMPTY_LINES;
	reader->scan = 0;
	reader->left = 0;
	reader->lines = 0;
	reader->extra = 0;
	buf_empty(&reader->head_bytes);
	buf_empty(&reader->line);
	buf_empty(&reader->trailers);
	http_parser_init(&reader->parser,
	    reader->role == READER_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE);
}

bool reader_idle(const struct reader *reader)
{
	return reader->state == STATE_EMPTY_LINES;
}

bool reader_is_head_request(const struct reader *reader)
{
	return slice_starts(buf_slice(&reader->head_bytes), SLICE("HEAD "));
}

static enum reader_event bad(struct reader *reader, int status, const char *reason)
{
	reader->state = STATE_BAD;
	reader->bad_status = reader->role == READER_REQUEST ? status : 502;
	reader->bad_reason = reason;
	return READER_BAD;
}

static enum reader_event bad_as(struct reader *reader, struct refusal refusal)
{
	return bad(reader, refusal.status, refusal.reason);
}

/* The head is whole: line by line it has been seen, now as one. */
static enum reader_event take_head(struct reader *reader)
{
	struct buf *bytes = &reader->head_bytes;
	struct head *head = &reader->head;
	char *line_end = memchr(bytes->ptr, '\r', bytes->len);
	struct slice first = { bytes->ptr, (size_t)(line_end - bytes->ptr) };
	char *fields = line_end + 2;
	size_t len = bytes->len - first.len - 4;
	struct refusal refusal;
	bool good;

	if (reader->role == READER_REQUEST) {
		good = gate_request_line(first, head, &refusal) &&
		       gate_request_fields(fields, len, head, &refusal);
	} else {
		good =
		    gate_status_line(first, head, &refusal) &&
		    gate_response_fields(fields, len, reader->bodiless, head, &refusal);
	}
	if (!good) {
		return bad_as(reader, refusal);
	}
	if (!crosscheck_head(reader)) {
		return bad(reader, 400, text_disagree);
	}
	reader->lines = 0;
	reader->left = head->length;
	switch (head->framing) {
	case FRAMING_NONE:
		reader->state = STATE_COMPLETE;
		break;
	case FRAMING_LENGTH:
		reader->state = head->length ? STATE_LENGTH : STATE_COMPLETE;
		break;
	case FRAMING_CHUNKED:
		reader->state = STATE_CHUNK_LINE;
		break;
	case FRAMING_UNTIL_CLOSE:
		reader->state = STATE_UNTIL_CLOSE;
		break;
	}
	return READER_HEAD;
}

/*
 * Appends to b what of *input belongs to the line that begins at start, at most room
 * bytes, and takes it off *input. Returns READER_END when the line is whole, READER_MORE
 * when it is not, or READER_BAD.
 */
static enum reader_event collect(
    struct reader *reader, struct buf *b, size_t start, size_t room, struct slice *input)
{
	bool after_cr = b->len > start && b->ptr[b->len - 1] == '\r';
	struct slice part = { input->ptr, input->len < room ? input->len : room };
	enum gate_scan found;
	size_t used;

	found = gate_scan(part, after_cr, &used);
	part.len = used;
	buf_put_slice(b, part);
	input->ptr += used;
	input->len -= used;
	if (b->failed) {
		return bad(reader, 500, "out of memory");
	}
	if (found == GATE_SCAN_BAD) {
		return bad(
		    reader, 400, "a control byte, or a line that does not end in CR LF");
	}
	return found == GATE_SCAN_LINE ? READER_END : READER_MORE;
}

static size_t less(size_t limit, size_t used)
{
	return limit > used ? limit - used : 0;
}

/* RFC 9112 2.2: empty lines before a request are skipped, a few of them. */
static enum reader_event step_empty_lines(struct reader *reader, struct slice *input)
{
	struct buf *bytes = &reader->head_bytes;
	bool begun = bytes->len > 0;
	enum reader_event event;

	if (!begun && (reader->role == READER_RESPONSE || input->ptr[0] != '\r')) {
		reader->lines = 0;
		reader->state = STATE_FIRST_LINE;
		return READER_MORE;
	}
	event = collect(reader, bytes, 0, 2 - bytes->len, input);
	if (event == READER_END) {
		buf_truncate(bytes, 0);
		reader->lines++;
		return reader->lines <= EMPTY_LINES_MAX
		           ? READER_MORE
		           : bad(reader, 400, "empty lines where a request should be");
	}
	return event;
}

static enum reader_event step_first_line(struct reader *reader, struct slice *input)
{
	struct buf *bytes = &reader->head_bytes;
	size_t room = less(reader->limits->request_line + 2, bytes->len);
	struct refusal refusal;
	struct slice line;
	enum reader_event event;
	bool good;

	if (room == 0) {
		return bad(reader, 414, "the request line is too long");
	}
	event = collect(reader, bytes, 0, room, input);
	if (event != READER_END) {
		return event;
	}
	/* judged now so that what speaks no HTTP need not send a whole head to be told */
	line = (struct slice){ bytes->ptr, bytes->len - 2 };
	good = reader->role == READER_REQUEST
	           ? gate_request_line(line, &reader->head, &refusal)
	           : gate_status_line(line, &reader->head, &refusal);
	reader->head = (struct head){ 0 };
	if (!good) {
		return bad_as(reader, refusal);
	}
	reader->scan = bytes->len;
	reader->state = STATE_FIELDS;
	return READER_MORE;
}

static enum reader_event step_fields(struct reader *reader, struct slice *input)
{
	struct buf *bytes = &reader->head_bytes;
	size_t room = less(reader->limits->head, bytes->len);
	enum reader_event event;

	if (room == 0) {
		return bad(reader, 431, "the head is too large");
	}
	event = collect(reader, bytes, reader->scan, room, input);
	if (event != READER_END) {
		return event;
	}
	if (bytes->len - reader->scan == 2) {
		return take_head(reader);
	}
	reader->scan = bytes->len;
	reader->lines++;
	if (reader->lines > reader->limits->fields) {
		return bad(reader, 431, "the head has too many fields");
	}
	return READER_MORE;
}

static enum reader_event step_data(
    struct reader *reader, struct slice *input, struct slice *ret_body)
{
	bool chunk = reader->state == STATE_CHUNK_DATA;
	struct slice part = *input;
	bool last = false;

	if (reader->state != STATE_UNTIL_CLOSE) {
		if (part.len >= reader->left) {
			part.len = (size_t)reader->left;
		}
		reader->left -= part.len;
		last = reader->left == 0;
	}
	input->ptr += part.len;
	input->len -= part.len;
	if (!crosscheck_body(reader, part, last && !chunk)) {
		return bad(reader, 400, text_disagree);
	}
	if (last) {
		reader->state = chunk ? STATE_CHUNK_END : STATE_COMPLETE;
		reader->left = 2;
	}
	*ret_body = part;
	return READER_BODY;
}

/* The CRLF behind the data of a chunk. */
static enum reader_event step_chunk_end(struct reader *reader, struct slice *input)
{
	char expected = reader->left == 2 ? '\r' : '\n';
	struct slice byte = { input->ptr, 1 };

	if (byte.ptr[0] != expected) {
		return bad(reader, 400, "a chunk is longer than its size says");
	}
	input->ptr++;
	input->len--;
	if (!crosscheck_frame(reader, byte, false)) {
		return bad(reader, 400, text_disagree);
	}
	reader->left--;
	if (reader->left == 0) {
		reader->state = STATE_CHUNK_LINE;
	}
	return READER_MORE;
}

static enum reader_event step_chunk_line(struct reader *reader, struct slice *input)
{
	struct buf *bytes = &reader->line;
	size_t room = less(reader->limits->chunk_line, bytes->len);
	struct refusal refusal;
	struct slice line;
	size_t digits;
	enum reader_event event;

	if (room == 0) {
		return bad(reader, 400, "a chunk-size line is too long");
	}
	event = collect(reader, bytes, 0, room, input);
	if (event != READER_END) {
		return event;
	}
	line = (struct slice){ bytes->ptr, bytes->len - 2 };
	if (!gate_chunk_line(line, &reader->left, &digits, &refusal)) {
		return bad_as(reader, refusal);
	}
	reader->extra += line.len - digits;
	if (reader->extra > EXTENSIONS_MAX * reader->limits->chunk_line) {
		return bad(reader, 400, "the chunk extensions are too long");
	}
	line.len = digits;
	if (!crosscheck_frame(reader, line, false) ||
	    !crosscheck_frame(reader, SLICE("\r\n"), false) ||
	    (reader->left > 0 && reader->parser.content_length != reader->left)) {
		return bad(reader, 400, text_disagree);
	}
	buf_truncate(bytes, 0);
	if (reader->left > 0) {
		reader->state = STATE_CHUNK_DATA;
	} else {
		reader->state = STATE_TRAILERS;
		reader->extra = 0;
	}
	return READER_MORE;
}

/* A whole trailer line, or the empty one that ends the message. */
static enum reader_event take_trailer(struct reader *reader, struct slice line)
{
	struct refusal refusal;
	struct field field;
	bool last = line.len == 2;

	reader->extra += line.len;
	if (last) {
		reader->state = STATE_COMPLETE;
		return crosscheck_frame(reader, line, true)
		           ? READER_MORE
		           : bad(reader, 400, text_disagree);
	}
	reader->lines++;
	if (reader->lines > reader->limits->fields) {
		return bad(reader, 400, "too many trailers");
	}
	if (!gate_field_line(
	        (struct slice){ line.ptr, line.len - 2 }, &field, &refusal)) {
		return bad_as(reader, refusal);
	}
	if (gate_trailer_allowed(field.name)) {
		buf_put_slice(&reader->trailers, line);
		if (reader->trailers.failed) {
			return bad(reader, 500, "out of memory");
		}
		if (!crosscheck_frame(reader, line, false)) {
			return bad(reader, 400, text_disagree);
		}
	}
	return READER_MORE;
}

static enum reader_event step_trailers(struct reader *reader, struct slice *input)
{
	struct buf *bytes = &reader->line;
	size_t room = less(reader->limits->head, reader->extra + bytes->len);
	enum reader_event event;

	if (room == 0) {
		return bad(reader, 400, "the trailers are too large");
	}
	event = collect(reader, bytes, 0, room, input);
	if (event != READER_END) {
		return event;
	}
	event = take_trailer(reader, buf_slice(bytes));
	buf_truncate(bytes, 0);
	return event;
}

/* One step in the present state; input is not empty. READER_MORE: go on. */
static enum reader_event step(
    struct reader *reader, struct slice *input, struct slice *ret_body)
{
	switch ((enum state)reader->state) {
	case STATE_EMPTY_LINES:
		return step_empty_lines(reader, input);
	case STATE_FIRST_LINE:
		return step_first_line(reader, input);
	case STATE_FIELDS:
		return step_fields(reader, input);
	case STATE_LENGTH:
	case STATE_UNTIL_CLOSE:
	case STATE_CHUNK_DATA:
		return step_data(reader, input, ret_body);
	case STATE_CHUNK_END:
		return step_chunk_end(reader, input);
	case STATE_CHUNK_LINE:
		return step_chunk_line(reader, input);
	case STATE_TRAILERS:
		return step_trailers(reader, input);
	case STATE_COMPLETE:
	case STATE_ENDED:
	case STATE_BAD:
		break;
	}
	return READER_END;
}

enum reader_event reader_step(
    struct reader *reader, struct slice input, size_t *ret_used, struct slice *ret_body)
{
	struct slice rest = input;
	enum reader_event event = READER_MORE;

	while (event == READER_MORE && rest.len > 0 && reader->state < STATE_COMPLETE) {
		event = step(reader, &rest, ret_body);
	}
	*ret_used = input.len - rest.len;
	if (event != READER_MORE) {
		return event;
	}
	if (reader->state == STATE_BAD) {
		return READER_BAD;
	}
	if (reader->state == STATE_COMPLETE || reader->state == STATE_ENDED) {
		reader->state = STATE_ENDED;
		return READER_END;
	}
	return READER_MORE;
}

bool reader_eof(struct reader *reader)
{
	if (reader->state == STATE_UNTIL_CLOSE) {
		if (!crosscheck_eof(reader)) {
			(void)bad(reader, 400, text_disagree);
			return false;
		}
		reader->state = STATE_ENDED;
	}
	return reader->state == STATE_COMPLETE || reader->state == STATE_ENDED;
}

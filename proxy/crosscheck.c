/* SPDX-License-Identifier: MIT */
/*
 * crosscheck: feeds http-parser and compares.
 *
 * http-parser (2.9.4, Debian's build) knows too few methods, waits for the body of a 204,
 * runs on into the next message and lets trailers change its mind: so it gets a method
 * that it knows, is told which response has no body, is paused at the end and made anew
 * for each message (reader_reset), and sees only trailers that are passed on.
 */
#include "proxy/crosscheck.h"

/* What http-parser reported while it was fed. */
struct report {
	bool bodiless; /* told to it: the response has no body */
	bool head;
	bool complete;
	unsigned flags; /* at the end of the head, as the length */
	uint64_t length;
	struct slice body;
};

static int on_headers_complete(http_parser *parser)
{
	struct report *report = parser->data;

	report->head = true;
	report->flags = parser->flags;
	report->length = parser->content_length;
	return report->bodiless ? 1 : 0;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
	struct report *report = parser->data;

	if (report->body.ptr) {
		return 1; /* one run of bytes went in, so one comes out */
	}
	report->body = (struct slice){ at, len };
	return 0;
}

static int on_message_complete(http_parser *parser)
{
	struct report *report = parser->data;

	report->complete = true;
	http_parser_pause(parser, 1); /* or it runs on into the next message */
	return 0;
}

static const http_parser_settings settings = {
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

/* Returns false when http-parser finds the bytes wrong. */
static bool feed(struct reader *reader, struct slice bytes, struct report *report)
{
	enum http_errno number;

	reader->parser.data = report;
	(void)http_parser_execute(&reader->parser, &settings, bytes.ptr, bytes.len);
	reader->parser.data = NULL;
	number = HTTP_PARSER_ERRNO(&reader->parser);
	return number == HPE_OK || (number == HPE_PAUSED && report->complete);
}

bool crosscheck_frame(struct reader *reader, struct slice bytes, bool last)
{
	struct report report = { 0 };

	return feed(reader, bytes, &report) && !report.body.ptr &&
	       report.complete == last;
}

bool crosscheck_body(struct reader *reader, struct slice bytes, bool last)
{
	struct report report = { 0 };

	return feed(reader, bytes, &report) && report.body.ptr == bytes.ptr &&
	       report.body.len == bytes.len && report.complete == last;
}

static bool parser_knows(struct slice method)
{
	for (int i = HTTP_DELETE; i <= HTTP_SOURCE; i++) {
		if (slice_eq(method, slice_of(http_method_str((enum http_method)i)))) {
			return true;
		}
	}
	return false;
}

/* Does http-parser see the same message, framed the same way? */
static bool agrees(const struct reader *reader, const struct report *report)
{
	const struct head *head = &reader->head;
	const http_parser *parser = &reader->parser;
	bool chunked = (report->flags & F_CHUNKED) != 0;
	bool counted = (report->flags & F_CONTENTLENGTH) != 0;
	bool ends = head->framing == FRAMING_NONE ||
	            (head->framing == FRAMING_LENGTH && head->length == 0);

	if (!report->head || parser->http_major != 1 || report->body.ptr ||
	    (parser->http_minor == 0) != (head->minor == 0) || report->complete != ends) {
		return false;
	}
	if (reader->role == READER_RESPONSE && (int)parser->status_code != head->status) {
		return false;
	}
	switch (head->framing) {
	case FRAMING_NONE:
		return report->bodiless || (!chunked && !counted);
	case FRAMING_LENGTH:
		return !chunked && counted && report->length == head->length;
	case FRAMING_CHUNKED:
		return chunked && !counted;
	case FRAMING_UNTIL_CLOSE:
		return !chunked && !counted;
	}
	return false;
}

/*
 * Feeds the header lines and the empty one, but for names that only begin with
 * "Transfer-Encoding": http-parser takes them for it.
 */
static bool feed_fields(struct reader *reader, struct report *report)
{
	const struct slice coding = SLICE("Transfer-Encoding");
	struct slice rest = reader->head.fields;
	struct slice run = { rest.ptr, 0 };
	struct field field;

	while (fields_next(&rest, &field)) {
		if (field.name.len > coding.len && slice_istarts(field.name, coding)) {
			if (run.len > 0 && !feed(reader, run, report)) {
				return false;
			}
			run = (struct slice){ field.line.ptr + field.line.len, 0 };
		} else {
			run.len += field.line.len;
		}
	}
	run.len += 2;
	return feed(reader, run, report);
}

bool crosscheck_head(struct reader *reader)
{
	struct slice first = buf_slice(&reader->head_bytes);
	struct report report = { .bodiless = reader->role == READER_RESPONSE &&
		                             reader->head.framing == FRAMING_NONE };

	first.len = (size_t)(reader->head.fields.ptr - first.ptr);
	/* all requests are framed by the same rules: a known method may stand for another
	 */
	if (reader->role == READER_REQUEST && !parser_knows(reader->head.method)) {
		first.ptr += reader->head.method.len;
		first.len -= reader->head.method.len;
		if (!feed(reader, SLICE("POST"), &report)) {
			return false;
		}
	}
	return feed(reader, first, &report) && feed_fields(reader, &report) &&
	       agrees(reader, &report);
}

bool crosscheck_eof(struct reader *reader)
{
	struct report report = { 0 };

	return feed(reader, SLICE(""), &report) && report.complete;
}

/* SPDX-License-Identifier: MIT */
/*
 * framing: what the header fields say about where a message ends and what becomes of the
 * connection. The gate has a say on each line; this one on all of them together.
 *
 * Source: RFC 9112 3.2, 6 and 9.3.
 */
#include "proxy/gate.h"
#include "proxy/target.h"

static bool refuse(struct refusal *ret_refusal, int status, const char *reason)
{
	*ret_refusal = (struct refusal){ status, reason };
	return false;
}

/* What the fields say about the message as a whole. */
struct facts {
	unsigned lengths; /* fields, as the next two */
	unsigned codings;
	unsigned hosts;
	uint64_t length;
	bool length_valid;
	bool coding_is_chunked;
	bool coding_is_token; /* well-formed, whatever it means */
	bool host_valid;
	bool close; /* Connection options */
	bool keep_alive;
	bool expect_continue;
};

/* 1*DIGIT below 2^63. */
static bool read_length(struct slice value, uint64_t *ret_length)
{
	uint64_t length = 0;

	for (size_t i = 0; i < value.len; i++) {
		unsigned digit = (unsigned char)value.ptr[i] - (unsigned)'0';

		if (digit > 9 || length > ((uint64_t)INT64_MAX - digit) / 10) {
			return false;
		}
		length = length * 10 + digit;
	}
	*ret_length = length;
	return value.len > 0;
}

static void note_connection(struct slice value, struct facts *facts)
{
	while (value.ptr) {
		struct slice option = slice_trim(slice_cut(&value, ','));

		facts->close |= slice_ieq(option, SLICE("close"));
		facts->keep_alive |= slice_ieq(option, SLICE("keep-alive"));
	}
}

/* Returns true when the field frames the message. */
static bool note_field(const struct field *field, struct facts *facts)
{
	struct slice host;
	int port;

	if (slice_ieq(field->name, SLICE("Content-Length"))) {
		facts->lengths++;
		facts->length_valid = read_length(field->value, &facts->length);
		return true;
	}
	if (slice_ieq(field->name, SLICE("Transfer-Encoding"))) {
		facts->codings++;
		facts->coding_is_chunked = slice_ieq(field->value, SLICE("chunked"));
		facts->coding_is_token = gate_is_token(field->value);
		return true;
	}
	if (slice_ieq(field->name, SLICE("Host"))) {
		facts->hosts++;
		facts->host_valid = authority_parse(field->value, 80, &host, &port);
	} else if (slice_ieq(field->name, SLICE("Connection"))) {
		note_connection(field->value, facts);
	} else if (slice_ieq(field->name, SLICE("Expect"))) {
		facts->expect_continue |= slice_ieq(field->value, SLICE("100-continue"));
	}
	return false;
}

/* http-parser takes an HTAB behind a framing value for a part of it; SP it skips. */
static void blank_tabs(char *from, const char *to)
{
	for (; from < to; from++) {
		if (*from == '\t') {
			*from = ' ';
		}
	}
}

static bool read_fields(
    char *fields, size_t len, struct facts *facts, struct refusal *ret_refusal)
{
	char *at = fields;
	char *end = fields + len;

	while (at < end) {
		char *line_end = memchr(at, '\r', (size_t)(end - at));
		struct slice line = { at, (size_t)((line_end ? line_end : end) - at) };
		struct field field;

		if (!gate_field_line(line, &field, ret_refusal)) {
			return false;
		}
		if (note_field(&field, facts)) {
			size_t value_end =
			    (size_t)(field.value.ptr + field.value.len - at);

			blank_tabs(at + value_end, at + line.len);
		}
		at += line.len + 2;
	}
	return true;
}

/* RFC 9112 6.1 and 6.3: what both sides hold to. Leaves FRAMING_NONE where no field
 * frames. */
static bool frame(
    const struct facts *facts, struct head *head, struct refusal *ret_refusal)
{
	if (facts->codings > 0) {
		if (facts->lengths > 0) {
			return refuse(ret_refusal, 400,
			    "both Transfer-Encoding and Content-Length");
		}
		if (head->minor == 0) {
			return refuse(ret_refusal, 400, "Transfer-Encoding in HTTP/1.0");
		}
		if (facts->codings > 1) {
			return refuse(
			    ret_refusal, 400, "more than one Transfer-Encoding");
		}
		if (!facts->coding_is_chunked) {
			return refuse(ret_refusal, facts->coding_is_token ? 501 : 400,
			    "a Transfer-Encoding other than chunked");
		}
		head->framing = FRAMING_CHUNKED;
		return true;
	}
	if (facts->lengths > 1) {
		return refuse(ret_refusal, 400, "more than one Content-Length");
	}
	if (facts->lengths == 1 && !facts->length_valid) {
		return refuse(
		    ret_refusal, 400, "Content-Length is not a number below 2^63");
	}
	head->framing = facts->lengths ? FRAMING_LENGTH : FRAMING_NONE;
	head->length = facts->lengths ? facts->length : 0;
	return true;
}

bool gate_request_fields(
    char *fields, size_t len, struct head *head, struct refusal *ret_refusal)
{
	struct facts facts = { 0 };
	bool body;

	if (!read_fields(fields, len, &facts, ret_refusal) ||
	    !frame(&facts, head, ret_refusal)) {
		return false;
	}
	/* RFC 9112 3.2 */
	if (facts.hosts > 1) {
		return refuse(ret_refusal, 400, "more than one Host");
	}
	if (facts.hosts == 0 && head->minor > 0) {
		return refuse(ret_refusal, 400, "no Host");
	}
	if (facts.hosts == 1 && !facts.host_valid) {
		return refuse(
		    ret_refusal, 400, "Host is not a host with an optional port");
	}
	body = head->framing == FRAMING_CHUNKED || head->length > 0;
	/* RFC 9110 9.3.6: what follows is the tunnel's, so nobody may see a body in it */
	if (body && slice_eq(head->method, SLICE("CONNECT"))) {
		return refuse(ret_refusal, 400, "CONNECT with a body");
	}
	head->fields = (struct slice){ fields, len };
	head->keep_alive = head->minor > 0 && !facts.close;
	head->expect_continue = head->minor > 0 && body && facts.expect_continue;
	return true;
}

bool gate_response_fields(char *fields, size_t len, bool bodiless, struct head *head,
    struct refusal *ret_refusal)
{
	struct facts facts = { 0 };

	if (!read_fields(fields, len, &facts, ret_refusal) ||
	    !frame(&facts, head, ret_refusal)) {
		return false;
	}
	/* RFC 9112 6.3, 1 and 8 */
	if (bodiless || head->status < 200 || head->status == 204 ||
	    head->status == 304) {
		head->framing = FRAMING_NONE;
		head->length = 0;
	} else if (head->framing == FRAMING_NONE) {
		head->framing = FRAMING_UNTIL_CLOSE;
	}
	head->fields = (struct slice){ fields, len };
	head->keep_alive = !facts.close && (head->minor > 0 || facts.keep_alive) &&
	                   head->framing != FRAMING_UNTIL_CLOSE;
	return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * gate: what a first line, a field line and a chunk-size line must look like, byte by
 * byte.
 *
 * Source: RFC 9110 5 and 5.6, RFC 9112 2 to 5 and 7. The framing is decided in framing.c.
 */
#include "proxy/gate.h"

const struct gate_limits gate_limits_default = {
	.request_line = 16 * 1024,
	.head = 64 * 1024,
	.fields = 100,
	.chunk_line = 4 * 1024,
};

enum {
	BYTE_TOKEN = 0x01,  /* RFC 9110 5.6.2 */
	BYTE_TARGET = 0x02, /* VCHAR but '#' and '\\' */
	BYTE_VALUE = 0x04,  /* VCHAR, SP, HTAB, obs-text: RFC 9110 5.5 */
	BYTE_LINE = 0x08,   /* BYTE_VALUE, CR, LF: anything that a head can hold */
	BYTE_HEX = 0x10,
};

/* The places where each byte may stand. */
/* clang-format off */
static const unsigned char allowed[256] = {
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x08, 0x00, 0x00, 0x08, 0x00, 0x00, /* 00 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 10 */
	0x0c, 0x0f, 0x0e, 0x0d, 0x0f, 0x0f, 0x0f, 0x0f, 0x0e, 0x0e, 0x0f, 0x0f, 0x0e, 0x0f, 0x0f, 0x0e, /* 20 */
	0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x0e, 0x0e, 0x0e, 0x0e, 0x0e, 0x0e, /* 30 */
	0x0e, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, /* 40 */
	0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0e, 0x0c, 0x0e, 0x0f, 0x0f, /* 50 */
	0x0f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, /* 60 */
	0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0e, 0x0f, 0x0e, 0x0f, 0x00, /* 70 */
	0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, /* 80 */
	0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, /* 90 */
	0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, /* a0 */
	0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, /* b0 */
	0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, /* c0 */
	0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, /* d0 */
	0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, /* e0 */
	0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, /* f0 */
};

/* clang-format on */

static bool is(char c, int place)
{
	return (allowed[(unsigned char)c] & place) != 0;
}

static bool all_are(struct slice s, int place)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is(s.ptr[i], place)) {
			return false;
		}
	}
	return true;
}

bool gate_is_token(struct slice text)
{
	return text.len > 0 && all_are(text, BYTE_TOKEN);
}

static bool refuse(struct refusal *ret_refusal, int status, const char *reason)
{
	*ret_refusal = (struct refusal){ status, reason };
	return false;
}

enum gate_scan gate_scan(struct slice input, bool after_cr, size_t *ret_used)
{
	for (size_t i = 0; i < input.len; i++) {
		char c = input.ptr[i];

		if (after_cr != (c == '\n') || !is(c, BYTE_LINE)) {
			*ret_used = i + 1;
			return GATE_SCAN_BAD;
		}
		if (c == '\n') {
			*ret_used = i + 1;
			return GATE_SCAN_LINE;
		}
		after_cr = c == '\r';
	}
	*ret_used = input.len;
	return GATE_SCAN_MORE;
}

/*
 * Reads "HTTP/1.x". On anything else: 505 where it is a later major version, otherwise
 * 400.
 */
static bool read_version(
    struct slice text, struct head *head, struct refusal *ret_refusal)
{
	const char *digit;
	bool minor;

	if (!slice_starts(text, SLICE("HTTP/")) || (text.len != 6 && text.len != 8)) {
		return refuse(ret_refusal, 400, "the HTTP version is not valid");
	}
	digit = text.ptr + 5;
	minor = text.len == 8 && digit[1] == '.' && digit[2] >= '0' && digit[2] <= '9';
	if (text.len == 8 && !minor) {
		return refuse(ret_refusal, 400, "the HTTP version is not valid");
	}
	if (digit[0] >= '2' && digit[0] <= '9') {
		return refuse(
		    ret_refusal, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	}
	if (digit[0] != '1' || !minor) {
		return refuse(ret_refusal, 400, "the HTTP version is not valid");
	}
	head->minor = digit[2] == '0' ? 0 : 1;
	return true;
}

bool gate_request_line(struct slice line, struct head *head, struct refusal *ret_refusal)
{
	struct slice rest = line;

	head->method = slice_cut(&rest, ' ');
	if (!gate_is_token(head->method)) {
		return refuse(ret_refusal, 400, "the request method is not a token");
	}
	head->target = slice_cut(&rest, ' ');
	if (head->target.len == 0 || !all_are(head->target, BYTE_TARGET)) {
		return refuse(ret_refusal, 400,
		    "the request target is empty or has a byte that a URI cannot have");
	}
	if (rest.len == 0) {
		return refuse(ret_refusal, 400,
		    "the request line has no HTTP version (HTTP/0.9 is not spoken here)");
	}
	return read_version(rest, head, ret_refusal);
}

bool gate_status_line(struct slice line, struct head *head, struct refusal *ret_refusal)
{
	struct slice rest = line;
	struct slice version = slice_cut(&rest, ' ');
	struct slice code = slice_cut(&rest, ' ');
	int status = 0;

	if (!read_version(version, head, ret_refusal)) {
		return false;
	}
	for (size_t i = 0; i < code.len && i < 4; i++) {
		if (code.ptr[i] < '0' || code.ptr[i] > '9') {
			return refuse(
			    ret_refusal, 502, "the status code is not a number");
		}
		status = status * 10 + (code.ptr[i] - '0');
	}
	if (code.len != 3 || status < 100) {
		return refuse(
		    ret_refusal, 502, "the status code is not between 100 and 999");
	}
	if (!all_are(rest, BYTE_VALUE)) {
		return refuse(ret_refusal, 502, "the reason phrase has a control byte");
	}
	head->status = status;
	head->reason = rest.ptr ? rest : SLICE("");
	return true;
}

bool gate_field_line(
    struct slice line, struct field *ret_field, struct refusal *ret_refusal)
{
	struct slice rest = line;
	struct slice name;

	if (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t')) {
		return refuse(
		    ret_refusal, 400, "a field line begins with a blank (folding)");
	}
	name = slice_cut(&rest, ':');
	if (!rest.ptr) {
		return refuse(ret_refusal, 400, "a field line has no colon");
	}
	if (!gate_is_token(name)) {
		return refuse(ret_refusal, 400, "a field name is not a token");
	}
	if (!all_are(rest, BYTE_VALUE)) {
		return refuse(ret_refusal, 400, "a field value has a control byte");
	}
	*ret_field =
	    (struct field){ .name = name, .value = slice_trim(rest), .line = line };
	return true;
}

bool gate_trailer_allowed(struct slice name)
{
	static const char *const prefixes[] = {
		"Accept-",
		"Access-Control-",
		"Content-",
		"Forwarded",
		"If-",
		"Proxy-",
		"Sec-",
		"Set-Cookie",
		"X-Forwarded-",
		"X-Waybill-",
	};
	static const char *const names[] = {
		"Accept",
		"Age",
		"Authorization",
		"Cache-Control",
		"Connection",
		"Cookie",
		"Date",
		"Expect",
		"Expires",
		"Host",
		"Keep-Alive",
		"Location",
		"Max-Forwards",
		"Origin",
		"Pragma",
		"Range",
		"Retry-After",
		"TE",
		"Trailer",
		"Transfer-Encoding",
		"Upgrade",
		"Vary",
		"Via",
		"WWW-Authenticate",
		"Warning",
		"X-HTTP-Method-Override",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (slice_istarts(name, slice_of(prefixes[i]))) {
			return false;
		}
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_ieq(name, slice_of(names[i]))) {
			return false;
		}
	}
	return true;
}

static unsigned hex_value(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

bool gate_chunk_line(struct slice line, uint64_t *ret_size, size_t *ret_digits,
    struct refusal *ret_refusal)
{
	struct slice ext = line;
	uint64_t size = 0;
	size_t digits = 0;

	while (digits < line.len && is(line.ptr[digits], BYTE_HEX)) {
		size = (size << 4) | hex_value(line.ptr[digits]);
		digits++;
		if (digits > 16 || size > (uint64_t)INT64_MAX) {
			return refuse(ret_refusal, 400, "a chunk size is too large");
		}
	}
	if (digits == 0) {
		return refuse(
		    ret_refusal, 400, "a chunk size is not a hexadecimal number");
	}
	ext.ptr += digits;
	ext.len -= digits;
	if (ext.len > 0 && (slice_trim(ext).len == 0 || slice_trim(ext).ptr[0] != ';')) {
		return refuse(
		    ret_refusal, 400, "a chunk size is followed by something else");
	}
	if (!all_are(ext, BYTE_VALUE)) {
		return refuse(ret_refusal, 400, "a chunk extension has a control byte");
	}
	*ret_size = size;
	*ret_digits = digits;
	return true;
}

/* SPDX-License-Identifier: MIT */
#include "proxy/head.h"

#include "base/fields.h"

#include <inttypes.h>
#include <stdlib.h>

/* Never forwarded: they concern one connection, or waybill. */
static const struct slice hop_names[] = {
	{ "connection", 10 },
	{ "keep-alive", 10 },
	{ "proxy-connection", 16 },
	{ "proxy-authorization", 19 },
	{ "proxy-authenticate", 18 },
	{ "proxy-authentication-info", 25 },
	{ "te", 2 },
	{ "upgrade", 7 },
};

/* What a Connection field can name without taking it away: H8. */
static const struct slice kept_names[] = {
	{ "host", 4 },
	{ "content-length", 14 },
	{ "transfer-encoding", 17 },
	{ "authorization", 13 },
};

static bool is_one_of(struct slice name, const struct slice *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_ieq(name, names[i])) {
			return true;
		}
	}
	return false;
}

#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof((names)[0]))

static bool is_dropped(const struct head *head, bool has_connection, struct slice name)
{
	if (IS_ONE_OF(name, hop_names) || slice_istarts(name, SLICE("x-waybill-"))) {
		return true;
	}
	return has_connection && !IS_ONE_OF(name, kept_names) &&
	       fields_list_has(head->fields, SLICE("connection"), name);
}

/* Content-Length and Transfer-Encoding where they stood, from what we know. */
static void put_framing(struct evbuffer *out, const struct head_out *how,
    const struct field *field, bool is_length, bool *written)
{
	if (*written) {
		return;
	}
	if (is_length && (how->framing == FRAMING_LENGTH || how->keep_length)) {
		(void)evbuffer_add_printf(
		    out, "%.*s: %" PRIu64 "\r\n", SLICE_ARG(field->name), how->length);
		*written = true;
	} else if (!is_length && how->framing == FRAMING_CHUNKED) {
		(void)evbuffer_add_printf(
		    out, "%.*s: chunked\r\n", SLICE_ARG(field->name));
		*written = true;
	}
}

static void put_fields(
    struct evbuffer *out, const struct head *head, const struct head_out *how)
{
	bool has_connection = fields_find(head->fields, SLICE("connection")).ptr != NULL;
	struct slice rest = head->fields;
	bool framed = false;
	struct field field;

	while (fields_next(&rest, &field)) {
		bool is_length = slice_ieq(field.name, SLICE("content-length"));

		if (is_length || slice_ieq(field.name, SLICE("transfer-encoding"))) {
			put_framing(out, how, &field, is_length, &framed);
		} else if (how->host.ptr && slice_ieq(field.name, SLICE("host"))) {
			(void)evbuffer_add_printf(out, "%.*s: %.*s\r\n",
			    SLICE_ARG(field.name), SLICE_ARG(how->host));
		} else if (how->lower_max_forwards &&
		           slice_ieq(field.name, SLICE("max-forwards"))) {
			(void)evbuffer_add_printf(out, "%.*s: %lu\r\n",
			    SLICE_ARG(field.name),
			    strtoul(field.value.ptr, NULL, 10) - 1);
		} else if (how->websocket &&
		           (slice_ieq(field.name, SLICE("upgrade")) ||
		               slice_ieq(field.name, SLICE("connection")))) {
			(void)evbuffer_add(out, field.line.ptr, field.line.len);
		} else if (!is_dropped(head, has_connection, field.name)) {
			(void)evbuffer_add(out, field.line.ptr, field.line.len);
		}
	}
	if (!framed && how->framing == FRAMING_CHUNKED) {
		(void)evbuffer_add_printf(out, "Transfer-Encoding: chunked\r\n");
	}
	if (how->via) {
		(void)evbuffer_add_printf(out, "Via: 1.%d waybill\r\n", head->minor);
	}
	if (how->connection) {
		(void)evbuffer_add_printf(out, "Connection: %s\r\n", how->connection);
	}
	(void)evbuffer_add(out, "\r\n", 2);
}

void head_put_request(struct evbuffer *out, const struct head *head, struct slice target,
    const struct head_out *how)
{
	(void)evbuffer_add(out, head->method.ptr, head->method.len);
	(void)evbuffer_add(out, " ", 1);
	(void)evbuffer_add(out, target.ptr, target.len);
	(void)evbuffer_add(out, " HTTP/1.1\r\n", 11);
	if (how->host.ptr && !fields_find(head->fields, SLICE("host")).ptr) {
		(void)evbuffer_add_printf(out, "Host: %.*s\r\n", SLICE_ARG(how->host));
	}
	put_fields(out, head, how);
}

void head_put_response(
    struct evbuffer *out, const struct head *head, const struct head_out *how)
{
	(void)evbuffer_add_printf(out, "HTTP/1.1 %d ", head->status);
	(void)evbuffer_add(out, head->reason.ptr, head->reason.len);
	(void)evbuffer_add(out, "\r\n", 2);
	put_fields(out, head, how);
}

void body_put(struct evbuffer *out, enum framing framing, struct slice piece)
{
	if (framing == FRAMING_CHUNKED) {
		(void)evbuffer_add_printf(out, "%zx\r\n", piece.len);
		(void)evbuffer_add(out, piece.ptr, piece.len);
		(void)evbuffer_add(out, "\r\n", 2);
	} else {
		(void)evbuffer_add(out, piece.ptr, piece.len);
	}
}

void body_put_end(struct evbuffer *out, enum framing framing, struct slice trailers)
{
	if (framing == FRAMING_CHUNKED) {
		(void)evbuffer_add(out, "0\r\n", 3);
		(void)evbuffer_add(out, trailers.ptr, trailers.len);
		(void)evbuffer_add(out, "\r\n", 2);
	}
}

bool head_asks_websocket(const struct head *head)
{
	return head->minor >= 1 && slice_eq(head->method, SLICE("GET")) &&
	       head->framing == FRAMING_NONE &&
	       fields_list_has(head->fields, SLICE("connection"), SLICE("upgrade")) &&
	       slice_ieq(fields_find(head->fields, SLICE("upgrade")), SLICE("websocket"));
}

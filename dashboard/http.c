/* SPDX-License-Identifier: MIT */
/*
 * http: replies put together, and query strings taken apart.
 */
#include "dashboard/http.h"

#include "base/json.h"
#include "base/percent.h"

#include <stdio.h>
#include <stdlib.h>

/* Field values are visible text in one line: RFC 9110 5.5. */
static void clean(char *value)
{
	for (; *value; value++) {
		if ((unsigned char)*value < 0x20 || *value == 0x7F) {
			*value = ' ';
		}
	}
}

void reply_header(struct reply *reply, const char *name, const char *format, ...)
{
	struct reply_header *grown =
	    reallocarray(reply->header, reply->header_count + 1, sizeof(*reply->header));
	struct reply_header field = { 0 };
	va_list args;

	if (!grown) {
		reply->body.failed = true;
		return;
	}
	reply->header = grown;
	field.name = strdup(name);
	va_start(args, format);
	if (vasprintf(&field.value, format, args) < 0) {
		field.value = NULL;
	}
	va_end(args);
	if (!field.name || !field.value) {
		free(field.name);
		free(field.value);
		reply->body.failed = true;
		return;
	}
	clean(field.value);
	reply->header[reply->header_count++] = field;
}

void reply_error(
    struct reply *reply, int status, const char *code, const char *format, ...)
{
	char *message = NULL;
	va_list args;

	reply->status = status;
	va_start(args, format);
	if (vasprintf(&message, format, args) < 0) {
		message = NULL;
		reply->body.failed = true;
	}
	va_end(args);
	buf_puts(&reply->body, "{\"error\":{\"code\":");
	json_put_string(&reply->body, slice_of(code));
	buf_puts(&reply->body, ",\"message\":");
	json_put_string(&reply->body, slice_of(message));
	buf_puts(&reply->body, "}}\n");
	free(message);
}

void reply_finish(struct reply *reply)
{
	for (size_t i = 0; i < reply->header_count; i++) {
		free(reply->header[i].name);
		free(reply->header[i].value);
	}
	free(reply->header);
	reply->header = NULL;
	reply->header_count = 0;
	buf_finish(&reply->body);
}

/* A + is a blank; what is no escape stays as it is. (URL Standard, 5.1) */
static void decode(struct slice text, struct buf *out)
{
	buf_truncate(out, 0);
	for (size_t i = 0; i < text.len;) {
		char c = 0;

		i += form_byte((struct slice){ text.ptr + i, text.len - i }, &c);
		buf_putc(out, c);
	}
}

bool query_next(struct slice *rest, struct buf *name, struct buf *value)
{
	while (rest->len > 0) {
		struct slice pair = slice_cut(rest, '&');

		if (pair.len > 0) {
			decode(slice_cut(&pair, '='), name);
			decode(pair, value);
			return true;
		}
	}
	return false;
}

bool query_value(struct slice query, const char *name, struct buf *out)
{
	struct buf key = { 0 };
	bool found = false;

	while (!found && query_next(&query, &key, out)) {
		found = slice_eq(buf_slice(&key), slice_of(name));
	}
	if (!found) {
		buf_truncate(out, 0);
	}
	buf_finish(&key);
	return found;
}

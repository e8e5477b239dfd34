/* SPDX-License-Identifier: MIT */
/*
 * Answers: rows as an array, an object or CSV, and errors.
 */
#include <string.h>

#include "base/json.h"
#include "dashboard/rest_private.h"

/* A cell is quoted as PostgreSQL quotes the fields of a row. */
static void put_csv_cell(struct buf *out, struct slice text)
{
	bool plain = text.len > 0;

	for (size_t i = 0; i < text.len && plain; i++) {
		plain = text.ptr[i] && !strchr(",\"()\\ \t\r\n\v\f", text.ptr[i]);
	}
	if (plain) {
		buf_put_slice(out, text);
		return;
	}
	buf_putc(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"') {
			buf_putc(out, '"');
		}
		buf_putc(out, text.ptr[i]);
	}
	buf_putc(out, '"');
}

static void put_csv_header(struct rest_call *call)
{
	for (size_t i = 0; i < call->query.output_count; i++) {
		buf_puts(&call->out, i > 0 ? "," : "");
		put_csv_cell(&call->out, call->query.output[i].name);
	}
}

static bool put_csv_row(struct rest_call *call, const struct ask_cell *cells)
{
	struct buf cell = { 0 };
	bool good = true;

	if (call->rows == 0) {
		put_csv_header(call);
	}
	buf_putc(&call->out, '\n');
	for (size_t i = 0; i < call->query.output_count && good; i++) {
		buf_puts(&call->out, i > 0 ? "," : "");
		if (!cells[i].null) {
			buf_truncate(&cell, 0);
			good = rest_put_cell(
			    call, &cell, &call->query.output[i], cells[i].text, false);
			put_csv_cell(&call->out, buf_slice(&cell));
		}
	}
	call->out.failed = call->out.failed || cell.failed;
	buf_finish(&cell);
	return good;
}

static bool put_json_row(struct rest_call *call, const struct ask_cell *cells)
{
	bool is_first = true;

	buf_puts(&call->out, call->rows == 0 ? "" : ",\n ");
	buf_putc(&call->out, '{');
	for (size_t i = 0; i < call->query.output_count; i++) {
		const struct rest_output *output = &call->query.output[i];

		if (cells[i].null && call->strip_nulls) {
			continue;
		}
		buf_puts(&call->out, is_first ? "" : ",");
		is_first = false;
		json_put_string(&call->out, output->name);
		buf_putc(&call->out, ':');
		if (cells[i].null) {
			buf_puts(&call->out, "null");
		} else if (!rest_put_cell(
		               call, &call->out, output, cells[i].text, true)) {
			return false;
		}
	}
	buf_putc(&call->out, '}');
	return true;
}

int rest_put_row(void *arg, const struct ask_cell *cells, size_t count)
{
	struct rest_call *call = arg;
	bool good;

	(void)count; /* the outputs, and maybe more that others look at */
	/* Of what is to be one object only the number of rows matters from the second on.
	 */
	if (call->format == REST_OBJECT && call->rows > 0) {
		call->rows++;
		return 0;
	}
	if (call->out.len > REST_BYTES_MAX) {
		return 1;
	}
	good = call->format == REST_CSV ? put_csv_row(call, cells)
	                                : put_json_row(call, cells);
	call->rows++;
	if (call->out.failed) {
		(void)rest_fail_memory(&call->error);
		return -1;
	}
	return good ? 0 : -1;
}

bool rest_check_single(struct rest_call *call, int64_t rows)
{
	if (call->format != REST_OBJECT || rows == 1) {
		return true;
	}
	(void)rest_fail(&call->error, 406, "PGRST116",
	    "Cannot coerce the result to a single JSON object");
	return rest_details(
	    &call->error, "The result contains %lld rows", (long long)rows);
}

void rest_give_rows(struct rest_call *call, bool with_body)
{
	static const char *const types[] = {
		[REST_ARRAY] = "application/json; charset=utf-8",
		[REST_OBJECT] = "application/vnd.pgrst.object+json; charset=utf-8",
		[REST_CSV] = "text/csv; charset=utf-8",
	};
	bool is_array = call->format == REST_ARRAY;

	reply_header(call->reply, "Content-Type", "%s",
	    call->strip_nulls && is_array
	        ? "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"
	        : types[call->format]);
	if (!with_body) {
		return;
	}
	if (call->format == REST_CSV && call->rows == 0) {
		put_csv_header(call);
	}
	buf_puts(&call->reply->body, is_array ? "[" : "");
	buf_put_slice(&call->reply->body, buf_slice(&call->out));
	buf_puts(&call->reply->body, is_array ? "]" : "");
	call->reply->body.failed = call->reply->body.failed || call->out.failed;
}

void rest_content_range(
    struct rest_call *call, int64_t offset, int64_t rows, int64_t total)
{
	struct buf text = { 0 };

	if (rows > 0) {
		buf_printf(&text, "%lld-%lld/", (long long)offset,
		    (long long)(offset + rows - 1));
	} else {
		buf_puts(&text, "*/");
	}
	if (total >= 0) {
		buf_printf(&text, "%lld", (long long)total);
	} else {
		buf_puts(&text, "*");
	}
	reply_header(call->reply, "Content-Range", "%.*s", SLICE_ARG(buf_slice(&text)));
	buf_finish(&text);
}

static void put_text_or_null(struct buf *out, const char *text)
{
	if (text[0]) {
		json_put_string(out, slice_of(text));
	} else {
		buf_puts(out, "null");
	}
}

void rest_give_error(struct rest_call *call)
{
	struct reply *reply = call->reply;
	const struct rest_error *error = &call->error;

	reply->status = error->status;
	buf_truncate(&reply->body, 0);
	reply_header(reply, "Content-Type", "application/json; charset=utf-8");
	reply_header(reply, "Proxy-Status", "PostgREST; error=%s", error->code);
	if (error->status == 401) {
		reply_header(reply, "WWW-Authenticate", "Bearer");
	}
	buf_puts(&reply->body, "{\"code\":");
	put_text_or_null(&reply->body, error->code);
	buf_puts(&reply->body, ",\"details\":");
	put_text_or_null(&reply->body, error->details);
	buf_puts(&reply->body, ",\"hint\":");
	put_text_or_null(&reply->body, error->hint);
	buf_puts(&reply->body, ",\"message\":");
	json_put_string(&reply->body, slice_of(error->message));
	buf_putc(&reply->body, '}');
}

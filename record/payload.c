/* SPDX-License-Identifier: MIT */
/*
 * payload: from a captured body to what is kept of it.
 */
#include "record/payload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/fields.h"
#include "base/json.h"
#include "record/decode.h"
#include "record/json_redact.h"
#include "record/media.h"
#include "record/multipart.h"

enum {
	LAST_WORD =
	    4096, /* bytes at most that are dropped from the end of a text that is cut */
};

/* One reading. */
struct reading {
	struct payload *payload;
	const struct payload_source *source;
	struct redaction *redaction;
	struct watch *watch;
	struct json_redact *json; /* owned */
	struct decoding body;
	struct slice type; /* Content-Type */
};

void payload_finish(struct payload *payload)
{
	buf_wipe(&payload->text);
	buf_wipe(&payload->title);
	*payload = (struct payload){ 0 };
}

/* Begins to write the payload, anew when something else was tried before. */
static void begin_json(struct reading *r)
{
	buf_truncate(&r->payload->text, 0);
	if (r->watch) {
		watch_begin(r->watch);
	}
	json_redact_init(r->json, r->redaction, r->watch, &r->payload->text);
}

static void keep_json(struct reading *r, enum payload_kind kind)
{
	r->payload->kind = kind;
	r->payload->json_text = true;
}

/*
 * JSON that ends early or is broken: what was read of it. Not even that for text that
 * only began like JSON: "[INFO] …".
 */
static bool keep_broken(struct reading *r, enum media media)
{
	struct slice body = r->body.body;
	size_t begin = 0;

	while (begin < body.len && memchr(" \t\r\n", body.ptr[begin], 4)) {
		begin++;
	}
	if (r->payload->text.len < 2 ||
	    (media == MEDIA_TEXT && r->body.whole && body.ptr[begin] != '{')) {
		return false;
	}
	keep_json(r, PAYLOAD_TEXT);
	/* the begin of a long answer is still judged */
	r->payload->is_json = !r->body.whole;
	return true;
}

static bool read_json(struct reading *r, enum media media)
{
	struct slice body = r->body.body;
	enum json_state state = JSON_NOTHING;
	bool container = false;

	if (slice_starts(body, SLICE("\xEF\xBB\xBF"))) {
		body = (struct slice){ body.ptr + 3, body.len - 3 };
	}
	container = json_begins(body);
	if (media != MEDIA_JSON && !container) {
		return false;
	}
	begin_json(r);
	state = json_redact_parse(r->json, body, r->body.whole);
	json_redact_finish(r->json);
	if (!container && state != JSON_WHOLE) {
		return false; /* words and numbers: text that calls itself JSON */
	}
	switch (state) {
	case JSON_WHOLE:
		keep_json(r, PAYLOAD_JSON);
		r->payload->is_json = true;
		return true;
	case JSON_LINES:
		keep_json(r, PAYLOAD_TEXT);
		return true;
	case JSON_BROKEN:
		return media != MEDIA_FORM && keep_broken(r, media);
	case JSON_NOTHING:
		break;
	}
	return false;
}

static void write_form(struct reading *r, const struct form *form, bool query)
{
	begin_json(r);
	r->json->query = query;
	form_write(form, r->json);
	json_redact_finish(r->json);
	keep_json(r, PAYLOAD_JSON);
}

static bool read_form(struct reading *r)
{
	struct form form = { 0 };

	form_read(&form, r->body.body, r->body.whole && !r->source->cut);
	write_form(r, &form, false);
	form_finish(&form);
	return true;
}

/* The whole parts, if there are any. */
static bool read_parts(struct reading *r, struct slice boundary)
{
	struct form form = { 0 };
	bool closed = multipart_read(&form, r->body.body, boundary);
	bool read = closed || form.count > 0;

	if (read) {
		write_form(r, &form, false);
		/* its own short form whatever its length was */
		r->payload->truncated =
		    !closed || r->payload->text.len > r->source->max_body;
	}
	form_finish(&form);
	return read;
}

static bool read_multipart(struct reading *r)
{
	struct buf boundary = { 0 };
	bool read = (multipart_boundary(r->type, &boundary) &&
	                read_parts(r, buf_slice(&boundary))) ||
	            (multipart_first_line(r->body.body, &boundary) &&
	                read_parts(r, buf_slice(&boundary)));

	buf_finish(&boundary);
	return read;
}

/* A word that is cut could be the begin of a secret. */
static struct slice without_last_word(struct slice text)
{
	size_t end = text.len;

	while (end > 0 && text.len - end < LAST_WORD &&
	       (unsigned char)text.ptr[end - 1] > ' ') {
		end--;
	}
	text.len = end;
	return text;
}

static void read_text(struct reading *r)
{
	struct slice body = r->body.body;

	if (!r->body.whole || r->source->cut) {
		body = without_last_word(body);
	}
	(void)html_title(body, &r->payload->title); /* most texts have none */
	buf_truncate(&r->payload->text, 0);
	redaction_note(r->redaction, body);
	redact_text(r->redaction, body, TEXT_BODY, &r->payload->text);
	r->payload->kind = PAYLOAD_TEXT;
	r->payload->json_text = false;
}

/* {"_binary": type, "_bytes": n, "_sha256": hex} of the body in clear, else as it came.
 */
static void read_binary(struct reading *r)
{
	struct buf *text = &r->payload->text;
	bool clear = r->body.coded && r->body.clear && r->body.whole;
	uint64_t bytes = clear ? r->body.bytes : r->source->capture->total;
	char hex[65] = "";
	bool known = clear ? sha256_hex(r->body.body, hex)
	                   : capture_sha256(r->source->capture, hex);

	buf_truncate(text, 0);
	buf_puts(text, "{\"_binary\":");
	json_put_string(text, media_type(r->type));
	buf_printf(text, ",\"_bytes\":%" PRIu64 ",\"_sha256\":", bytes);
	if (known) {
		buf_printf(text, "\"%s\"}", hex);
	} else {
		buf_puts(text, "null}");
	}
	keep_json(r, PAYLOAD_BINARY);
	r->payload->truncated = false;
}

static bool is_text(const struct reading *r, enum media media)
{
	return media == MEDIA_TEXT || media == MEDIA_JSON || media == MEDIA_FORM ||
	       (media != MEDIA_BINARY && media_looks_text(r->body.body, !r->body.whole));
}

static void read_body(struct reading *r)
{
	enum media media = media_of(r->type);

	if (!r->body.clear) {
		read_binary(r);
		return;
	}
	if (r->body.body.len == 0) {
		r->payload->kind = PAYLOAD_SHED;
		r->payload->truncated = true;
		return;
	}
	if (media_wide(r->type, r->body.body)) {
		read_binary(r);
		return;
	}
	if (media != MEDIA_BINARY && multipart_begins(r->body.body)) {
		media = MEDIA_MULTIPART; /* under a type that was set by hand */
	}
	if ((media == MEDIA_MULTIPART && read_multipart(r)) || read_json(r, media) ||
	    (media == MEDIA_FORM && read_form(r))) {
		return;
	}
	/* parts that cannot be taken apart are not kept as they came, nor is UTF-16
	 * behind words whose letters need both bytes */
	if (media != MEDIA_MULTIPART && is_text(r, media) &&
	    !media_wide_within(r->body.body)) {
		read_text(r);
	} else {
		read_binary(r);
	}
}

static void read_query(struct reading *r)
{
	struct form form = { 0 };

	form_read(&form, r->source->query, true);
	if (form.count > 0) {
		write_form(r, &form, true);
		r->payload->bytes = r->source->query.len;
		r->payload->truncated = r->payload->bytes > r->source->max_body;
	}
	form_finish(&form);
}

int payload_read(struct payload *payload, const struct payload_source *source,
    struct redaction *redaction, struct watch *watch)
{
	struct reading r = { payload, source, redaction, watch, malloc(sizeof(*r.json)),
		{ 0 }, fields_find(source->fields, SLICE("Content-Type")) };

	if (!r.json) {
		return -ENOMEM;
	}
	if (watch) {
		watch_begin(watch);
	}
	if (source->capture->total == 0) {
		read_query(&r);
	} else {
		decode_body(source->capture, source->fields, source->keep, &r.body);
		payload->bytes = r.body.bytes;
		payload->truncated =
		    r.body.bytes > source->max_body || !capture_whole(source->capture);
		if (r.body.bytes > 0) {
			read_body(&r);
		}
	}
	redaction_scan(redaction);
	decode_finish(&r.body);
	free(r.json);
	return payload->text.failed || payload->title.failed || (watch && watch->failed)
	           ? -ENOMEM
	           : 0;
}

/* {"_truncated": true, "_bytes": n, "_text": …} */
static void write_truncated(
    const struct payload *payload, struct slice text, uint64_t max_body, struct buf *out)
{
	text.len = utf8_prefix(text, max_body < text.len ? (size_t)max_body : text.len);
	buf_printf(out,
	    "{\"_truncated\":true,\"_bytes\":%" PRIu64 ",\"_text\":", payload->bytes);
	json_put_string(out, text);
	buf_putc(out, '}');
}

void payload_write(
    struct payload *payload, struct secrets *secrets, uint64_t max_body, struct buf *out)
{
	struct buf clean = { 0 };
	struct buf masked = { 0 };

	if (payload->kind == PAYLOAD_NONE) {
		return;
	}
	if (secrets->overflow && payload->kind != PAYLOAD_BINARY) {
		write_truncated(payload, SLICE(REDACTED), max_body, out);
		return;
	}
	if (payload->json_text) {
		secrets_mask_json(secrets, &payload->text);
		if (!payload->truncated && payload->kind != PAYLOAD_TEXT &&
		    out->len == 0) {
			buf_finish(out); /* as it stands: mostly so */
			*out = payload->text;
			payload->text = (struct buf){ 0 };
			return;
		}
		clean = payload->text;
		payload->text = (struct buf){ 0 };
	} else {
		secrets_mask(secrets, buf_slice(&payload->text), &masked);
		utf8_put_clean(&clean, buf_slice(&masked));
	}
	if (payload->truncated) {
		write_truncated(payload, buf_slice(&clean), max_body, out);
	} else if (payload->kind == PAYLOAD_TEXT) {
		buf_puts(out, "{\"_text\":");
		json_put_string(out, buf_slice(&clean));
		buf_putc(out, '}');
	} else {
		buf_put_slice(out, buf_slice(&clean));
	}
	out->failed = out->failed || clean.failed || masked.failed;
	buf_wipe(&clean);
	buf_wipe(&masked);
}

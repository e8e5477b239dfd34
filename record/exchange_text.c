/* SPDX-License-Identifier: MIT */
/*
 * exchange_text: what is kept of a message's head.
 */
#include "record/exchange_text.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fields.h"
#include "record/form.h"
#include "record/json_redact.h"

/* Fields whose values are kept: an allow-list, since any other may be a credential. */
static const char *const plain_names[] = { "accept", "accept-encoding", "accept-language",
	"age", "allow", "cache-control", "connection", "content-encoding",
	"content-language", "content-length", "content-type", "date", "expect", "expires",
	"host", "last-modified", "ratelimit-limit", "ratelimit-policy",
	"ratelimit-remaining", "ratelimit-reset", "retry-after", "server",
	"transfer-encoding", "user-agent", "vary", "via", "x-ratelimit-limit",
	"x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id" };

static bool is_plain(struct slice name)
{
	for (size_t i = 0; i < sizeof(plain_names) / sizeof(plain_names[0]); i++) {
		if (slice_ieq(name, slice_of(plain_names[i]))) {
			return true;
		}
	}
	return false;
}

/* Between a client and its proxy only: never stored. */
static bool is_private(struct slice name)
{
	return slice_istarts(name, SLICE("X-Waybill-")) ||
	       slice_istarts(name, SLICE("Proxy-"));
}

/* "Bearer [redacted]": the scheme word may stay (RFC 9110 11.4). */
static void put_masked(struct buf *out, struct slice name, struct slice value)
{
	struct slice scheme = slice_cut(&value, ' ');

	buf_truncate(out, 0);
	if (slice_ieq(name, SLICE("Authorization")) && value.ptr &&
	    (slice_ieq(scheme, SLICE("Bearer")) || slice_ieq(scheme, SLICE("Basic")))) {
		buf_put_slice(out, scheme);
		buf_putc(out, ' ');
	}
	buf_puts(out, REDACTED);
}

/* The fields as one object; a repeated name has an array. What is masked is quoted
 * already. */
static void put_fields(struct json_redact *json, struct slice block)
{
	struct form form = { 0 };
	struct buf text = { 0 };
	struct field field;

	while (fields_next(&block, &field)) {
		if (is_private(field.name)) {
			continue;
		}
		if (is_plain(field.name)) {
			form_add(&form, field.name, field.value, false);
		} else {
			put_masked(&text, field.name, field.value);
			form_add(&form, field.name, buf_slice(&text), false);
		}
	}
	json->out->failed = json->out->failed || text.failed;
	form_write(&form, json);
	form_finish(&form);
	buf_finish(&text);
}

/* The URL, the values of secret query parameters masked where they stand. */
static void put_url(const struct call *call, struct redaction *redaction, struct buf *out)
{
	struct slice query = buf_slice(&call->target);
	struct buf name = { 0 };

	buf_put_slice(out, buf_slice(&call->scheme));
	buf_puts(out, "://");
	buf_put_slice(out, buf_slice(&call->host));
	buf_put_slice(out, slice_cut(&query, '?'));
	for (char sign = '?'; query.ptr; sign = '&') {
		struct slice value = slice_cut(&query, '&');
		struct slice raw = slice_cut(&value, '=');

		buf_truncate(&name, 0);
		form_decode(&name, raw);
		buf_putc(out, sign);
		buf_put_slice(out, raw);
		if (value.ptr) {
			buf_putc(out, '=');
			buf_put_slice(out, redact_query_name(redaction, buf_slice(&name))
			                       ? SLICE(REDACTED)
			                       : value);
		}
	}
	out->failed = out->failed || name.failed;
	buf_wipe(&name);
}

/* Writes an object's first members through json_redact, and takes its closing bracket
 * off. */
static struct json_redact *begin(struct redaction *redaction, struct buf *out)
{
	struct json_redact *json = malloc(sizeof(*json));

	if (!json) {
		out->failed = true;
		return NULL;
	}
	json_redact_init(json, redaction, NULL, out);
	json_redact_open(json, true);
	return json;
}

static void end(struct json_redact *json)
{
	json_redact_finish(json);
	free(json);
}

void exchange_request_head(
    const struct call *call, struct redaction *redaction, struct buf *out)
{
	struct json_redact *json = begin(redaction, out);
	struct buf url = { 0 };

	if (!json) {
		return;
	}
	put_url(call, redaction, &url);
	json_redact_name(json, SLICE("method"));
	json_redact_string(json, buf_slice(&call->method));
	json_redact_name(json, SLICE("url"));
	json_redact_string(json, buf_slice(&url));
	json_redact_name(json, SLICE("headers"));
	put_fields(json, buf_slice(&call->request_fields));
	out->failed = out->failed || url.failed;
	buf_wipe(&url);
	end(json);
}

void exchange_response_head(
    const struct call *call, struct redaction *redaction, struct buf *out)
{
	struct json_redact *json = begin(redaction, out);
	struct buf status = { 0 };

	if (!json) {
		return;
	}
	buf_printf(&status, "%d", call->status);
	json_redact_name(json, SLICE("status"));
	json_redact_number(json, buf_slice(&status));
	json_redact_name(json, SLICE("headers"));
	put_fields(json, buf_slice(&call->response_fields));
	out->failed = out->failed || status.failed;
	buf_finish(&status);
	end(json);
}

static void put_span(struct buf *out, const char *name, int64_t from, int64_t to)
{
	buf_printf(out, "\"%s\":", name);
	if (from == 0 || to == 0 || to < from) {
		buf_puts(out, "null");
	} else {
		int64_t us = (to - from) / 1000;

		buf_printf(out, "%" PRId64 ".%03d", us / 1000, (int)(us % 1000));
	}
}

void exchange_timing(const struct call *call, struct buf *out)
{
	const struct call_marks *m = &call->marks;
	/* an answer may come before the request is all sent */
	int64_t sent = m->sent && m->sent <= m->first_byte ? m->sent : m->begun;

	buf_puts(out, "\"timing_ms\":{");
	put_span(out, "dns", m->dialled, m->resolved);
	buf_putc(out, ',');
	put_span(out, "connect", m->resolved ? m->resolved : m->dialled, m->connected);
	buf_putc(out, ',');
	put_span(out, "tls", m->connected, m->secured);
	buf_putc(out, ',');
	put_span(out, "first_byte", sent, m->first_byte);
	buf_putc(out, ',');
	put_span(out, "total", m->begun, m->ended);
	buf_putc(out, '}');
}

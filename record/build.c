/* SPDX-License-Identifier: MIT */
/*
 * build: the order in which a call becomes a row. First everything is read, and its
 * secrets with it; only then is anything written.
 */
#include "record/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fields.h"
#include "record/exchange_text.h"
#include "record/judge.h"
#include "record/link.h"

/* All that one call is taken apart into. */
struct building {
	const struct call *call;
	const struct record_settings *settings;
	struct redaction redaction;
	struct watch request_watch;
	struct watch response_watch;
	struct payload request;
	struct payload response;
	struct buf request_head; /* capture.payload: exchange */
	struct buf response_head;
	struct verdict verdict;
	struct entity entity;
};

enum {
	CAPTURE_LEAST = 1048576, /* bytes: enough for nearly every verdict */
};

size_t recorder_capture_limit(const struct record_settings *settings)
{
	return settings->max_body > CAPTURE_LEAST ? (size_t)settings->max_body
	                                          : CAPTURE_LEAST;
}

static void building_finish(struct building *b)
{
	payload_finish(&b->request);
	payload_finish(&b->response);
	buf_wipe(&b->request_head);
	buf_wipe(&b->response_head);
	verdict_finish(&b->verdict);
	watch_finish(&b->request_watch);
	watch_finish(&b->response_watch);
	redaction_finish(&b->redaction);
}

static void watch_secrets(struct watch *watch, const struct pointers *pointers)
{
	for (size_t i = 0; i < pointers->count; i++) {
		(void)watch_add(watch, &pointers->item[i], WATCH_SECRET, NULL);
	}
}

/* A body may stand for these too, but mostly the query says it all. */
static bool asks_by_query(const struct call *call)
{
	struct slice method = buf_slice(&call->method);

	return slice_eq(method, SLICE("GET")) || slice_eq(method, SLICE("HEAD")) ||
	       slice_eq(method, SLICE("DELETE"));
}

/* Did the body of the request end before its time, or is it still coming? */
static bool request_is_cut(const struct call *call)
{
	struct slice length =
	    fields_find(buf_slice(&call->request_fields), SLICE("Content-Length"));
	uint64_t bytes = 0;

	if (!length.ptr) {
		return call->marks.sent == 0; /* in chunks: the last one came and went */
	}
	for (size_t i = 0; i < length.len; i++) {
		bytes =
		    bytes * 10 + (uint64_t)(length.ptr[i] - '0'); /* the gate: 1*DIGIT */
	}
	return call->request.total < bytes;
}

static int read_request(struct building *b)
{
	const struct call *call = b->call;
	struct payload_source source = { &call->request, buf_slice(&call->request_fields),
		{ NULL, 0 }, b->settings->max_body, recorder_capture_limit(b->settings),
		request_is_cut(call) };

	if (asks_by_query(call)) {
		source.query = buf_slice(&call->target);
		(void)slice_cut(&source.query, '?');
	}
	return payload_read(&b->request, &source, &b->redaction, &b->request_watch);
}

static int read_response(struct building *b)
{
	const struct call *call = b->call;
	struct payload_source source = { &call->response,
		buf_slice(&call->response_fields), { NULL, 0 }, b->settings->max_body,
		recorder_capture_limit(b->settings),
		call->in_flight || call->outcome != OUTCOME_ANSWERED };

	return payload_read(&b->response, &source, &b->redaction, &b->response_watch);
}

/* Reads all of the call. Returns 0 or -ENOMEM. */
static int read_call(struct building *b)
{
	const struct call *call = b->call;
	const struct route *route = call->match.route;
	bool answered = !call->in_flight && call->status != 0;
	int entities = 0;
	int judgement = 0;
	int r = 0;

	redaction_begin(&b->redaction, call);
	if (route) {
		entities = link_watch(route, &b->request_watch);
		judgement = judge_watch(route, &b->response_watch);
	}
	if (route && route->secrets) {
		watch_secrets(&b->request_watch, &route->secrets->request);
		watch_secrets(&b->response_watch, &route->secrets->response);
	}
	r = read_request(b);
	if (r == 0 && answered) {
		r = read_response(b);
	}
	if (r != 0) {
		return r;
	}
	if (b->settings->payload == PAYLOAD_EXCHANGE) {
		exchange_request_head(call, &b->redaction, &b->request_head);
		if (answered) {
			exchange_response_head(call, &b->redaction, &b->response_head);
		}
	}
	(void)link_entity(call, &b->request_watch, entities, &b->entity);
	if (!call->in_flight) {
		judge_call(call, &b->response, &b->response_watch, judgement,
		    &b->redaction, &b->verdict);
	}
	redaction_seal(&b->redaction);
	return b->request_head.failed || b->response_head.failed ? -ENOMEM : 0;
}

/* Gives the text of a buf, or NULL for an empty one. Returns 0 or -ENOMEM. */
static int give(struct buf *text, char **ret)
{
	if (text->len == 0 && !text->failed) {
		buf_finish(text);
		return 0;
	}
	*ret = buf_steal(text);
	buf_finish(text);
	return *ret ? 0 : -ENOMEM;
}

static int give_masked(struct building *b, struct slice text, char **ret)
{
	struct buf masked = { 0 };

	if (text.len == 0) {
		return 0; /* also where too much is secret to look for it */
	}
	secrets_mask(&b->redaction.secrets, text, &masked);
	return give(&masked, ret);
}

/* {head…,"body":…} */
static int give_exchange(struct building *b, struct buf *head, struct payload *payload,
    bool timing, char **ret)
{
	struct buf body = { 0 };

	secrets_mask_json(&b->redaction.secrets, head);
	payload_write(payload, &b->redaction.secrets, b->settings->max_body, &body);
	buf_puts(head, ",\"body\":");
	buf_put_slice(head, body.len > 0 ? buf_slice(&body) : SLICE("null"));
	if (timing) {
		buf_putc(head, ',');
		exchange_timing(b->call, head);
	}
	buf_putc(head, '}');
	head->failed = head->failed || body.failed;
	buf_finish(&body);
	return give(head, ret);
}

static int give_payload(struct building *b, struct buf *head, struct payload *payload,
    bool response, char **ret)
{
	struct buf text = { 0 };

	if (head->len > 0) {
		return give_exchange(b, head, payload, response, ret);
	}
	payload_write(payload, &b->redaction.secrets, b->settings->max_body, &text);
	return give(&text, ret);
}

static int give_name(const char *text, char **ret)
{
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* An action may hold a segment of the path: never one that is a secret. */
static const char *action_of(struct building *b)
{
	const struct route_match *match = &b->call->match;
	struct spans spans = { 0 };
	const char *action = match->action;

	if ((!match->route || strchr(match->route->action, '{')) &&
	    secrets_find(&b->redaction.secrets, slice_of(action), &spans)) {
		action = "other";
	}
	spans_finish(&spans);
	return action[0] ? action : "other";
}

static int give_entity(struct building *b, struct row *row)
{
	struct spans spans = { 0 };
	char id[UUID_TEXT_SIZE];
	bool secret = false;

	if (!b->entity.type[0]) {
		return 0;
	}
	uuid_format(&b->entity.id, id);
	secret =
	    !b->redaction.secrets.overflow &&
	    (secrets_find(&b->redaction.secrets, slice_of(id), &spans) ||
	        secrets_find(&b->redaction.secrets, slice_of(b->entity.type), &spans));
	spans_finish(&spans);
	if (secret) {
		return 0;
	}
	row->related_entity_id = b->entity.id;
	return give_name(b->entity.type, &row->related_entity_type);
}

static int fill_row(struct building *b, struct row *row)
{
	const struct call *call = b->call;
	int64_t ns = call->marks.ended - call->marks.begun;
	int r = 0;

	row->id = call->id;
	row->created_us = call->created_us;
	row->updated_us = wall_us();
	row->status = call->in_flight ? ROW_PENDING : b->verdict.status;
	row->duration_ms = call->in_flight ? -1 : (ns > 0 ? ns / 1000000 : 0);
	r = give_name(call->match.service ? call->match.service->name : "unknown",
	    &row->service_name);
	r = r ? r : give_name(action_of(b), &row->action);
	r = r ? r : give_entity(b, row);
	r = r ? r
	      : give_payload(
	            b, &b->request_head, &b->request, false, &row->request_payload);
	r = r ? r
	      : give_payload(
	            b, &b->response_head, &b->response, true, &row->response_payload);
	r = r ? r : give_masked(b, buf_slice(&b->verdict.code), &row->error_code);
	r = r ? r : give_masked(b, buf_slice(&b->verdict.message), &row->error_message);
	return r;
}

/* See build_notes. */
static void note_unrouted(struct building *b, struct build_notes *notes)
{
	const struct route_match *match = &b->call->match;
	struct buf text = { 0 };

	if (!match->service || match->route != &match->service->other || !match->path ||
	    b->call->in_flight) {
		return;
	}
	path_template_put(
	    match->service, &b->redaction.secrets, slice_of(match->path), &text);
	(void)snprintf(notes->unrouted, sizeof(notes->unrouted), "%.*s",
	    SLICE_ARG(text.failed ? SLICE("/*") : buf_slice(&text)));
	buf_finish(&text);
}

int row_build(const struct call *call, const struct record_settings *settings,
    struct row *ret_row, struct build_notes *ret_notes)
{
	struct building *b = calloc(1, sizeof(*b));
	const struct route *route = call->match.route;
	struct row row = { 0 };
	int r = redact_init(NULL);

	if (!b || r != 0) {
		free(b);
		return -ENOMEM;
	}
	b->call = call;
	b->settings = settings;
	r = read_call(b);
	r = r ? r : fill_row(b, &row);
	if (r == 0) {
		bool unwanted = route && route->long_poll && !route->record_empty;

		*ret_row = row;
		*ret_notes = (struct build_notes){
			/* while a poll waits nobody knows whether it will bring something
			 */
			.skip = unwanted && (call->in_flight || b->verdict.empty_poll),
			.may_chain = route && route->retry && !route->long_poll,
		};
		note_unrouted(b, ret_notes);
	} else {
		row_finish(&row);
	}
	building_finish(b);
	free(b);
	return r;
}

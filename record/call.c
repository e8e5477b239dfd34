/* SPDX-License-Identifier: MIT */
/*
 * call: making, copying and wiping.
 */
#include "record/call.h"

#include <stdlib.h>

#include "base/clock.h"

struct call *call_create(size_t capture_limit)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call) {
		return NULL;
	}
	call->id = uuid7_make();
	call->marks.begun = mono_ns();
	call->created_us = wall_us();
	capture_init(&call->request, capture_limit);
	capture_init(&call->response, capture_limit);
	return call;
}

void call_destroy(struct call *call)
{
	if (!call) {
		return;
	}
	buf_wipe(&call->method);
	buf_wipe(&call->scheme);
	buf_wipe(&call->host);
	buf_wipe(&call->target);
	buf_wipe(&call->request_fields);
	buf_wipe(&call->reason);
	buf_wipe(&call->response_fields);
	buf_wipe(&call->outcome_detail);
	capture_finish(&call->request);
	capture_finish(&call->response);
	route_match_finish(&call->match);
	route_table_unref(call->table);
	free(call);
}

static bool copy_buf(struct buf *to, const struct buf *from)
{
	buf_put_slice(to, buf_slice(from));
	return !to->failed && !from->failed;
}

/* Copies the match; its params point into the copy of the path. */
static bool copy_match(struct route_match *to, const struct route_match *from)
{
	size_t len = from->path ? strlen(from->path) : 0;

	*to = *from;
	to->path = NULL;
	if (!from->path) {
		to->param_count = 0;
		return true;
	}
	for (size_t i = 0; i < from->param_count; i++) {
		/* a decoded %00 may stand before its end */
		struct slice value = from->param[i].value;
		size_t end = value.ptr ? (size_t)(value.ptr - from->path) + value.len : 0;

		len = end > len ? end : len;
	}
	to->path = malloc(len + 1);
	if (!to->path) {
		to->param_count = 0;
		return false;
	}
	memcpy(to->path, from->path, len);
	to->path[len] = '\0';
	for (size_t i = 0; i < from->param_count; i++) {
		if (from->param[i].value.ptr) {
			to->param[i].value.ptr =
			    to->path + (from->param[i].value.ptr - from->path);
		}
	}
	return true;
}

struct call *call_snapshot(const struct call *call)
{
	struct call *copy = calloc(1, sizeof(*copy));
	bool made = false;

	if (!copy) {
		return NULL;
	}
	copy->id = call->id;
	copy->created_us = call->created_us;
	copy->marks = call->marks;
	copy->in_flight = true;
	copy->table = call->table ? route_table_ref(call->table) : NULL;
	capture_init(&copy->request, call->request.limit);
	capture_init(&copy->response, call->response.limit);
	made = copy_match(&copy->match, &call->match) &&
	       copy_buf(&copy->method, &call->method) &&
	       copy_buf(&copy->scheme, &call->scheme) &&
	       copy_buf(&copy->host, &call->host) &&
	       copy_buf(&copy->target, &call->target) &&
	       copy_buf(&copy->request_fields, &call->request_fields) &&
	       capture_copy(&copy->request, &call->request);
	if (!made) {
		call_destroy(copy);
		return NULL;
	}
	return copy;
}

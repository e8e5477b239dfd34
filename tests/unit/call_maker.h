/* SPDX-License-Identifier: MIT */
/*
 * call_maker: calls for the tests of record/, and the rows they become.
 */
#ifndef TESTS_UNIT_CALL_MAKER_H
#define TESTS_UNIT_CALL_MAKER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "record/build.h"

/* What a test says of a call; what it leaves out is empty. */
struct call_text {
	const char *method; /* NULL: POST */
	const char *target; /* NULL: /v1/things */
	const char *fields;
	struct slice body;
	int status; /* 0: no answer */
	const char *reason;
	const char *answer_fields;
	struct slice answer;
	size_t limit; /* of the captures; 0: 1 MiB */
	bool in_flight;
	bool sending; /* the end of the request was not sent */
	enum outcome outcome;
};

#define JSON_FIELDS "Content-Type: application/json\r\n"
#define FORM_FIELDS "Content-Type: application/x-www-form-urlencoded\r\n"

static struct route_table *table_of(const char *service)
{
	struct route_table *table = NULL;
	struct err err = { "" };

	if (route_table_parse("test.yaml", slice_of(service), &table, &err) != 0) {
		fail_msg("%s", err.text);
	}
	return table;
}

static struct call *call_of(struct route_table *table, const struct call_text *text)
{
	struct call *call = call_create(text->limit ? text->limit : 1 << 20);

	assert_non_null(call);
	buf_puts(&call->method, text->method ? text->method : "POST");
	buf_puts(&call->scheme, "https");
	buf_puts(&call->host, "api.shop.test");
	buf_puts(&call->target, text->target ? text->target : "/v1/things");
	buf_puts(&call->request_fields, text->fields ? text->fields : "");
	capture_add(&call->request, text->body.ptr, text->body.len);
	call->status = text->status;
	buf_puts(&call->reason, text->reason ? text->reason : "");
	buf_puts(&call->response_fields, text->answer_fields ? text->answer_fields : "");
	capture_add(&call->response, text->answer.ptr, text->answer.len);
	call->outcome = text->outcome;
	call->in_flight = text->in_flight;
	call->marks.sent = text->sending ? 0 : call->marks.begun + 1;
	call->marks.ended = call->marks.begun + 12999999;
	call->table = route_table_ref(table);
	assert_int_equal(
	    route_match(route_table_service(table, 0), buf_slice(&call->method),
	        buf_slice(&call->target), &call->match),
	    0);
	return call;
}

/* The row of a call; row_finish it. */
static struct row row_of(struct route_table *table, const struct call_text *text,
    const struct record_settings *settings, struct build_notes *ret_notes)
{
	struct call *call = call_of(table, text);
	struct build_notes notes;
	struct row row = { 0 };

	assert_int_equal(
	    row_build(call, settings, &row, ret_notes ? ret_notes : &notes), 0);
	call_destroy(call);
	return row;
}

#endif

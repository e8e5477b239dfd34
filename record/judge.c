/* SPDX-License-Identifier: MIT */
/*
 * judge: the rules of routes/service.h, put to one answer.
 */
#include "record/judge.h"

#include "base/json.h"

enum {
	MESSAGE_MAX = 4096, /* bytes of an error_message */
	CODE_MAX = 256,
};

/* The answer before the judge. Results of pointers are taken in the order they were
 * added. */
struct answer {
	const struct call *call;
	const struct payload *payload;
	const struct watch *watch;
	bool read;     /* the payload can be read by pointers */
	bool bodiless; /* by the rules of HTTP there is no body */
};

void verdict_finish(struct verdict *verdict)
{
	buf_wipe(&verdict->code);
	buf_wipe(&verdict->message);
}

static void watch_tests(
    struct watch *watch, const struct body_test *test, size_t count, int *first)
{
	for (size_t i = 0; i < count; i++) {
		int number = watch_add(watch, &test[i].at, WATCH_VALUE, test[i].value);

		*first = *first < 0 ? number : *first;
	}
}

static void watch_pointers(
    struct watch *watch, const struct pointers *pointers, int *first)
{
	for (size_t i = 0; i < pointers->count; i++) {
		int number = watch_add(watch, &pointers->item[i], WATCH_VALUE, NULL);

		*first = *first < 0 ? number : *first;
	}
}

int judge_watch(const struct route *route, struct watch *watch)
{
	const struct judge *judge = route->judge;
	int first = WATCH_NONE;

	if (judge) {
		for (size_t i = 0; i < judge->pending_count; i++) {
			watch_tests(watch, judge->pending[i].test,
			    judge->pending[i].test_count, &first);
		}
		watch_tests(
		    watch, judge->success.test, judge->success.test_count, &first);
		watch_pointers(watch, &judge->partial, &first);
		watch_pointers(watch, &judge->code, &first);
		watch_pointers(watch, &judge->message, &first);
	}
	if (route->empty) {
		watch_tests(watch, route->empty, 1, &first);
	}
	return first < 0 ? 0 : first;
}

static const struct watch_result *result_of(const struct answer *answer, int number)
{
	return watch_result(answer->watch, answer->read ? number : WATCH_NONE);
}

static bool test_holds(
    const struct answer *answer, const struct body_test *test, int number)
{
	const struct watch_result *result = result_of(answer, number);

	switch (test->op) {
	case TEST_EQUALS:
		return result->equal;
	case TEST_NOT_EQUALS:
		return !result->equal;
	case TEST_EMPTY:
		return !result->filled;
	case TEST_NOT_EMPTY:
		return result->filled;
	case TEST_PRESENT:
		return result->present;
	case TEST_ABSENT:
		return !result->present;
	}
	return false;
}

static bool status_in(const struct verdict_rule *rule, int status)
{
	if (status == 101) {
		status =
		    200; /* the switch of protocols that was asked for: RFC 9110 15.2.2 */
	}
	for (size_t i = 0; i < rule->status_count; i++) {
		if (status >= rule->status[i].low && status <= rule->status[i].high) {
			return true;
		}
	}
	return rule->status_count == 0;
}

/* *number is that of the rule's first test, and then the one after its last. */
static bool rule_holds(
    const struct answer *answer, const struct verdict_rule *rule, int *number)
{
	bool holds = status_in(rule, answer->call->status);

	/* what has no body is judged by its status alone where a body would decide */
	if (rule->needs_json && answer->bodiless) {
		*number += (int)rule->test_count;
		return holds;
	}
	if (rule->needs_json && !answer->payload->is_json) {
		holds = false;
	}
	for (size_t i = 0; i < rule->test_count; i++) {
		holds = test_holds(answer, &rule->test[i], (*number)++) && holds;
	}
	return holds;
}

static bool any_pending(
    const struct answer *answer, const struct judge *judge, int *number)
{
	bool pending = false;

	for (size_t i = 0; i < judge->pending_count; i++) {
		const struct verdict_rule *rule = &judge->pending[i];
		bool holds = rule_holds(answer, rule, number);

		/* nothing is pending by the word of an answer that says nothing */
		pending = pending || (holds && (answer->read || rule->test_count == 0) &&
		                         !(rule->needs_json && answer->bodiless));
	}
	return pending;
}

static bool any_filled(const struct answer *answer, size_t count, int *number)
{
	bool filled = false;

	for (size_t i = 0; i < count; i++) {
		filled = result_of(answer, (*number)++)->filled || filled;
	}
	return filled;
}

/* Appends a text of the API's, as far as it is fit to be kept. */
static void put_text(
    struct redaction *redaction, struct buf *out, struct slice text, size_t max)
{
	struct buf masked = { 0 };
	struct buf clean = { 0 };

	redaction_note(redaction, text);
	redact_text(redaction, text, TEXT_STRING, &masked);
	utf8_put_clean(&clean, buf_slice(&masked));
	buf_put(out, buf_slice(&clean).ptr, utf8_prefix(buf_slice(&clean), max));
	out->failed = out->failed || masked.failed || clean.failed;
	buf_wipe(&masked);
	buf_wipe(&clean);
}

/* The first of count pointers that found something. Returns whether one did. */
static bool put_first(const struct answer *answer, size_t count, int *number,
    bool strings, struct redaction *redaction, struct buf *out)
{
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		const struct watch_result *result = result_of(answer, (*number)++);
		const struct watch_text *text =
		    strings ? &result->string : &result->scalar;

		if (found || !text->found) {
			continue;
		}
		found = true;
		put_text(redaction, out,
		    text->secret ? SLICE(REDACTED) : watch_slice(answer->watch, text),
		    strings ? MESSAGE_MAX : CODE_MAX);
	}
	return found;
}

static void put_status(
    const struct answer *answer, struct redaction *redaction, struct buf *message)
{
	const struct buf *title = &answer->payload->title;

	if (title->len > 0) {
		put_text(redaction, message, buf_slice(title), MESSAGE_MAX);
		return;
	}
	buf_printf(message, "HTTP %d", answer->call->status);
	if (answer->call->reason.len > 0) {
		buf_putc(message, ' ');
		put_text(redaction, message, buf_slice(&answer->call->reason), CODE_MAX);
	}
}

static void no_answer(
    const struct call *call, struct redaction *redaction, struct verdict *verdict)
{
	const char *code = outcome_code(call->outcome);

	verdict->status = ROW_FAILED;
	buf_puts(&verdict->code, code ? code : "UPSTREAM_CLOSED");
	buf_puts(&verdict->message, outcome_text(call->outcome));
	if (call->outcome_detail.len > 0) {
		buf_puts(&verdict->message, ": ");
		put_text(redaction, &verdict->message, buf_slice(&call->outcome_detail),
		    MESSAGE_MAX);
	}
}

/* Code and message of an answer that failed. number: that of the first code pointer. */
static void explain(const struct answer *answer, const struct judge *judge, int number,
    bool partial, struct redaction *redaction, struct verdict *verdict)
{
	size_t codes = judge ? judge->code.count : 0;
	size_t messages = judge ? judge->message.count : 0;
	int status = answer->call->status;

	if (!put_first(answer, codes, &number, false, redaction, &verdict->code)) {
		if (partial && status >= 200 && status < 400) {
			buf_puts(&verdict->code, "PARTIAL_FAILURE");
		} else {
			buf_printf(&verdict->code, "HTTP_%d", status);
		}
	}
	if (!put_first(answer, messages, &number, true, redaction, &verdict->message)) {
		put_status(answer, redaction, &verdict->message);
	}
}

static bool has_no_body(const struct call *call)
{
	return call->status == 204 || call->status == 205 || call->status == 304 ||
	       (call->status >= 100 && call->status < 200) ||
	       slice_eq(buf_slice(&call->method), SLICE("HEAD"));
}

void judge_call(const struct call *call, const struct payload *response,
    const struct watch *watch, int first, struct redaction *redaction,
    struct verdict *ret_verdict)
{
	static const struct status_range fine = { 200, 399 };
	static const struct verdict_rule plain = { .status = &fine, .status_count = 1 };
	const struct route *route = call->match.route;
	const struct judge *judge = route ? route->judge : NULL;
	const struct answer answer = { call, response, watch,
		response->is_json || response->kind == PAYLOAD_JSON, has_no_body(call) };
	int number = first;
	bool pending = false;
	bool success = false;
	bool partial = false;

	*ret_verdict = (struct verdict){ .status = ROW_FAILED };
	if (call->outcome != OUTCOME_ANSWERED || call->status == 0) {
		no_answer(call, redaction, ret_verdict);
		return;
	}
	pending = judge && any_pending(&answer, judge, &number);
	success = rule_holds(&answer, judge ? &judge->success : &plain, &number);
	partial = judge && any_filled(&answer, judge->partial.count, &number);
	if (pending) {
		ret_verdict->status = ROW_PENDING;
	} else if (success && !partial) {
		ret_verdict->status = ROW_SUCCESS;
	} else {
		explain(&answer, judge, number, partial, redaction, ret_verdict);
	}
	if (judge) {
		number += (int)(judge->code.count + judge->message.count);
	}
	ret_verdict->empty_poll = route && route->empty && answer.read &&
	                          ret_verdict->status == ROW_SUCCESS &&
	                          test_holds(&answer, route->empty, number);
}

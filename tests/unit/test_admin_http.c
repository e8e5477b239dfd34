/* SPDX-License-Identifier: MIT */
/*
 * test_admin_http: query strings, replies, and what /readyz makes of the parts it asks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "dashboard/admin_private.h"
#include "dashboard/handlers.h"
#include "dashboard/http.h"
#include "dashboard/static.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)

static void a_query_is_read_as_a_form(void **state)
{
	static const struct {
		const char *query;
		const char *value; /* of a; NULL: it is not there */
	} cases[] = {
		{ "", NULL },
		{ "a", "" },
		{ "a=", "" },
		{ "a=1", "1" },
		{ "b=2&a=1", "1" },
		{ "a=1&a=2", "1" },
		{ "aa=2&&a=1", "1" },
		{ "%61=1", "1" },
		{ "a=b=c", "b=c" },
		{ "a=b+c%20d%2B", "b c d+" },
		{ "a=%d0%b6", "\xd0\xb6" },
		{ "a=%", "%" },
		{ "a=%4", "%4" },
		{ "a=%zz", "%zz" },
		{ "A=1", NULL },
		{ "=1", NULL },
	};
	struct buf value = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = query_value(slice_of(cases[i].query), "a", &value);

		if (found != (cases[i].value != NULL) ||
		    !slice_eq(buf_slice(&value), slice_of(cases[i].value))) {
			fail_msg("%s", cases[i].query);
		}
	}
	buf_finish(&value);
}

static void every_parameter_is_stepped_to(void **state)
{
	struct slice rest = SLICE("s=a&s=b&&t");
	struct buf name = { 0 };
	struct buf value = { 0 };
	struct buf all = { 0 };

	(void)state;
	while (query_next(&rest, &name, &value)) {
		buf_printf(&all, "%.*s:%.*s;", SLICE_ARG(buf_slice(&name)),
		    SLICE_ARG(buf_slice(&value)));
	}
	assert_true(slice_eq(buf_slice(&all), SLICE("s:a;s:b;t:;")));
	buf_finish(&name);
	buf_finish(&value);
	buf_finish(&all);
}

static void a_field_is_one_line(void **state)
{
	struct reply reply = { 0 };

	(void)state;
	reply_header(&reply, "X-A", "%s", "a\r\nSet-Cookie: b\x7f");
	assert_string_equal(reply.header[0].value, "a  Set-Cookie: b ");
	reply_error(&reply, 400, "CODE", "say \"%s\"", "\x01");
	assert_true(slice_eq(
	    buf_slice(&reply.body), SLICE("{\"error\":{\"code\":\"CODE\",\"message\":"
	                                  "\"say \\\"\\u0001\\\"\"}}\n")));
	reply_finish(&reply);
}

static void the_page_is_built_in(void **state)
{
	static const char *const there[] = { "/", "/index.html", "/uplot.esm.js",
		"/uplot.css" };
	static const char *const not_there[] = { "/package.json", "/package-lock.json",
		"/node_modules/uplot/package.json", "/assets.py", "", "/INDEX.html" };

	(void)state;
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		assert_non_null(static_find(slice_of(there[i])));
	}
	for (size_t i = 0; i < sizeof(not_there) / sizeof(not_there[0]); i++) {
		assert_null(static_find(slice_of(not_there[i])));
	}
}

/* The parts below, as they are to be. */
struct below {
	int store;
	struct shipper_status delivery;
};

static int on_check(void *arg, struct err *err)
{
	struct below *below = arg;

	return below->store == 0 ? 0 : err_set(err, -below->store, "\"no\" room");
}

static void on_delivery(void *arg, struct shipper_status *ret_status)
{
	*ret_status = ((struct below *)arg)->delivery;
}

static void unready_is_a_store_that_fails_or_delivery_that_stands(void **state)
{
	const struct {
		int store;
		enum shipper_state delivery;
		int64_t trouble_s; /* ago; 0: none */
		bool draining;
		int status;
		const char *words;
	} cases[] = {
		{ 0, SHIPPER_IDLE, 0, false, 200, "\"status\":\"ready\"" },
		{ 0, SHIPPER_DELIVERING, 0, false, 200, "\"state\":\"delivering\"" },
		{ 0, SHIPPER_FAILING, 50, false, 200, "\"message\":\"away\"" },
		{ 0, SHIPPER_FAILING, 70, false, 503, "\"state\":\"failing\"" },
		{ 0, SHIPPER_HOLDING, 70, false, 503, "\"status\":\"unready\"" },
		{ 0, SHIPPER_HOLDING, 5, false, 200, "\"waiting\":7,\"refused\":3" },
		{ -ENOSPC, SHIPPER_IDLE, 0, false, 503,
		    "\"ok\":false,\"message\":\"\\\"no\\\" room\"" },
		{ 0, SHIPPER_IDLE, 0, true, 503, "\"stopping\":true" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct below below = { .store = cases[i].store,
			.delivery = { .state = cases[i].delivery,
			    .waiting = 7,
			    .refused = 3,
			    .problem = "away" } };
		struct admin admin = { .parts = { .arg = &below,
			                   .stuck_after_ns = 60 * SECOND_NS,
			                   .check_store = on_check,
			                   .delivery = on_delivery } };
		struct request request = { .admin = &admin, .method = "GET" };
		struct reply reply = { 0 };
		char *text;

		if (cases[i].trouble_s) {
			below.delivery.mono_trouble_ns =
			    mono_ns() - cases[i].trouble_s * SECOND_NS;
		}
		atomic_store(&admin.draining, cases[i].draining);
		health_ready(&request, &reply);
		assert_int_equal(reply.status, cases[i].status);
		text = buf_steal(&reply.body);
		assert_non_null(strstr(text, cases[i].words));
		free(text);
		reply_finish(&reply);
	}
}

static void without_delivery_the_store_alone_counts(void **state)
{
	struct admin admin = { .parts = { .host = "127.0.0.1" } };
	struct request request = { .admin = &admin, .method = "GET" };
	struct reply reply = { 0 };

	(void)state;
	health_ready(&request, &reply);
	assert_int_equal(reply.status, 200);
	reply_finish(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_is_read_as_a_form),
		cmocka_unit_test(every_parameter_is_stepped_to),
		cmocka_unit_test(a_field_is_one_line),
		cmocka_unit_test(the_page_is_built_in),
		cmocka_unit_test(unready_is_a_store_that_fails_or_delivery_that_stands),
		cmocka_unit_test(without_delivery_the_store_alone_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

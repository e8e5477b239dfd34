/* SPDX-License-Identifier: MIT */
/*
 * PostgREST's grammar: from a query string to SQL and its values, for both databases.
 */
#include "dashboard/rest_sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dashboard/rest_json.h"
#include "dashboard/rest_value.h"

/* The SELECT of a query with its values behind it, or "CODE message | details". */
static void describe(const char *text, enum ask_dialect dialect, char *out, size_t size)
{
	struct rest_arena arena = { 0 };
	struct rest_sql sql = { .arena = &arena, .dialect = dialect };
	struct rest_query query;
	struct rest_error error;
	struct buf line = { 0 };

	if (rest_parse(&arena, rest_table_find(SLICE("integration_logs")), slice_of(text),
	        &query, &error)) {
		rest_sql_select(&sql, &query, query.limit, query.offset);
		buf_put_slice(&line, buf_slice(&sql.text));
		for (size_t i = 0; i < sql.param_count; i++) {
			buf_printf(&line, "%s%.*s", i == 0 ? " -- " : " | ",
			    SLICE_ARG(sql.param[i]));
		}
	} else {
		buf_printf(&line, "%s %s", error.code, error.message);
		buf_printf(&line, "%s%s", error.details[0] ? " | " : "", error.details);
	}
	assert_false(line.failed);
	(void)snprintf(out, size, "%.*s", SLICE_ARG(buf_slice(&line)));
	buf_finish(&line);
	rest_sql_finish(&sql);
	rest_arena_finish(&arena);
}

static void queries_become_sql_of_names_and_placeholders(void **state)
{
	static const struct {
		const char *query;
		const char *postgres;
		const char *sqlite;
	} cases[] = {
		{ "select=id", "SELECT \"id\" FROM public.\"integration_logs\"",
		    "SELECT \"id\" FROM \"integration_logs\"" },
		{ "select=id&status=eq.failed&order=created_at.desc&limit=5&offset=2",
		    "SELECT \"id\" FROM public.\"integration_logs\" WHERE (\"status\" = $1::text)"
		    " ORDER BY \"created_at\" DESC NULLS FIRST LIMIT 5 OFFSET 2 -- failed",
		    "SELECT \"id\" FROM \"integration_logs\" WHERE (\"status\" = $1)"
		    " ORDER BY \"created_at\" DESC NULLS FIRST LIMIT 5 OFFSET 2 -- failed" },
		{ "select=id&duration_ms=not.in.(1,+2)",
		    "SELECT \"id\" FROM public.\"integration_logs\" WHERE NOT (\"duration_ms\""
		    " IN ($1::integer, $2::integer)) -- 1 | 2",
		    "SELECT \"id\" FROM \"integration_logs\" WHERE NOT (\"duration_ms\""
		    " IN (CAST($1 AS INTEGER), CAST($2 AS INTEGER))) -- 1 | 2" },
		{ "select=a:request_payload->x->0->>%22y%22&request_payload->n=gt.1.50",
		    "SELECT (\"request_payload\"->$1::text->(0)->>$2::text) FROM"
		    " public.\"integration_logs\" WHERE ((\"request_payload\"->$3::text) >"
		    " $4::jsonb) -- x | y | n | 1.50",
		    "SELECT waybill_json(\"request_payload\", 1, $1, 0, $2) FROM"
		    " \"integration_logs\" WHERE (waybill_json(\"request_payload\", 0, $3)"
		    " COLLATE waybill_jsonb > $4) -- x | y | n | 1.50" },
		{ "select=id&or=(status.eq.%22a,b)%22,not.and(id.is.null,error_code.ilike.*x*))",
		    "SELECT \"id\" FROM public.\"integration_logs\" WHERE ((\"status\" ="
		    " $1::text) OR NOT ((\"id\" IS NULL) AND (\"error_code\" ILIKE $2::text)))"
		    " -- a,b) | %x%",
		    "SELECT \"id\" FROM \"integration_logs\" WHERE ((\"status\" = $1) OR NOT"
		    " ((\"id\" IS NULL) AND (waybill_like(\"error_code\", $2, 1)))) -- a,b) | "
		    "%x%" },
		{ "select=id::text,created_at::date&created_at=lt.2026-01-01T00:00:00%2B01",
		    "SELECT CAST(\"id\" AS text), CAST(\"created_at\" AS date) FROM"
		    " public.\"integration_logs\" WHERE (\"created_at\" < $1::timestamptz) --"
		    " 2025-12-31T23:00:00.000000Z",
		    "SELECT \"id\", \"created_at\" FROM \"integration_logs\" WHERE"
		    " (\"created_at\" < $1) -- 2025-12-31T23:00:00.000000Z" },
		{ "select=id&status=in.()",
		    "SELECT \"id\" FROM public.\"integration_logs\" WHERE (1 = 0)",
		    "SELECT \"id\" FROM \"integration_logs\" WHERE (1 = 0)" },
	};

	char line[4000];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		describe(cases[i].query, ASK_POSTGRES, line, sizeof(line));
		assert_string_equal(line, cases[i].postgres);
		describe(cases[i].query, ASK_SQLITE, line, sizeof(line));
		assert_string_equal(line, cases[i].sqlite);
	}
}

static void what_cannot_be_read_is_told_with_its_place(void **state)
{
	static const struct {
		const char *query;
		const char *error;
	} cases[] = {
		{ "select=id,",
		    "PGRST100 \"failed to parse select parameter (id,)\" (line 1,"
		    " column 4) | unexpected end of input expecting field name (* or"
		    " [a..z0..9_$])" },
		{ "order=id.descc",
		    "PGRST100 \"failed to parse order (id.descc)\" (line 1, column 8) | "
		    "unexpected \"c\" expecting delimiter (.), \",\" or end of input" },
		{ "id=near.x",
		    "PGRST100 \"failed to parse filter (near.x)\" (line 1, column 1) |"
		    " unexpected \"n\" expecting operator (eq, gt, ...)" },
		{ "or=(id.is.null",
		    "PGRST100 \"failed to parse logic tree ((id.is.null)\" (line 1,"
		    " column 12) | unexpected end of input expecting \",\" or"
		    " \")\"" },
		{ "status=in.(a,%22b",
		    "PGRST100 \"failed to parse filter (in.(a,\"b)\" (line 1,"
		    " column 9) | unexpected end of input expecting \"\\\"\"" },
		{ "x=eq.1", "42703 column integration_logs.x does not exist" },
		{ "id=eq.1", "22P02 invalid input syntax for type uuid: \"1\"" },
		{ "error_message=like.a%5C",
		    "22025 LIKE pattern must not end with escape character" },
		{ "request_payload->>a->b=eq.1",
		    "PGRST100 \"failed to parse filter (request_payload->>a->b)\" (line 1, column"
		    " 20) | unexpected \"-\" expecting nothing after ->>, which gives text" },
	};

	char line[4000];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		describe(cases[i].query, ASK_SQLITE, line, sizeof(line));
		assert_string_equal(line, cases[i].error);
	}
}

static void values_take_one_form_or_postgresqls_error(void **state)
{
	static const struct {
		enum rest_type type;
		const char *text;
		const char *value; /* NULL: the error */
		const char *error;
	} cases[] = {
		{ REST_UUID, "{ABCDEF00-1111-2222-3333-444455556666}",
		    "abcdef00-1111-2222-3333-444455556666", NULL },
		{ REST_UUID, "abcdef0011112222-3333444455556666",
		    "abcdef00-1111-2222-3333-444455556666", NULL },
		{ REST_UUID, "abc-def0011112222-3333444455556666", NULL, "22P02" },
		{ REST_UUID, "abcdef00-1111-2222-3333-4444555566667", NULL, "22P02" },
		{ REST_INTEGER, " +007 ", "7", NULL },
		{ REST_INTEGER, "-2147483648", "-2147483648", NULL },
		{ REST_INTEGER, "2147483648", NULL, "22003" },
		{ REST_INTEGER, "1e3", NULL, "22P02" },
		{ REST_INTEGER, "-", NULL, "22P02" },
		{ REST_BIGINT, "-9223372036854775808", "-9223372036854775808", NULL },
		{ REST_BIGINT, "9223372036854775808", NULL, "22003" },
		{ REST_TIME, "2024-02-29T23:59:59.9999999-01:30",
		    "2024-03-01T01:30:00.000000Z", NULL },
		{ REST_TIME, "1969-12-31 23:00", "1969-12-31T23:00:00.000000Z", NULL },
		{ REST_TIME, "2026-01-01T24:00:00Z", "2026-01-02T00:00:00.000000Z",
		    NULL },
		{ REST_TIME, "2026-01-01T10:00:00+0530", "2026-01-01T04:30:00.000000Z",
		    NULL },
		{ REST_TIME, "2025-02-29", NULL, "22008" },
		{ REST_TIME, "0001-01-01T00:00:00+01:00", NULL, "22008" },
		{ REST_TIME, "2026-01-01T10", NULL, "22007" },
		{ REST_TIME, "infinity", NULL, "22007" },
		{ REST_JSON, " {\"a\" : [1.10, -0, 1E400, \"\\u0041\\u0000\"]} ",
		    "{\"a\":[1.10,-0,1E400,\"A\xEF\xBF\xBD\"]}", NULL },
		{ REST_JSON, "{\"a\":1}x", NULL, "22P02" },
		{ REST_JSON, "01", NULL, "22P02" },
		{ REST_TEXT, "a\xFF", "a\xEF\xBF\xBD", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rest_arena arena = { 0 };
		struct rest_error error = { 0 };
		struct slice value = { NULL, 0 };
		bool good = rest_value_read(
		    &arena, cases[i].type, slice_of(cases[i].text), &value, &error);

		if (good != (cases[i].value != NULL)) {
			fail_msg("%s: %s", cases[i].text, error.message);
		}
		if (good && !slice_eq(value, slice_of(cases[i].value))) {
			fail_msg("%s: %.*s", cases[i].text, SLICE_ARG(value));
		}
		if (!good) {
			assert_string_equal(error.code, cases[i].error);
		}
		rest_arena_finish(&arena);
	}
}

static void bodies_keep_their_digits_and_the_last_of_a_name(void **state)
{
	struct rest_arena arena = { 0 };
	struct rest_error error;
	struct rest_body body;
	const struct rest_member *member;

	(void)state;
	assert_true(rest_json_rows(&arena,
	    SLICE("[{\"a\":1.10,\"b\":\"x\\ny\",\"a\":12345678901234567890.0},"
	          "{\"c\":{\"d\":[null,true]}}]"),
	    &body, &error));
	assert_true(body.is_array);
	assert_int_equal(body.count, 2);
	assert_int_equal(body.first->count, 2);
	member = rest_json_member(body.first, SLICE("a"));
	assert_true(slice_eq(member->text, SLICE("12345678901234567890.0")));
	member = rest_json_member(body.first, SLICE("b"));
	assert_true(slice_eq(member->text, SLICE("x\ny")));
	assert_true(slice_eq(member->json, SLICE("\"x\\ny\"")));
	member = rest_json_member(body.first->next, SLICE("c"));
	assert_true(slice_eq(member->json, SLICE("{\"d\":[null,true]}")));
	rest_arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_become_sql_of_names_and_placeholders),
		cmocka_unit_test(what_cannot_be_read_is_told_with_its_place),
		cmocka_unit_test(values_take_one_form_or_postgresqls_error),
		cmocka_unit_test(bodies_keep_their_digits_and_the_last_of_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Forms, multipart bodies and the parameters of header values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "record/json_redact.h"
#include "record/multipart.h"
#include "record/parameter.h"

/* The object of a form; free() it. */
static char *object_of(const struct form *form)
{
	struct redaction redaction = { 0 };
	struct json_redact *json = calloc(1, sizeof(*json));
	struct buf out = { 0 };

	assert_int_equal(redact_init(NULL), 0);
	assert_non_null(json);
	json_redact_init(json, &redaction, NULL, &out);
	form_write(form, json);
	json_redact_finish(json);
	free(json);
	redaction_finish(&redaction);
	return buf_steal(&out);
}

static void assert_form(const char *text, bool whole, const char *object)
{
	struct form form = { 0 };
	char *made = NULL;

	form_read(&form, slice_of(text), whole);
	made = object_of(&form);
	assert_string_equal(made, object);
	free(made);
	form_finish(&form);
}

static void fields_become_members(void **state)
{
	(void)state;
	assert_form("a=1&b=x+y%21&c", true, "{\"a\":\"1\",\"b\":\"x y!\",\"c\":\"\"}");
	assert_form("", true, "{}");
	assert_form("&&", true, "{}");
	assert_form("=1", true, "{\"\":\"1\"}");
	assert_form("a=%zz&b=%4", true, "{\"a\":\"%zz\",\"b\":\"%4\"}");
	assert_form("p%5Bname%5D=%D0%90", true, "{\"p[name]\":\"\xD0\x90\"}");
	assert_form("a=%00%FF", true, "{\"a\":\"\xEF\xBF\xBD\xEF\xBF\xBD\"}");
}

static void repeated_names_become_arrays_where_they_first_stood(void **state)
{
	(void)state;
	assert_form("b=1&a=2&b=3&c=4&b=", true,
	    "{\"b\":[\"1\",\"3\",\"\"],\"a\":\"2\",\"c\":\"4\"}");
}

static void last_field_of_a_cut_body_is_left_out(void **state)
{
	(void)state;
	assert_form("a=1&password=sec", false, "{\"a\":\"1\"}");
	assert_form("only=half", false, "{}");
}

static void secrets_are_masked_by_name(void **state)
{
	(void)state;
	assert_form("data[password]=hunter2&api-Key=a&text=b", true,
	    "{\"data[password]\":\"[redacted]\",\"api-Key\":\"[redacted]\",\"text\":\"b\"}");
	/* a file's description cannot come from outside */
	assert_form("f={\"_file\":1}", true, "{\"f\":\"{\\\"_file\\\":1}\"}");
}

static void assert_multipart(const char *body, bool closed, const char *object)
{
	struct form form = { 0 };
	char *made = NULL;

	assert_int_equal(multipart_read(&form, slice_of(body), SLICE("b")), closed);
	made = object_of(&form);
	assert_string_equal(made, object);
	free(made);
	form_finish(&form);
}

#define FIELD(name, value)                                                               \
	"--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

static void parts_become_members(void **state)
{
	(void)state;
	assert_multipart(
	    FIELD("a", "1") FIELD("b", "") "--b--\r\n", true, "{\"a\":\"1\",\"b\":\"\"}");
	assert_multipart("preamble\r\n" FIELD("a", "x\r\n--bc") "--b-- trailing", true,
	    "{\"a\":\"x\\r\\n--bc\"}");
	assert_multipart(
	    FIELD("a", "1") FIELD("a", "2") "--b--", true, "{\"a\":[\"1\",\"2\"]}");
	assert_multipart("--b--", true, "{}");
	assert_multipart("no boundary at all", false, "{}");
}

static void files_are_described_not_kept(void **state)
{
	(void)state;
	assert_multipart(
	    "--b\r\nContent-Disposition: form-data; name=\"doc\"; filename=\"a \\\"b\\\".txt\"\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n\r\nabc\r\n--b--\r\n",
	    true,
	    "{\"doc\":{\"_file\":\"a \\\"b\\\".txt\",\"_type\":\"text/plain\",\"_bytes\":3,"
	    "\"_sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}}");
	assert_multipart(
	    "--b\r\ncontent-disposition: form-data; name=x\r\n\r\n\xFF\xFE\r\n--b--\r\n",
	    true,
	    "{\"x\":{\"_file\":null,\"_type\":\"application/octet-stream\",\"_bytes\":2,"
	    "\"_sha256\":\"b3d510ef04275ca8e698e5b3cbb0ece3949ef9252f0cdc839e9ee347409a2209\"}}");
}

/* Without a name nobody can say whether it is a secret; parts in a part have names of
 * their own. */
static void parts_without_a_name_of_their_own_are_described(void **state)
{
	(void)state;
	assert_multipart("--b\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--b--",
	    true,
	    "{\"\":{\"_file\":null,\"_type\":\"application/octet-stream\",\"_bytes\":3,"
	    "\"_sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}}");
	/* two names: another reader may take the other one */
	assert_multipart("--b\r\nContent-Disposition: form-data; name=pin\r\n"
	                 "Content-Disposition: form-data; name=x\r\n\r\nabc\r\n--b--",
	    true,
	    "{\"x\":{\"_file\":null,\"_type\":\"application/octet-stream\",\"_bytes\":3,"
	    "\"_sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}}");
	assert_multipart("--b\r\nContent-Disposition: form-data; name=x\r\n"
	                 "Content-Type: multipart/mixed; boundary=c\r\n\r\nabc\r\n--b--",
	    true,
	    "{\"x\":{\"_file\":null,\"_type\":\"multipart/mixed\",\"_bytes\":3,"
	    "\"_sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}}");
}

static void fields_of_a_part_may_be_folded(void **state)
{
	(void)state;
	assert_multipart(
	    "--b\r\nContent-Disposition: form-data;\r\n name=\"password\"\r\n\r\nabc\r\n"
	    "--b\r\nContent-Disposition:\r\n\tform-data; name=\"a\r\n b\"\r\n\r\nabc\r\n--b--",
	    true, "{\"password\":\"[redacted]\",\"a b\":\"abc\"}");
	assert_multipart("--b\r\nContent-Type: text/plain;\r\n charset=utf-16\r\n"
	                 "Content-Disposition: form-data; name=x\r\n\r\nabc\r\n--b--",
	    true,
	    "{\"x\":{\"_file\":null,\"_type\":\"text/plain\",\"_bytes\":3,"
	    "\"_sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}}");
}

static void parts_are_known_by_their_first_boundary(void **state)
{
	(void)state;
	assert_true(multipart_begins(SLICE("--a b\r\ncontent-type: text/plain")));
	assert_true(multipart_begins(SLICE("\r\n--b\nContent-Disposition: form-data")));
	assert_false(multipart_begins(SLICE("--b\r\nX-Other: 1")));
	assert_false(multipart_begins(SLICE("--\r\nContent-Type: text/plain")));
	assert_false(multipart_begins(SLICE("--b")));
	assert_false(multipart_begins(SLICE("")));
}

static void part_that_is_cut_is_left_out(void **state)
{
	(void)state;
	assert_multipart(
	    FIELD(
	        "a", "1") "--b\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\nsec",
	    false, "{\"a\":\"1\"}");
}

static void assert_parameter(const char *value, const char *name, const char *expected)
{
	struct buf out = { 0 };
	bool found = parameter_find(slice_of(value), slice_of(name), &out);

	assert_int_equal(found, expected != NULL);
	assert_true(slice_eq(buf_slice(&out), expected ? slice_of(expected) : SLICE("")));
	buf_finish(&out);
}

static void parameters_are_found_quoted_or_not(void **state)
{
	(void)state;
	assert_parameter("form-data; name=\"a;b\"; filename=c", "name", "a;b");
	assert_parameter("form-data; name=\"a;b\"; FileName=c", "filename", "c");
	assert_parameter("form-data; filename=\"x\"; filename*=UTF-8''%D0%90+1",
	    "filename", "\xD0\x90+1");
	assert_parameter("form-data; name=\"C:\\dir\\f\"", "name", "C:\\dir\\f");
	assert_parameter("form-data; filename=x", "name", NULL);
	assert_parameter("form-data", "name", NULL);
	assert_parameter("form-data; name=\"open", "name", "ope");
}

static void boundary_is_read_from_the_type(void **state)
{
	struct buf boundary = { 0 };

	(void)state;
	assert_true(multipart_boundary(
	    SLICE("Multipart/Form-Data; charset=x; boundary=\"a b\""), &boundary));
	assert_true(slice_eq(buf_slice(&boundary), SLICE("a b")));
	assert_false(multipart_boundary(SLICE("multipart/form-data"), &boundary));
	assert_false(multipart_boundary(SLICE("text/plain; boundary=x"), &boundary));
	assert_true(multipart_first_line(SLICE("--a b\r\nx"), &boundary));
	assert_true(slice_eq(buf_slice(&boundary), SLICE("a b")));
	assert_false(multipart_first_line(SLICE("--a b\nx"), &boundary));
	assert_false(multipart_first_line(SLICE("--\r\nx"), &boundary));
	assert_false(multipart_first_line(SLICE("a"), &boundary));
	buf_finish(&boundary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_become_members),
		cmocka_unit_test(repeated_names_become_arrays_where_they_first_stood),
		cmocka_unit_test(last_field_of_a_cut_body_is_left_out),
		cmocka_unit_test(secrets_are_masked_by_name),
		cmocka_unit_test(parts_become_members),
		cmocka_unit_test(files_are_described_not_kept),
		cmocka_unit_test(parts_without_a_name_of_their_own_are_described),
		cmocka_unit_test(fields_of_a_part_may_be_folded),
		cmocka_unit_test(parts_are_known_by_their_first_boundary),
		cmocka_unit_test(part_that_is_cut_is_left_out),
		cmocka_unit_test(parameters_are_found_quoted_or_not),
		cmocka_unit_test(boundary_is_read_from_the_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

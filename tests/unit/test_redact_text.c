/* SPDX-License-Identifier: MIT */
/*
 * Secrets beside their names in running text: assignments, header fields, elements.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/names.h"
#include "record/redact.h"

struct example {
	const char *text;
	const char *expected; /* NULL: it stays */
};

/* What stands beside a name is masked there; then all that was found, wherever it is. */
static void assert_text(enum text_kind kind, const struct example *example)
{
	const char *expected = example->expected ? example->expected : example->text;
	struct redaction redaction = { 0 };
	struct buf beside = { 0 };
	struct buf out = { 0 };

	assert_int_equal(redact_init(NULL), 0);
	redact_text(&redaction, slice_of(example->text), kind, &beside);
	redaction_seal(&redaction);
	secrets_mask(&redaction.secrets, buf_slice(&beside), &out);
	buf_putc(&out, '\0');
	assert_string_equal(out.ptr, expected);
	buf_finish(&beside);
	buf_finish(&out);
	redaction_finish(&redaction);
}

#define ASSERT_ALL(kind, list)                                                           \
	for (size_t i = 0; i < sizeof(list) / sizeof((list)[0]); i++) {                  \
		assert_text(kind, &(list)[i]);                                           \
	}

static void assignments_in_a_body(void **state)
{
	static const struct example list[] = {
		{ "password=FAKEpass1", "password=[redacted]" },
		{ "password = FAKEpass1", "password = [redacted]" },
		{ "password\t:\t  FAKEpass1 x", "password\t:\t  [redacted] x" },
		{ "apiKey => 'FAKEkey01'", "apiKey => '[redacted]'" },
		{ "{'password': 'FAKEpass1', 'a': 1}",
		    "{'password': '[redacted]', 'a': 1}" },
		{ "{\"password\"\n:\n\"FAKEpass1\",}",
		    "{\"password\"\n:\n\"[redacted]\",}" },
		{ "{password: \"it\\\"s FAKE\", a: 1}",
		    "{password: \"[redacted]\", a: 1}" },
		/* quoted twice */
		{ "x {\\\"password\\\": \\\"FAKEpass1\\\"} y",
		    "x {\\\"password\\\": \\\"[redacted]\\\"} y" },
		{ "params%5BapiKey%5D=FAKEkey01&a=1",
		    "params%5BapiKey%5D=[redacted]&a=1" },
		{ "<r password\n=\n\"FAKEpass1\"/>", "<r password\n=\n\"[redacted]\"/>" },
		{ "password:\n  FAKEpass1x\n", "password:\n  [redacted]\n" },
		{ "Invalid token: expired", NULL },
		{ "Password:\nPlease type it again", NULL },
		{ "the key: value", NULL },
		{ "token=", NULL },
		{ "password=[redacted]", NULL },
	};

	(void)state;
	ASSERT_ALL(TEXT_BODY, list);
}

static void what_is_in_brackets_is_masked_as_a_whole(void **state)
{
	static const struct example list[] = {
		{ "cb({\"tokens\":[\"FAKEtok01\",\"FAKE[02\"],\"a\":1})",
		    "cb({\"tokens\":[redacted],\"a\":1})" },
		{ "data: {\"credentials\": {\"login\": \"FAKEuser1\"}} FAKEuser1 login",
		    "data: {\"credentials\": [redacted]} [redacted] login" },
		{ "tokens: [\"FAKEtok01", "tokens: [redacted]" },
		{ "{\\\"tokens\\\":[\\\"FAKEtok01\\\"]}", "{\\\"tokens\\\":[redacted]}" },
		/* an error code may be an object too */
		{ "{'code': {'reason': 'INVALID_LENGTH'}} INVALID_LENGTH", NULL },
		{ "{'code': {'token': 'FAKEtok01'}}",
		    "{'code': {'token': '[redacted]'}}" },
	};

	(void)state;
	ASSERT_ALL(TEXT_BODY, list);
}

static void header_fields_take_the_rest_of_their_line(void **state)
{
	static const struct example list[] = {
		{ "Authorization: Basic RkFLRXVzZXI6RkFLRXBhc3M=\r\nHost: h\r\n",
		    "Authorization: [redacted]\r\nHost: h\r\n" },
		{ "> Cookie: a=1; sid=FAKEsid01\nAccept: x",
		    "> Cookie: [redacted]\nAccept: x" },
		{ "Set-Cookie: sid=FAKEsid01; Path=/", "Set-Cookie: [redacted]" },
		{ "Cookie:\r\n", NULL },
	};
	static const struct example string[] = {
		{ "Cookie: a=1; sid=FAKEsid01", "Cookie: [redacted]" },
		{ "Host: h\nauthorization: Digest FAKE1, FAKE2\n",
		    "Host: h\nauthorization: [redacted]\n" },
		{ "No authorization: expired", NULL },
	};

	(void)state;
	ASSERT_ALL(TEXT_BODY, list);
	ASSERT_ALL(TEXT_STRING, string);
}

static void assignments_in_a_string(void **state)
{
	static const struct example list[] = {
		{ "https://h/?token=FAKEtok01&a=1", "https://h/?token=[redacted]&a=1" },
		{ "Request failed: {\"password\":\"FAKEpass1\"}",
		    "Request failed: {\"password\":\"[redacted]\"}" },
		{ "Request failed: {\\\"password\\\":\\\"FAKEpass1\\\"}",
		    "Request failed: {\\\"password\\\":\\\"[redacted]\\\"}" },
		{ "bad api_key: FAKEkey0001", "bad api_key: [redacted]" },
		{ "<a href=\"x\" data-token=\"FAKEtok01\">",
		    "<a href=\"x\" data-token=\"[redacted]\">" },
		{ "a%5Btoken%5D=FAKEtok01", "a%5Btoken%5D=[redacted]" },
		{ "https://h/?next=https%3A%2F%2Fx%2F%3Fa%3D1%26token%3dFAKEtok01%26b%3D2",
		    "https://h/?next=https%3A%2F%2Fx%2F%3Fa%3D1%26token%3d[redacted]%26b%3D2" },
		{ "https%3A%2F%2Fx%3Ftoken%3DFAKEtok01",
		    "https%3A%2F%2Fx%3Ftoken%3D[redacted]" },
		{ "100% sure, 5%3D, a%3Db", NULL },
		/* sentences */
		{ "Invalid token: expired", NULL },
		{ "token: please sign in again", NULL },
		{ "Your password: how to choose one", NULL },
		{ "at 12:30:45, ratio 3:2, key:value", NULL },
	};

	(void)state;
	ASSERT_ALL(TEXT_STRING, list);
}

static void elements_are_masked_up_to_their_end(void **state)
{
	static const struct example list[] = {
		{ "<password>FAKEpass1</password>", "<password>[redacted]</password>" },
		{ "<ns:apiKey a=\"1\">FAKEkey01</ns:apiKey>",
		    "<ns:apiKey a=\"1\">[redacted]</ns:apiKey>" },
		{ "<password><value>FAKEpass1</value></password> FAKEpass1 value",
		    "<password>[redacted]</password> [redacted] value" },
		{ "<password><!-- x -->FAKEpass1</password>",
		    "<password>[redacted]</password>" },
		{ "<token>\n <![CDATA[FAKE]tok]]>\n</token> FAKE]tok",
		    "<token>[redacted]</token> [redacted]" },
		{ "<token>FAKE", "<token>[redacted]" },
		{ "<password token=\"FAKEtok01\">FAKEpass1</password><b pin=\"FAKEpin1\">",
		    "<password token=\"[redacted]\">[redacted]</password><b pin=\"[redacted]\">" },
		{ "<pass pin=\"FAKEpin1\" ", "<pass pin=\"[redacted]\" " },
		{ "<token/><b>text</b>", NULL },
		{ "<p>token</p><br>a < b", NULL },
	};

	(void)state;
	ASSERT_ALL(TEXT_BODY, list);
	ASSERT_ALL(TEXT_STRING, list);
}

static void attributes_name_a_value(void **state)
{
	static const struct example list[] = {
		{ "<input type=\"hidden\" name=\"csrf_token\" value=\"FAKEcsrf1\">",
		    "<input type=\"hidden\" name=\"csrf_token\" value=\"[redacted]\">" },
		{ "<input value='FAKEcsrf1' name='csrf_token'/>",
		    "<input value='[redacted]' name='csrf_token'/>" },
		{ "<meta name=\"csrf-token\" content=\"FAKEcsrf1\">",
		    "<meta name=\"csrf-token\" content=\"[redacted]\">" },
		{ "<param name=\"password\">FAKEpass1</param>",
		    "<param name=\"password\">[redacted]</param>" },
		{ "<input name=\"password\"><b>Forgot it?</b>", NULL },
		{ "<meta name=\"author\" content=\"someone\">", NULL },
	};

	(void)state;
	ASSERT_ALL(TEXT_BODY, list);
	ASSERT_ALL(TEXT_STRING, list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(assignments_in_a_body),
		cmocka_unit_test(what_is_in_brackets_is_masked_as_a_whole),
		cmocka_unit_test(header_fields_take_the_rest_of_their_line),
		cmocka_unit_test(assignments_in_a_string),
		cmocka_unit_test(elements_are_masked_up_to_their_end),
		cmocka_unit_test(attributes_name_a_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

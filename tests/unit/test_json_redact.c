/* SPDX-License-Identifier: MIT */
/*
 * JSON in one pass: what is written, what is masked, what pointers find.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "record/json_redact.h"

/* Parses text; returns what was written (free() it) and the state. */
static char *redacted(
    struct slice text, bool whole, struct watch *watch, enum json_state *ret)
{
	struct redaction redaction = { 0 };
	struct json_redact *json = calloc(1, sizeof(*json));
	struct buf out = { 0 };

	assert_non_null(json);
	assert_int_equal(redact_init(NULL), 0);
	if (watch) {
		watch_begin(watch);
	}
	json_redact_init(json, &redaction, watch, &out);
	*ret = json_redact_parse(json, text, whole);
	json_redact_finish(json);
	free(json);
	redaction_seal(&redaction);
	secrets_mask_json(&redaction.secrets, &out);
	redaction_finish(&redaction);
	return buf_steal(&out);
}

static void assert_json(const char *text, const char *expected)
{
	enum json_state state = JSON_NOTHING;
	char *made = redacted(slice_of(text), true, NULL, &state);

	assert_string_equal(made, expected);
	assert_int_equal(state, JSON_WHOLE);
	free(made);
}

static void assert_state(
    const char *text, bool whole, enum json_state state, const char *expected)
{
	enum json_state got = JSON_NOTHING;
	char *made = redacted(slice_of(text), whole, NULL, &got);

	assert_int_equal(got, state);
	assert_string_equal(made, expected);
	free(made);
}

static void order_doubles_and_digits_stay(void **state)
{
	(void)state;
	assert_json("{ \"b\" : 1.10, \"a\":[ ],\"b\":{}, \"c\" : [true,false , null] }",
	    "{\"b\":1.10,\"a\":[],\"b\":{},\"c\":[true,false,null]}");
	assert_json("[18446744073709551615,9007199254740993,-0,1e400,1E+2]",
	    "[18446744073709551615,9007199254740993,-0,1e400,1E+2]");
	assert_json("[1e131071,1e131072,1e-16383,1e-16384,1e99999999999999999999]",
	    "[1e131071,\"1e131072\",1e-16383,\"1e-16384\",\"1e99999999999999999999\"]");
	assert_json("\"scalar\"", "\"scalar\"");
	assert_json("123", "123");
	assert_json("\xEF\xBB\xBF {\"a\":\"\xD0\x90\\u0410\\ud83d\\ude00\"}",
	    "{\"a\":\"\xD0\x90\xD0\x90\xF0\x9F\x98\x80\"}");
}

static void what_jsonb_refuses_is_replaced(void **state)
{
	(void)state;
	assert_json("[\"a\\u0000b\",\"\xFF\"]", "[\"a\xEF\xBF\xBD"
	                                        "b\",\"\xEF\xBF\xBD\"]");
	assert_json("{\"\\u0000\":1,\"\":2}", "{\"\xEF\xBF\xBD\":1,\"\":2}");
}

static void half_a_surrogate_pair_is_replaced_once(void **state)
{
	(void)state;
	assert_json("[\"\\ud83d\\ude00\",\"\\ud800\",\"\\udc00x\"]",
	    "[\"\xF0\x9F\x98\x80\",\"\xEF\xBF\xBD\",\"\xEF\xBF\xBDx\"]");
	/* what follows a lone half keeps its own meaning */
	assert_json("[\"\\ud800\\u0041\",\"\\uD800\\uD83D\\uDE00\",\"\\ud800\\n\"]",
	    "[\"\xEF\xBF\xBD\x41\",\"\xEF\xBF\xBD\xF0\x9F\x98\x80\",\"\xEF\xBF\xBD\\n\"]");
}

static void what_is_not_json_is_not_read_as_json(void **state)
{
	static const char *const faults[] = { "[1,]", "[,1]", "[1 2]", "{\"a\":1,}",
		"{\"a\" 1}", "{a:1}", "{1:2}", "[01]", "[+1]", "[.5]", "[1.]", "[1e]",
		"[-]", "[0x1]", "[NaN]", "[tru]", "[True]", "['a']", "[\"\\x\"]",
		"[\"\\u12G4\"]", "[\"a\tb\"]", "[}", "{]", "[1]]", "[\v1]", "[\f1]",
		"[1/**/]", "[\xC2\xA0]", "[\"a", "[\"a\\", "[\"\\u00", "[", "{\"a\"",
		"{\"a\":" };

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		enum json_state got = JSON_NOTHING;

		free(redacted(slice_of(faults[i]), true, NULL, &got));
		if (got != JSON_BROKEN) {
			fail_msg("%s: %d", faults[i], (int)got);
		}
	}
}

/* What goes out as it came, beside what does not: nothing of the text is lost or comes
 * twice. */
static void what_stays_and_what_is_written_anew_stand_side_by_side(void **state)
{
	(void)state;
	assert_json(
	    "{\"a\":\"\\n\\\"\\\\\",\"b\":\"\\/\\u0041\",\"c\":\"\\u000a\\u001f\",\"d\":1}",
	    "{\"a\":\"\\n\\\"\\\\\",\"b\":\"/A\",\"c\":\"\\n\\u001f\",\"d\":1}");
	assert_json("[\"\xC3\xA9\",\"\xC3\xA9\xC3\",\"\\n\xFF\",\"\xC3\xA9\\n\",[],{}]",
	    "[\"\xC3\xA9\",\"\xC3\xA9\xEF\xBF\xBD\",\"\\n\xEF\xBF\xBD\",\"\xC3\xA9\\n\",[],{}]");
	assert_json(
	    "[ [1 , 2],{ \"token\":\"FAKEvalue1\", \"a\" :[{\"pin\":1}, true]} ,null ]",
	    "[[1,2],{\"token\":\"[redacted]\",\"a\":[{\"pin\":\"[redacted]\"},true]},null]");
	assert_json(
	    "{\"t\\u006fken\":\"\",\"\\u0061\":\"FAKE\",\"b\":1e131072,\"c\":[{}]}",
	    "{\"token\":\"\",\"a\":\"FAKE\",\"b\":\"1e131072\",\"c\":[{}]}");
}

static void secrets_by_name_are_masked_at_any_depth(void **state)
{
	(void)state;
	assert_json("{\"password\":\"p\",\"a\":[{\"API-Key\":7,\"n\":null}]}",
	    "{\"password\":\"[redacted]\",\"a\":[{\"API-Key\":\"[redacted]\",\"n\":null}]}");
	assert_json("{\"token\":{\"a\":[\"x\",1,true,null,\"\"]},\"b\":\"x\"}",
	    "{\"token\":{\"a\":[\"[redacted]\",\"[redacted]\",true,null,\"\"]},\"b\":\"x\"}");
	assert_json(
	    "{\"token\":\"FAKEvalue1\",\"echo\":\"got FAKEvalue1!\",\"token\":\"FAKEvalue2\","
	    "\"e\":\"FAKEvalue2\"}",
	    "{\"token\":\"[redacted]\",\"echo\":\"got [redacted]!\",\"token\":\"[redacted]\","
	    "\"e\":\"[redacted]\"}");
}

static void code_is_masked_only_where_it_is_a_credential(void **state)
{
	(void)state;
	assert_json("{\"code\":8,\"message\":\"failed.api.auth\"}",
	    "{\"code\":8,\"message\":\"failed.api.auth\"}");
	assert_json("{\"error\":{\"code\":\"NotSupportedChoice\"}}",
	    "{\"error\":{\"code\":\"NotSupportedChoice\"}}");
	assert_json("{\"code\":\"abcdefgh\",\"grant_type\":\"authorization_code\"}",
	    "{\"code\":\"[redacted]\",\"grant_type\":\"authorization_code\"}");
	assert_json("{\"code\":\"def50200FAKEauthcode\"}", "{\"code\":\"[redacted]\"}");
}

static void urls_lose_their_credentials(void **state)
{
	(void)state;
	assert_json("{\"proxy\":\"socks5://user:FAKEpass@h:1080\"}",
	    "{\"proxy\":\"socks5://[redacted]@h:1080\"}");
	assert_json("[\"https://h/x?a=1&key=FAKEkey1&b=2#f\",\"FAKEkey1\"]",
	    "[\"https://h/x?a=1&key=[redacted]&b=2#f\",\"[redacted]\"]");
	assert_json("[\"the key=value of it, a token: x\"]",
	    "[\"the key=value of it, a token: x\"]");
}

/* Reads an array of `count` strings; returns how often `mark` is in what was written. */
static size_t count_in_array(const char *string, size_t count, const char *mark)
{
	enum json_state state = JSON_NOTHING;
	struct buf text = { 0 };
	size_t found = 0;
	char *made = NULL;

	buf_putc(&text, '[');
	for (size_t i = 0; i < count; i++) {
		buf_printf(&text, "%s%s", i > 0 ? "," : "", string);
	}
	buf_putc(&text, ']');
	made = redacted(buf_slice(&text), true, NULL, &state);
	assert_int_equal(state, JSON_WHOLE);
	for (const char *at = made; *at; at++) { /* strstr is slow under a sanitizer */
		found += *at == *mark && strncmp(at, mark, strlen(mark)) == 0;
	}
	free(made);
	buf_finish(&text);
	return found;
}

static void what_is_too_much_to_read_inside_strings_is_masked(void **state)
{
	/* {"a":{"b":1}} as a string, and in base64 */
	const char *const tiny[] = { "\"{\\\"a\\\":{\\\"b\\\":1}}\"",
		"\"eyJhIjp7ImIiOjF9fQ==\"" };
	/* a text that honest APIs send by the thousand */
	const char *usual =
	    "\"{\\\"event\\\":\\\"open\\\",\\\"at\\\":1764579600,\\\"to\\\":"
	    "\\\"someone@school.example.test\\\",\\\"note\\\":\\\"The quick "
	    "brown fox jumps over the lazy dog.\\\"}\"";
	size_t usual_count = 1000 * 1000 / strlen(usual);

	(void)state;
	for (size_t i = 0; i < sizeof(tiny) / sizeof(tiny[0]); i++) {
		assert_int_equal(count_in_array(tiny[i], 10000, tiny[i]), 10000);
		assert_in_range(count_in_array(tiny[i], 40000, tiny[i]), 10000, 30000);
		assert_int_equal(count_in_array(tiny[i], 40000, tiny[i]) +
		                     count_in_array(tiny[i], 40000, "\"[redacted]\""),
		    40000);
	}
	assert_int_equal(count_in_array(usual, usual_count, usual), usual_count);
	/* the padding of base64 gives no name a value; other ends do */
	assert_json("[\"token==\",\"token=x=\",\"eyJwYXNzd29yZA==\"]",
	    "[\"token==\",\"token=[redacted]\",\"eyJwYXNzd29yZA==\"]");
}

/* What is masked beside its name is not looked at for its form, what is beside it is. */
static void forms_beside_masked_values_are_found(void **state)
{
	(void)state;
	assert_json("[\"http://h/?token=abcdefgh&a=sk_live_FAKE000001\"]",
	    "[\"http://h/?token=[redacted]&a=[redacted]\"]");
	assert_json("[\"sk_live_FAKE000001 x://me:secret1@h/re_FAKE0001_FAKE00000001\"]",
	    "[\"[redacted] x://[redacted]@h/[redacted]\"]");
}

static void json_inside_strings_is_redacted(void **state)
{
	(void)state;
	assert_json(
	    "{\"s\":\"{\\\"password\\\":\\\"FAKEpass1\\\",\\\"b\\\":1}\",\"t\":\"FAKEpass1\"}",
	    "{\"s\":\"{\\\"password\\\":\\\"[redacted]\\\",\\\"b\\\":1}\",\"t\":\"[redacted]\"}");
	assert_json("{\"s\":\"{ \\\"a\\\" : 1 }\"}", "{\"s\":\"{ \\\"a\\\" : 1 }\"}");
	/* {"password":"FAKEpass1"} in base64 */
	assert_json(
	    "{\"s\":\"eyJwYXNzd29yZCI6IkZBS0VwYXNzMSJ9\"}", "{\"s\":\"[redacted]\"}");
	/* the same with one and with two blanks behind it, one without its padding; and
	 * what only looks so */
	assert_json(
	    "[\"eyJwYXNzd29yZCI6IkZBS0VwYXNzMSJ9IA==\",\"eyJwYXNzd29yZCI6IkZBS0VwYXNzMSJ9ICA\","
	    "\"eyJwYXNzd29yZCI6IkZBS0VwYXNzMSJ9*\",\"eyJhIjoxfQ==\"]",
	    "[\"[redacted]\",\"[redacted]\",\"eyJwYXNzd29yZCI6IkZBS0VwYXNzMSJ9*\",\"eyJhIjoxfQ==\"]");
	assert_json(
	    "{\"s\":\"{\\\"t\\\":\\\"{\\\\\\\"pin\\\\\\\":\\\\\\\"FAKEpin01\\\\\\\"}\\\"}\"}",
	    "{\"s\":\"{\\\"t\\\":\\\"{\\\\\\\"pin\\\\\\\":\\\\\\\"[redacted]\\\\\\\"}\\\"}\"}");
	/* broken JSON in a string is text with names in it */
	assert_json("{\"s\":\"{\\\"password\\\":\\\"FAKEpass1\\\",\"}",
	    "{\"s\":\"{\\\"password\\\":\\\"[redacted]\\\",\"}");
}

static void base64_is_read_however_it_is_written(void **state)
{
	(void)state;
	/* {"password":"FAKEpass1"}: in lines, in a data: URL, behind a blank, behind a
	 * BOM */
	assert_json("[\"eyJwYXNzd29yZCI6\\r\\nIkZBS0VwYXNzMSJ9\\r\\n\","
	            "\"data:application/json;base64,eyJwYXNzd29yZCI6IkZBS0VwYXNzMSJ9\","
	            "\"IHsicGFzc3dvcmQiOiJGQUtFcGFzczEifQ==\","
	            "\"77u/eyJwYXNzd29yZCI6IkZBS0VwYXNzMSJ9\"]",
	    "[\"[redacted]\",\"[redacted]\",\"[redacted]\",\"[redacted]\"]");
	/* cut off in the value */
	assert_json("[\"eyJwYXNzd29yZCI6IkZBS0VwYXNz\"]", "[\"[redacted]\"]");
	/* words, and a picture */
	assert_json("[\"Ice cream, of course\",\"data:image/png;base64,iVBORw0KGgo=\"]",
	    "[\"Ice cream, of course\",\"data:image/png;base64,iVBORw0KGgo=\"]");
}

/* Too long to be read inside a string: not kept unread. */
static void long_json_inside_a_string_is_masked(void **state)
{
	const char *const begins[] = {
		"[\"{\\\"password\\\":\\\"FAKEpass1\\\",\\\"a\\\":\\\"",
		"[\"eyJwYXNzd29yZCI6IkZBS0VwYXNzMSIsImEiOiIi"
	};

	enum { LEN = 300 * 1000 };
	struct buf text = { 0 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		buf_truncate(&text, 0);
		buf_puts(&text, begins[i]);
		while (text.len < LEN) {
			buf_puts(&text, "IiIi");
		}
		buf_puts(&text, "\"]");
		buf_putc(&text, '\0');
		assert_json(text.ptr, "[\"[redacted]\"]");
	}
	buf_truncate(&text, 0);
	buf_puts(&text, "[\"exactly ");
	while (text.len < LEN) {
		buf_puts(&text, "text");
	}
	buf_puts(&text, "\"]");
	buf_putc(&text, '\0');
	assert_json(text.ptr, text.ptr);
	buf_finish(&text);
}

static void names_and_values_in_pairs(void **state)
{
	(void)state;
	assert_json("[{\"name\":\"X-Api-Key\",\"value\":\"FAKEkey01\"},\"FAKEkey01\"]",
	    "[{\"name\":\"X-Api-Key\",\"value\":\"[redacted]\"},\"[redacted]\"]");
	assert_json(
	    "[{\"value\":\"FAKEkey01\",\"n\":{\"value\":\"inner1\"},\"key\":\"password\"}]",
	    "[{\"value\":\"[redacted]\",\"n\":{\"value\":\"inner1\"},\"key\":\"password\"}]");
	/* one object says nothing of the next */
	assert_json(
	    "[{\"name\":\"token\"},{\"name\":\"category\",\"value\":\"welcome\"}]",
	    "[{\"name\":\"token\"},{\"name\":\"category\",\"value\":\"welcome\"}]");
	assert_json(
	    "[{\"value\":\"welcome\",\"name\":\"category\"},{\"name\":\"token\"}]",
	    "[{\"value\":\"welcome\",\"name\":\"category\"},{\"name\":\"token\"}]");
}

static void forms_of_secrets_are_masked_anywhere(void **state)
{
	(void)state;
	assert_json("[\"pay 4111 1111 1111 1111 now\",4111111111111111,9007199254740993]",
	    "[\"pay [redacted] now\",\"[redacted]\",9007199254740993]");
	assert_json(
	    "[\"see sk_live_FAKEfake00000000 there\"]", "[\"see [redacted] there\"]");
	assert_json("[\"/1234567%3aFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKE/x\",\"a123456:"
	            "MADEMADEMADEMADEMADEMADEMADEMADE\"]",
	    "[\"/[redacted]/x\",\"a123456:MADEMADEMADEMADEMADEMADEMADEMADE\"]");
	assert_json(
	    "[3530111333300000,30569309025904,6011000990139424,1764579600123,4222222222222]",
	    "[\"[redacted]\",\"[redacted]\",\"[redacted]\",1764579600123,4222222222222]");
	assert_json("\"GET /bot1234567:FAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKE/getMe\"",
	    "\"GET /bot[redacted]/getMe\"");
	/* words that look like keys, telephones, WhatsApp's ids */
	assert_json(
	    "[\"re_activation_newsletter re_Engagement_Campaign2026\",\"+4111111111111111\","
	    "\"4111111111111111@s.whatsapp.net\",\"Basic subscriptions\"]",
	    "[\"re_activation_newsletter re_Engagement_Campaign2026\",\"+4111111111111111\","
	    "\"4111111111111111@s.whatsapp.net\",\"Basic subscriptions\"]");
	assert_json(
	    "[\"re_FAKE0001_FAKE00000001 re_1a2b3c4d_5e6f7a8b9c0d\",\"Basic RkFLRTpGQUtF\","
	    "\"AKIAFAKE0000000000000000\",\"npm_FAKE000000000000\",\"SG.FAKE0000000000\"]",
	    "[\"[redacted] [redacted]\",\"[redacted]\","
	    "\"[redacted]\",\"[redacted]\",\"[redacted]\"]");
	assert_json("{\"a\":\"FAKEuser:FAKEpass\",\"b\":[\"x://FAKEuser:FAKEpass@h\"]}",
	    "{\"a\":\"[redacted]\",\"b\":[\"x://[redacted]@h\"]}");
	assert_json(
	    "{\"a\":\"-----BEGIN PRIVATE KEY-----\\nFAKE\\n-----END PRIVATE KEY-----\"}",
	    "{\"a\":\"[redacted]\"}");
	assert_json(
	    "[\"\\neyJhbGciOiJub25lIn0.eyJGQUtFIjoxfQ0.c2ln\"]", "[\"\\n[redacted]\"]");
}

static void broken_json_gives_what_was_read(void **state)
{
	(void)state;
	assert_state("{\"password\":\"FAKEpass1\",\"a\":\"FAKEpa", true, JSON_BROKEN,
	    "{\"password\":\"[redacted]\",\"a\":");
	assert_state("[1,2,34", false, JSON_BROKEN, "[1,2");
	assert_state("{\"a\":1} tail FAKEpass1", true, JSON_BROKEN, "{\"a\":1}");
	assert_state("{\"a\":1}\n{\"token\":\"x\"}\n", true, JSON_LINES,
	    "{\"a\":1}\n{\"token\":\"[redacted]\"}");
	assert_state("nothing", true, JSON_NOTHING, "");
	assert_state("", true, JSON_NOTHING, "");
}

static void deep_containers_are_named_not_kept(void **state)
{
	struct buf text = { 0 };
	enum json_state got = JSON_NOTHING;
	char *made = NULL;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		buf_puts(&text, "{\"a\":[");
	}
	buf_puts(&text, "{\"password\":\"FAKEpass1\"}");
	for (int i = 0; i < 100000; i++) {
		buf_puts(&text, "]}");
	}
	made = redacted(buf_slice(&text), true, NULL, &got);
	assert_int_equal(got, JSON_WHOLE);
	assert_non_null(strstr(made, "[\"[nested too deep]\"]"));
	assert_null(strstr(made, "FAKE"));
	assert_true(strlen(made) < 2000);
	free(made);
	buf_finish(&text);
}

/* A pointer of up to four tokens. */
static struct pointer pointer(const struct slice *tokens, size_t count, bool first_text)
{
	return (struct pointer){ "", tokens, count, first_text };
}

static void assert_found(const struct watch *watch, int number, const char *scalar)
{
	const struct watch_result *result = watch_result(watch, number);

	struct slice found = watch_slice(watch, &result->scalar);

	assert_int_equal(found.len, scalar ? strlen(scalar) : 0);
	assert_true(!scalar || slice_eq(found, slice_of(scalar)));
}

static void pointers_are_followed_in_the_same_pass(void **state)
{
	const struct slice tokens[] = { SLICE("error"), SLICE("code"), SLICE("*"),
		SLICE("id"), SLICE("1"), SLICE("data") };
	struct pointer code = pointer(tokens, 2, false);
	struct pointer any = pointer(tokens + 2, 2, false);
	struct pointer second = pointer(tokens + 4, 1, false);
	struct pointer text = pointer(tokens + 5, 1, true);
	struct pointer root = pointer(tokens, 0, false);
	struct watch watch = { 0 };
	enum json_state got = JSON_NOTHING;
	int n[6];

	(void)state;
	n[0] = watch_add(&watch, &code, WATCH_VALUE, "8");
	n[1] = watch_add(&watch, &any, WATCH_VALUE, NULL);
	n[2] = watch_add(&watch, &second, WATCH_VALUE, NULL);
	n[3] = watch_add(&watch, &text, WATCH_VALUE, NULL);
	n[4] = watch_add(&watch, &root, WATCH_VALUE, NULL);
	n[5] = watch_add(&watch, &any, WATCH_ALL, NULL);
	free(redacted(
	    SLICE("{\"a\":{\"id\":\"x\"},\"error\":{\"code\":8},\"b\":{\"id\":\"y\"},"
	          "\"data\":{\"n\":1,\"e\":\"\",\"l\":[{\"t\":\"why\"}],\"z\":\"no\"}}"),
	    true, &watch, &got));
	assert_found(&watch, n[0], "8");
	assert_true(watch_result(&watch, n[0])->equal);
	assert_found(&watch, n[1], "x");
	assert_found(&watch, n[2], NULL);
	assert_true(slice_eq(
	    watch_slice(&watch, &watch_result(&watch, n[3])->string), SLICE("why")));
	assert_true(watch_result(&watch, n[4])->filled);
	assert_int_equal(watch.hit_count, 2);
	assert_int_equal(watch.hit[0].star[0], 0);
	assert_int_equal(watch.hit[1].star[0], 2);
	assert_int_equal(watch.hit[1].watch, n[5]);
	free(redacted(SLICE("[[],{}]"), true, &watch, &got));
	assert_found(&watch, n[0], NULL);
	assert_true(watch_result(&watch, n[2])->present);
	assert_false(watch_result(&watch, n[2])->filled);
	watch_finish(&watch);
}

static void secret_pointers_mask_every_hit_among_many_pointers(void **state)
{
	enum { MANY = 200 };
	const struct slice tokens[] = { SLICE("a"), SLICE("*"), SLICE("s") };
	struct pointer many = pointer(tokens, 2, false);
	struct pointer secret = pointer(tokens, 3, false);
	struct watch watch = { 0 };
	enum json_state got = JSON_NOTHING;
	char *made = NULL;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		(void)watch_add(&watch, &many, WATCH_VALUE, NULL);
	}
	(void)watch_add(&watch, &secret, WATCH_SECRET, NULL);
	made = redacted(
	    SLICE("{\"a\":[{\"s\":\"FAKE1x\",\"s\":{\"t\":\"FAKE2x\"}}],\"b\":\"FAKE2x\","
	          "\"a\":{\"k\":{\"s\":5}}}"),
	    true, &watch, &got);
	assert_string_equal(made,
	    "{\"a\":[{\"s\":\"[redacted]\",\"s\":{\"t\":\"[redacted]\"}}],\"b\":\"[redacted]\","
	    "\"a\":{\"k\":{\"s\":\"[redacted]\"}}}");
	free(made);
	watch_finish(&watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_doubles_and_digits_stay),
		cmocka_unit_test(what_jsonb_refuses_is_replaced),
		cmocka_unit_test(half_a_surrogate_pair_is_replaced_once),
		cmocka_unit_test(what_is_not_json_is_not_read_as_json),
		cmocka_unit_test(what_stays_and_what_is_written_anew_stand_side_by_side),
		cmocka_unit_test(secrets_by_name_are_masked_at_any_depth),
		cmocka_unit_test(code_is_masked_only_where_it_is_a_credential),
		cmocka_unit_test(urls_lose_their_credentials),
		cmocka_unit_test(json_inside_strings_is_redacted),
		cmocka_unit_test(what_is_too_much_to_read_inside_strings_is_masked),
		cmocka_unit_test(forms_beside_masked_values_are_found),
		cmocka_unit_test(base64_is_read_however_it_is_written),
		cmocka_unit_test(long_json_inside_a_string_is_masked),
		cmocka_unit_test(names_and_values_in_pairs),
		cmocka_unit_test(forms_of_secrets_are_masked_anywhere),
		cmocka_unit_test(broken_json_gives_what_was_read),
		cmocka_unit_test(deep_containers_are_named_not_kept),
		cmocka_unit_test(pointers_are_followed_in_the_same_pass),
		cmocka_unit_test(secret_pointers_mask_every_hit_among_many_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

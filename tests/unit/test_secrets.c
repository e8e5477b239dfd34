/* SPDX-License-Identifier: MIT */
/*
 * Values masked wherever they occur, names that are secret, and the search below both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "record/names.h"
#include "record/redact.h"

/* Masks text with two values (the second may be NULL). */
static void assert_masked(
    const char *first, const char *second, const char *text, const char *expected)
{
	struct secrets secrets = { 0 };
	struct buf out = { 0 };

	secrets_add(&secrets, slice_of(first));
	if (second) {
		secrets_add(&secrets, slice_of(second));
	}
	secrets_seal(&secrets);
	secrets_mask(&secrets, slice_of(text), &out);
	buf_putc(&out, '\0');
	assert_string_equal(out.ptr, expected);
	buf_finish(&out);
	secrets_finish(&secrets);
}

static void value_is_masked_wherever_it_stands(void **state)
{
	(void)state;
	assert_masked("FAKEtoken01", NULL, "x FAKEtoken01 y", "x [redacted] y");
	assert_masked("FAKEtoken01", NULL, "xFAKEtoken01FAKEtoken01y", "x[redacted]y");
	assert_masked("FAKEtoken01", NULL, "FAKEtoken0", "FAKEtoken0");
	assert_masked("FAKEtoken01", "token01tail", "FAKEtoken01tail!", "[redacted]!");
	assert_masked("FAKEtoken01", "FAKEtoken0123", "FAKEtoken0123", "[redacted]");
}

/* What a value brings along is not forgotten where the value was itself brought along. */
static void value_that_was_a_part_is_then_taken_whole(void **state)
{
	(void)state;
	assert_masked("Bearer FAKE%41token", "FAKE%41token", "FAKEAtoken", "[redacted]");
	assert_masked("FAKE%41token", "Bearer FAKE%41token", "FAKEAtoken", "[redacted]");
}

/* More states than find their way by the table. */
static void many_values_are_all_masked(void **state)
{
	enum { VALUES = 400 };
	struct secrets secrets = { 0 };
	struct buf text = { 0 };
	struct buf out = { 0 };

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < VALUES; i++) {
			char value[64];

			(void)snprintf(value, sizeof(value), "%08x-FAKE-%08x",
			    i * 2654435761u, i * 40503u);
			if (round == 0) {
				secrets_add(&secrets, slice_of(value));
			}
			buf_printf(&text, "%s ", value);
		}
	}
	secrets_seal(&secrets);
	secrets_mask(&secrets, buf_slice(&text), &out);
	buf_putc(&out, '\0');
	assert_int_equal(out.len - 1, 2 * VALUES * strlen("[redacted] "));
	assert_null(strstr(out.ptr, "FAKE"));
	buf_finish(&text);
	buf_finish(&out);
	secrets_finish(&secrets);
}

static void value_is_found_however_it_is_encoded(void **state)
{
	(void)state;
	assert_masked("a:b/c=FAKE", NULL, "?q=a%3Ab%2fc%3DFAKE&x", "?q=[redacted]&x");
	assert_masked("a%3Ab%2Fc%3DFAKE", NULL, "a:b/c=FAKE", "[redacted]");
	assert_masked("say \"FAKE1\"", NULL, "{\\\"a\\\":\\\"say \\\"FAKE1\\\"\\\"}",
	    "{\\\"a\\\":\\\"[redacted]\\\"}");
	assert_masked(
	    "path/FAKE1", NULL, "path\\/FAKE1 path\\u002fFAKE1", "[redacted] [redacted]");
	/* "user FAKEtoken01 tail" in base64, at each of the three offsets */
	assert_masked(
	    "FAKEtoken0123456", NULL, "RkFLRXRva2VuMDEyMzQ1Ng==", "[redacted]Ng==");
	assert_masked(
	    "FAKEtoken0123456", NULL, "dUZBS0V0b2tlbjAxMjM0NTY=", "dU[redacted]NTY=");
	assert_masked(
	    "FAKEtoken0123456", NULL, "dXVGQUtFdG9rZW4wMTIzNDU2", "dXV[redacted]");
}

static void value_is_found_where_a_page_repeats_it(void **state)
{
	(void)state;
	assert_masked(
	    "a&b<c>FAKE", NULL, "<b>a&amp;b&lt;c&gt;FAKE</b>", "<b>[redacted]</b>");
	assert_masked("it's\"FAKE", NULL, "it&#39;s&quot;FAKE it&#x27;s&#34;FAKE",
	    "[redacted] [redacted]");
	assert_masked(
	    "FAKE+key/01==", NULL, "FAKE&#43;key&#x2F;01&#x3D;&#61;", "[redacted]");
	assert_masked("a&b<c>FAKE", NULL, "a&b&c&am &#; &#x &#0; &#300; &#99999999999;",
	    "a&b&c&am &#; &#x &#0; &#300; &#99999999999;");
}

static void parts_of_a_credential_are_secrets_too(void **state)
{
	(void)state;
	assert_masked("Bearer FAKEtoken01", NULL, "FAKEtoken01", "[redacted]");
	assert_masked("Basic dXNlcjpGQUtFcGFzczAx", NULL, "FAKEpass01", "[redacted]");
	assert_masked("1234567890:AAFAKE_0000000000000000FAKE", NULL,
	    "AAFAKE_0000000000000000FAKE", "[redacted]");
}

static void short_and_common_values_are_left_alone(void **state)
{
	(void)state;
	assert_masked("12345", "Bearer", "12345 Bearer", "12345 Bearer");
	assert_masked(
	    "123456", NULL, "id 91234567 pin 123456.", "id 91234567 pin [redacted].");
	assert_masked("publicly", NULL, "unpublicly publicly", "unpublicly [redacted]");
}

static void long_values_are_masked_to_their_end(void **state)
{
	char value[600];
	char text[700];
	char rest[700];

	(void)state;
	memset(value, 'A', sizeof(value));
	memcpy(value, "BEGIN", 5);
	value[599] = '\0';
	(void)snprintf(text, sizeof(text), "<%s>", value);
	assert_masked(value, NULL, text, "<[redacted]>");
	text[300] = '!'; /* then as far as it agrees */
	(void)snprintf(rest, sizeof(rest), "<[redacted]%s", text + 300);
	assert_masked(value, NULL, text, rest);
}

static void json_stays_json(void **state)
{
	struct secrets secrets = { 0 };
	struct buf json = { 0 };

	(void)state;
	assert_int_equal(names_init(), 0);
	secrets_add(&secrets, SLICE("FAKEtoken01"));
	secrets_add(&secrets, SLICE("\",\"FAKE\":\""));
	secrets_add(&secrets, SLICE("9007199254740993"));
	secrets_add(&secrets, SLICE("nFAKEline"));
	secrets_seal(&secrets);
	buf_puts(&json,
	    "{\"xFAKEtoken01\":\"\",\"FAKE\":\"\\nFAKEline\",\"n\":9007199254740993,"
	    "\"m\":-90071992547409931,\"q\":\"a\\\",\\\"FAKE\\\":\\\"b\",\"token\":1}");
	secrets_mask_json(&secrets, &json);
	buf_putc(&json, '\0');
	assert_string_equal(json.ptr,
	    "{\"x[redacted]\":\"\",\"FAKE\":\"\\nFAKEline\",\"n\":\"[redacted]\","
	    "\"m\":\"-[redacted]1\",\"q\":\"a[redacted]b\",\"token\":1}");
	buf_finish(&json);
	secrets_finish(&secrets);
}

static void too_many_values_mask_everything(void **state)
{
	struct secrets secrets = { 0 };
	struct buf out = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++) {
		char text[32];

		(void)snprintf(
		    text, sizeof(text), "FAKE%08x", (unsigned int)i * 2654435761u);
		secrets_add(&secrets, slice_of(text));
	}
	secrets_seal(&secrets);
	assert_true(secrets.overflow);
	secrets_mask(&secrets, SLICE("anything"), &out);
	assert_true(slice_eq(buf_slice(&out), SLICE("[redacted]")));
	buf_finish(&out);
	secrets_finish(&secrets);
}

/* Many values that agree for long, in a text made of what they agree in. */
static void hostile_values_cost_linear_time(void **state)
{
	enum { LEN = 1 << 20 };
	struct secrets secrets = { 0 };
	struct buf out = { 0 };
	char *text = malloc(LEN);
	struct timespec begun;
	struct timespec ended;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', LEN);
	for (size_t i = 40; i < 500; i++) {
		char value[512];

		memset(value, 'a', i);
		value[i] = 'b';
		secrets_add(&secrets, (struct slice){ value, i + 1 });
	}
	secrets_seal(&secrets);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
	secrets_mask(&secrets, (struct slice){ text, LEN }, &out);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
	assert_true(ended.tv_sec - begun.tv_sec < 5); /* quadratic: minutes */
	buf_finish(&out);
	secrets_finish(&secrets);
	free(text);
}

static void names_are_compared_without_case_and_dashes(void **state)
{
	static const char *const secret[] = { "password", "Pass-Word",
		"user_password_hash", "apiKey", "API-KEY", "client_secret",
		"Authorization", "access_token", "data[password]", "user.pin",
		"params[auth][token]", "Set-Cookie", "tokenData", "session2",
		"session_string", "tokens" };
	static const char *const plain[] = { "token_type", "Total-Tokens", "sessionCount",
		"name", "author", "authority", "pinned", "company", "keyboard", "status",
		"passenger", "signature_date", "" };

	(void)state;
	assert_int_equal(names_init(), 0);
	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
		assert_int_equal(name_kind(slice_of(secret[i]), false), NAME_SECRET);
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		assert_int_equal(name_kind(slice_of(plain[i]), false), NAME_PLAIN);
	}
	assert_int_equal(name_kind(SLICE("code"), false), NAME_CODE);
	assert_int_equal(name_kind(SLICE("key"), false), NAME_PLAIN);
	assert_int_equal(name_kind(SLICE("key"), true), NAME_SECRET);
	assert_int_equal(name_kind(SLICE("X-Amz-Signature"), true), NAME_SECRET);
}

static void authorization_codes_differ_from_error_codes(void **state)
{
	(void)state;
	assert_true(code_is_secret(SLICE("def50200FAKEauthcode00012fake")));
	assert_true(code_is_secret(SLICE("4/0AX4XfWhFAKEfake")));
	assert_false(code_is_secret(SLICE("8")));
	assert_false(code_is_secret(SLICE("NotSupportedChoice")));
	assert_false(code_is_secret(SLICE("ERR_VALIDATION_422_FIELD")));
	assert_false(code_is_secret(SLICE("Too Many Requests 429a")));
}

static void cards_pass_the_luhn_check(void **state)
{
	(void)state;
	assert_true(card_number(SLICE("4111111111111111")));
	assert_true(card_number(SLICE("4111 1111 1111 1111")));
	assert_false(card_number(SLICE("4111111111111112")));
	assert_false(card_number(SLICE("77000000001")));
	assert_true(card_number(SLICE("378282246310005")));
	assert_true(card_number(SLICE("5555-5555-5555-4444")));
	assert_true(card_number(SLICE("2200000000000004")));
	/* ids that pass Luhn by chance: a chat, a group, a time in microseconds */
	assert_false(card_number(SLICE("1001234567896")));
	assert_false(card_number(SLICE("120363012345678900")));
	assert_false(card_number(SLICE("1790000000000002")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_is_masked_wherever_it_stands),
		cmocka_unit_test(value_that_was_a_part_is_then_taken_whole),
		cmocka_unit_test(many_values_are_all_masked),
		cmocka_unit_test(value_is_found_however_it_is_encoded),
		cmocka_unit_test(value_is_found_where_a_page_repeats_it),
		cmocka_unit_test(parts_of_a_credential_are_secrets_too),
		cmocka_unit_test(short_and_common_values_are_left_alone),
		cmocka_unit_test(long_values_are_masked_to_their_end),
		cmocka_unit_test(json_stays_json),
		cmocka_unit_test(too_many_values_mask_everything),
		cmocka_unit_test(hostile_values_cost_linear_time),
		cmocka_unit_test(names_are_compared_without_case_and_dashes),
		cmocka_unit_test(authorization_codes_differ_from_error_codes),
		cmocka_unit_test(cards_pass_the_luhn_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

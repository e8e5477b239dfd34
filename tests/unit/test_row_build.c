/* SPDX-License-Identifier: MIT */
/*
 * Calls become rows: verdicts, codes and messages, payloads, entities, redaction
 * throughout.
 */
#include "call_maker.h"

#define SHOP                                                                                  \
	"service: shop\nhosts: [api.shop.test]\n"                                             \
	"success: {status: 200-299, json: required, body: [{at: /ok, equals: true}]}\n"       \
	"pending: [{status: 200-299, body: [{at: /code, equals: 100}]}]\n"                    \
	"partial: [/errors]\n"                                                                \
	"error: {code: [/error/code, /code], message: [/error/message, /data/**]}\n"          \
	"secrets: {headers: [X-Shop], query: [hush], path: [key], response: [/hidden]}\n"     \
	"entity:\n"                                                                           \
	"  - {request: /tags/*/value, where: {at: /tags/*/name, equals: lead}, type: lead}\n" \
	"  - {header: X-Ref, match: '^(?<type>[a-z]+)/(?<id>[0-9a-f-]{36})$'}\n"              \
	"routes:\n"                                                                           \
	"  - {path: \"/v1/keys/{key}/use\", action: use_key}\n"                               \
	"  - {path: /v1/poll, action: poll, long_poll: true, record: not_empty,\n"            \
	"     empty: {at: /data, is: empty}}\n"                                               \
	"  - {path: \"/v1/*\", action: things}\n"

#define UUID_A "3f0c1d52-6a0e-4c55-9b1e-0d5a7e1f2a10"

static struct route_table *shop;

static const struct record_settings body_settings = { .max_body = 65536 };
static const struct record_settings small_settings = { .max_body = 35 };

static struct row made(const struct call_text *text)
{
	return row_of(shop, text, &body_settings, NULL);
}

static void assert_text(const char *got, const char *expected)
{
	if (!expected) {
		assert_null(got);
	} else {
		assert_non_null(got);
		assert_string_equal(got, expected);
	}
}

/* The verdict on a JSON answer. */
static void assert_verdict(int status, const char *answer, enum row_status expected,
    const char *code, const char *message)
{
	struct row row = made(&(struct call_text){ .status = status,
	    .reason = "Reason",
	    .answer_fields = JSON_FIELDS,
	    .answer = slice_of(answer) });

	assert_int_equal(row.status, expected);
	assert_text(row.error_code, code);
	assert_text(row.error_message, message);
	assert_int_equal(row.duration_ms, 12);
	row_finish(&row);
}

static void verdicts_follow_the_rules_of_the_service(void **state)
{
	(void)state;
	assert_verdict(200, "{\"ok\":true,\"data\":\"text\"}", ROW_SUCCESS, NULL, NULL);
	assert_verdict(200, "{\"ok\":false,\"error\":{\"code\":7,\"message\":\"why\"}}",
	    ROW_FAILED, "7", "why");
	assert_verdict(200, "{\"ok\":\"true\"}", ROW_SUCCESS, NULL, NULL);
	assert_verdict(200, "{\"code\":100,\"data\":\"x\"}", ROW_PENDING, NULL, NULL);
	assert_verdict(400, "{\"code\":\"bad\",\"data\":{\"a\":[1,\"\",\"leaf\"]}}",
	    ROW_FAILED, "bad", "leaf");
	assert_verdict(500, "{\"ok\":true}", ROW_FAILED, "HTTP_500", "HTTP 500 Reason");
	assert_verdict(200, "{\"ok\":true,\"errors\":[{}]}", ROW_FAILED,
	    "PARTIAL_FAILURE", "HTTP 200 Reason");
	assert_verdict(200, "{\"ok\":true,\"errors\":[]}", ROW_SUCCESS, NULL, NULL);
	assert_verdict(
	    422, "{\"errors\":[1]}", ROW_FAILED, "HTTP_422", "HTTP 422 Reason");
	assert_verdict(200, "", ROW_FAILED, "HTTP_200", "HTTP 200 Reason");
	assert_verdict(204, "", ROW_SUCCESS, NULL, NULL);
	assert_verdict(200, "<html><title>Down &amp; out\n now</title>", ROW_FAILED,
	    "HTTP_200", "Down & out now");
	assert_verdict(200, "{\"ok\":true", ROW_FAILED, "HTTP_200", "HTTP 200 Reason");
}

static void code_that_is_a_secret_is_not_told(void **state)
{
	(void)state;
	assert_verdict(400,
	    "{\"code\":\"def50200FAKEauthcode1\",\"error\":{\"message\":\"no def50200FAKEauthcode1\"}}",
	    ROW_FAILED, "[redacted]", "no [redacted]");
}

static void head_needs_no_body(void **state)
{
	struct row row = made(&(struct call_text){
	    .method = "HEAD", .status = 200, .answer_fields = JSON_FIELDS });

	(void)state;
	assert_int_equal(row.status, ROW_SUCCESS);
	assert_null(row.response_payload);
	row_finish(&row);
}

static void call_without_answer_tells_why(void **state)
{
	struct call *call =
	    call_of(shop, &(struct call_text){ .outcome = OUTCOME_TLS_CERT_EXPIRED });
	struct build_notes notes;
	struct row row;

	(void)state;
	buf_puts(&call->outcome_detail, "expired 2024-01-01");
	assert_int_equal(row_build(call, &body_settings, &row, &notes), 0);
	assert_int_equal(row.status, ROW_FAILED);
	assert_string_equal(row.error_code, "TLS_CERT_EXPIRED");
	assert_string_equal(row.error_message,
	    "the API's certificate is expired or not yet valid: expired 2024-01-01");
	assert_null(row.response_payload);
	row_finish(&row);
	call_destroy(call);
}

static void call_in_flight_is_pending_without_duration(void **state)
{
	struct row row = made(&(struct call_text){ .in_flight = true,
	    .fields = JSON_FIELDS,
	    .body = SLICE("{\"a\":1}"),
	    .status = 200,
	    .answer = SLICE("{}") });

	(void)state;
	assert_int_equal(row.status, ROW_PENDING);
	assert_int_equal(row.duration_ms, -1);
	assert_null(row.error_code);
	assert_null(row.response_payload);
	assert_string_equal(row.request_payload, "{\"a\":1}");
	row_finish(&row);
}

static void empty_long_poll_is_skipped_unless_it_failed(void **state)
{
	struct build_notes notes;
	struct call_text text = { .target = "/v1/poll",
		.status = 200,
		.answer_fields = JSON_FIELDS,
		.answer = SLICE("{\"ok\":true,\"data\":[]}") };
	struct row row = row_of(shop, &text, &body_settings, &notes);

	(void)state;
	assert_true(notes.skip);
	assert_false(notes.may_chain);
	row_finish(&row);
	text.answer = SLICE("{\"ok\":true,\"data\":[1]}");
	row = row_of(shop, &text, &body_settings, &notes);
	assert_false(notes.skip);
	row_finish(&row);
	text.answer = SLICE("{\"ok\":false,\"data\":[]}");
	row = row_of(shop, &text, &body_settings, &notes);
	assert_false(notes.skip);
	row_finish(&row);
	text.in_flight = true; /* else it would stay pending when it ends empty */
	row = row_of(shop, &text, &body_settings, &notes);
	assert_true(notes.skip);
	row_finish(&row);
}

static void assert_payload(const char *method, const char *target, const char *fields,
    struct slice body, const char *expected)
{
	struct row row = made(&(struct call_text){
	    .method = method, .target = target, .fields = fields, .body = body });

	assert_text(row.request_payload, expected);
	row_finish(&row);
}

static void each_kind_of_body_has_its_form(void **state)
{
	(void)state;
	assert_payload("POST", NULL, JSON_FIELDS, SLICE(" 1.10 "), "1.10");
	assert_payload(
	    "POST", NULL, JSON_FIELDS, SLICE("OK then"), "{\"_text\":\"OK then\"}");
	assert_payload(
	    "POST", NULL, "Content-Type: text/html\r\n", SLICE("{\"a\":1}"), "{\"a\":1}");
	assert_payload("POST", NULL, "", SLICE("{\"a\":1}"), "{\"a\":1}");
	assert_payload("POST", NULL, FORM_FIELDS, SLICE("a=1&token=x"),
	    "{\"a\":\"1\",\"token\":\"[redacted]\"}");
	assert_payload("POST", NULL, FORM_FIELDS, SLICE("{\"token\":\"x\"}"),
	    "{\"token\":\"[redacted]\"}");
	assert_payload("POST", NULL, "Content-Type: text/plain\r\n",
	    SLICE("[INFO] a\xFF"), "{\"_text\":\"[INFO] a\xEF\xBF\xBD\"}");
	assert_payload("POST", NULL, "Content-Type: image/png\r\n", SLICE("abc"),
	    "{\"_binary\":\"image/png\",\"_bytes\":3,\"_sha256\":"
	    "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}");
	assert_payload("POST", NULL, "", SLICE("\x01\x02"),
	    "{\"_binary\":\"application/octet-stream\",\"_bytes\":2,\"_sha256\":"
	    "\"a12871fee210fb8619291eaea194581cbd2531e4b23759d225f6806923f63222\"}");
	assert_payload("GET", "/v1/a?b=1&b=2&Key=k&hush=h", "", SLICE(""),
	    "{\"b\":[\"1\",\"2\"],\"Key\":\"[redacted]\",\"hush\":\"[redacted]\"}");
	assert_payload("POST", "/v1/a?b=1", "", SLICE(""), NULL);
	assert_payload("GET", "/v1/a", "", SLICE(""), NULL);
}

static void text_bodies_are_redacted_by_name_too(void **state)
{
	(void)state;
	assert_payload("POST", NULL, "Content-Type: application/xml\r\n",
	    SLICE("<a><Password>FAKEp1</Password><b token=\"FAKEt1\">x</b><token/></a>"),
	    "{\"_text\":\"<a><Password>[redacted]</Password><b token=\\\"[redacted]\\\">x</b>"
	    "<token/></a>\"}");
	assert_payload("POST", NULL, "Content-Type: text/plain\r\n",
	    SLICE("user: a\npassword: FAKEp1\n{'api_key': 'FAKEk1'} at 18:00"),
	    "{\"_text\":\"user: a\\npassword: [redacted]\\n{'api_key': '[redacted]'} at 18:00\"}");
	assert_payload("POST", NULL, JSON_FIELDS,
	    SLICE("{\"password\":\"FAKEpass1\",\"b\":\"FAKEpa"),
	    "{\"_text\":\"{\\\"password\\\":\\\"[redacted]\\\",\\\"b\\\":\"}");
}

static void long_payload_is_cut_after_redaction(void **state)
{
	struct call_text text = {
		.fields = JSON_FIELDS,
		.body = SLICE(
		    "{\"password\":\"FAKEpassword1\",\"x\":\"\xD0\x90\xD0\x90\xD0\x90\xD0\x90\"}")
	};
	struct row row = row_of(shop, &text, &small_settings, NULL);

	(void)state;
	assert_string_equal(row.request_payload,
	    "{\"_truncated\":true,\"_bytes\":43,\"_text\":"
	    "\"{\\\"password\\\":\\\"[redacted]\\\",\\\"x\\\":\\\"\xD0\x90\xD0\x90\"}");
	row_finish(&row);
	/* what was not captured is not there, and what was is still redacted and judged
	 */
	text.limit = 30;
	text.body = SLICE("{\"token\":\"FAKE1\",\"ok\":true,\"secretly\":\"FAKEcut\"}");
	text.status = 200;
	text.answer = text.body;
	row = row_of(shop, &text, &small_settings, NULL);
	assert_string_equal(row.request_payload,
	    "{\"_truncated\":true,\"_bytes\":48,\"_text\":\"{\\\"token\\\":\\\"[redacted]\\\",\\\"ok\\\":true\"}");
	assert_int_equal(row.status, ROW_SUCCESS);
	row_finish(&row);
}

static void body_that_was_shed_keeps_its_length(void **state)
{
	struct call *call =
	    call_of(shop, &(struct call_text){ .body = SLICE("{\"a\":1}") });
	struct build_notes notes;
	struct row row;

	(void)state;
	capture_shed(&call->request);
	assert_int_equal(row_build(call, &body_settings, &row, &notes), 0);
	assert_string_equal(
	    row.request_payload, "{\"_truncated\":true,\"_bytes\":7,\"_text\":\"\"}");
	row_finish(&row);
	call_destroy(call);
}

static void secrets_of_one_place_are_masked_in_all_others(void **state)
{
	struct row row = made(&(struct call_text){
	    .target = "/v1/keys/FAKEpath1%3Ax/use?hush=FAKEquery1",
	    .fields =
	        JSON_FIELDS "Authorization: Bearer FAKEbearer1\r\nX-Shop: FAKEheader1\r\n"
	                    "Cookie: a=FAKEcookie1; b=2\r\n",
	    .body = SLICE(
	        "{\"t\":\"FAKEbearer1 FAKEheader1 FAKEcookie1 FAKEpath1:x FAKEpath1%3Ax\","
	        "\"u\":\"FAKEquery1 FAKEset1 FAKEhidden1\"}"),
	    .status = 400,
	    .reason = "FAKEbearer1",
	    .answer_fields = JSON_FIELDS "Set-Cookie: s=FAKEset1; Path=/\r\n",
	    .answer = SLICE("{\"hidden\":\"FAKEhidden1\",\"code\":\"FAKEquery1\","
	                    "\"error\":{\"message\":\"key FAKEpath1:x\"}}") });

	(void)state;
	assert_string_equal(row.action, "use_key");
	assert_string_equal(row.request_payload,
	    "{\"t\":\"[redacted] [redacted] [redacted] [redacted] [redacted]\","
	    "\"u\":\"[redacted] [redacted] [redacted]\"}");
	assert_string_equal(row.response_payload,
	    "{\"hidden\":\"[redacted]\",\"code\":\"[redacted]\","
	    "\"error\":{\"message\":\"key [redacted]\"}}");
	assert_string_equal(row.error_code, "[redacted]");
	assert_string_equal(row.error_message, "key [redacted]");
	row_finish(&row);
}

static void exchange_payload_has_heads_without_secrets(void **state)
{
	const struct record_settings settings = { .max_body = 65536,
		.payload = PAYLOAD_EXCHANGE };
	struct call_text text = { .method = "GET",
		.target = "/v1/a?x=1&token=FAKEtoken1",
		.fields =
		    "Accept: a\r\nAccept: FAKEtoken1\r\nX-Own: FAKEown1\r\nX-Waybill-Entity: x/y\r\n"
		    "Proxy-Authorization: Basic FAKE\r\n",
		.status = 204 };
	struct row row = row_of(shop, &text, &settings, NULL);

	(void)state;
	assert_string_equal(row.request_payload,
	    "{\"method\":\"GET\",\"url\":\"https://api.shop.test/v1/a?x=1&token=[redacted]\","
	    "\"headers\":{\"Accept\":[\"a\",\"[redacted]\"],\"X-Own\":\"[redacted]\"},"
	    "\"body\":{\"x\":\"1\",\"token\":\"[redacted]\"}}");
	assert_string_equal(row.response_payload,
	    "{\"status\":204,\"headers\":{},\"body\":null,\"timing_ms\":{\"dns\":null,"
	    "\"connect\":null,\"tls\":null,\"first_byte\":null,\"total\":12.999}}");
	row_finish(&row);
}

#define PART(value)                                                                      \
	"--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n" value

/* What the payload of a request begins with. */
static void assert_request(const struct call_text *text, const char *expected)
{
	struct row row = made(text);

	assert_memory_equal(row.request_payload, expected, strlen(expected));
	assert_null(strstr(row.request_payload, "FAKE"));
	row_finish(&row);
}

static void assert_body(const char *type, struct slice body, const char *expected)
{
	assert_request(&(struct call_text){ .fields = type, .body = body }, expected);
}

static void what_cannot_be_taken_apart_is_not_kept(void **state)
{
	(void)state;
	/* no end, line feeds alone, parts of another kind */
	assert_body("Content-Type: multipart/form-data; boundary=b\r\n",
	    SLICE(PART("FAKEpass1\r\n")), "{\"_binary\":\"multipart/form-data\"");
	assert_body("Content-Type: multipart/form-data; boundary=b\r\n",
	    SLICE(
	        "--b\nContent-Disposition: form-data; name=\"pin\"\n\nFAKEpin01\n--b--\n"),
	    "{\"_binary\":\"multipart/form-data\"");
	assert_body("Content-Type: multipart/mixed; boundary=b\r\n",
	    SLICE(PART("FAKEpass1\r\n--b--\r\n")), "{\"_binary\":\"multipart/mixed\"");
	/* a type that was set by hand: the body shows its boundary */
	assert_body("Content-Type: multipart/form-data\r\n",
	    SLICE(PART("FAKEpass1\r\n--b--\r\n")), "{\"password\":\"[redacted]\"}");
	assert_body("Content-Type: multipart/form-data; boundary=other\r\n",
	    SLICE(PART("FAKEpass1\r\n--b--\r\n")), "{\"password\":\"[redacted]\"}");
	assert_body("Content-Type: multipart/form-data\r\n",
	    SLICE("{\"password\":\"FAKEpass1\"}"), "{\"password\":\"[redacted]\"}");
}

/* As clients do that set one Content-Type for all requests. */
static void parts_under_another_type_are_no_text(void **state)
{
	static const char *const types[] = { "", JSON_FIELDS, FORM_FIELDS,
		"Content-Type: text/plain\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		assert_body(types[i], SLICE(PART("FAKEpass1\r\n--b--\r\n")),
		    "{\"password\":\"[redacted]\"}");
		assert_body(types[i], SLICE(PART("FAKEpass1\r\n")), "{\"_binary\":");
		assert_body(types[i],
		    SLICE(
		        "--b\nContent-Disposition: form-data; name=\"pin\"\n\nFAKEpin01\n--b--\n"),
		    "{\"_binary\":");
	}
}

/* The part that the limit cuts is left out, be it the first. */
static void parts_beyond_the_limit_are_not_kept(void **state)
{
	struct call_text text = { .fields =
		                      "Content-Type: multipart/form-data; boundary=b\r\n",
		.body = SLICE(PART("FAKEpass1\r\n--b--\r\n")),
		.limit = 70 };

	(void)state;
	assert_request(&text, "{\"_binary\":\"multipart/form-data\"");
	text.body =
	    SLICE("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" PART(
	        "FAKEpass1\r\n--b--\r\n"));
	text.limit = text.body.len - 12;
	assert_request(&text,
	    "{\"_truncated\":true,\"_bytes\":124,\"_text\":\"{\\\"a\\\":\\\"1\\\"}\"}");
}

/* 8 letters in UTF-16 */
#define CYRILLIC "\x30\x04\x31\x04\x32\x04\x33\x04\x34\x04\x35\x04\x36\x04\x37\x04"

static void utf16_is_not_kept_as_text(void **state)
{
	(void)state;
	assert_body(JSON_FIELDS, SLICE("{\0\"\0p\0i\0n\0\"\0:\0\"\0F\0A\0K\0E\0"),
	    "{\"_binary\":\"application/json\"");
	assert_body("Content-Type: text/plain\r\n", SLICE("\xFF\xFE\x10\x04=\0"),
	    "{\"_binary\":\"text/plain\"");
	assert_body("Content-Type: text/plain; charset=\"UTF-16LE\"\r\n",
	    SLICE("\x10\x04\x11\x04"), "{\"_binary\":\"text/plain\"");
	assert_body("Content-Type: text/plain; charset=utf_32\r\n",
	    SLICE("\x10\x04\x11\x04"), "{\"_binary\":\"text/plain\"");
	assert_body("Content-Type: text/plain; charset=UTF-7\r\n",
	    SLICE("token: +AEYAQQBLAEUAMAAw-"), "{\"_binary\":\"text/plain\"");
	/* Cyrillic first: there are no zeros at its begin */
	assert_body("Content-Type: text/plain\r\n",
	    SLICE(CYRILLIC CYRILLIC CYRILLIC CYRILLIC "t\0o\0k\0e\0n\0=\0F\0A\0K\0E\0"),
	    "{\"_binary\":\"text/plain\"");
	assert_body(JSON_FIELDS,
	    SLICE(
	        "{\0\"\0" CYRILLIC CYRILLIC CYRILLIC CYRILLIC "\"\0:\0\"\0F\0A\0K\0E\0"),
	    "{\"_binary\":\"application/json\"");
	/* zeros alone are replaced */
	assert_body("Content-Type: text/plain\r\n", SLICE("none of it: a\0b\0"),
	    "{\"_text\":\"none of it: a\xEF\xBF\xBD"
	    "b\xEF\xBF\xBD\"}");
}

/* What may be half a secret: the last field, the last word. */
static void bodies_that_were_cut_lose_their_end(void **state)
{
	static const enum outcome outcomes[] = { OUTCOME_CLIENT_ABORTED,
		OUTCOME_CLIENT_PROTOCOL, OUTCOME_UPSTREAM_RESET, OUTCOME_UPSTREAM_TIMEOUT,
		OUTCOME_PROXY_STOPPED, OUTCOME_ANSWERED };
	struct call_text form = {
		.body = SLICE("a=1&note=FAKEpar"), .sending = true, .status = 200
	};
	struct call_text text = { .fields = "Content-Type: text/plain\r\n",
		.body = SLICE("of note: FAKEpar"),
		.sending = true,
		.in_flight = true };
	struct row row = made(&(struct call_text){ .fields = "X-Api-Key: FAKEkey0001\r\n",
	    .status = 400,
	    .answer_fields = "Content-Type: text/plain\r\nContent-Length: 1000\r\n",
	    .answer = SLICE("bad key FAKEkey"),
	    .outcome = OUTCOME_UPSTREAM_CLOSED });

	(void)state;
	/* whoever ended it, in chunks and with its length */
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		form.outcome = outcomes[i];
		form.fields = FORM_FIELDS;
		assert_request(&form, "{\"a\":\"1\"}");
		form.fields = FORM_FIELDS "Content-Length: 99\r\n";
		assert_request(&form, "{\"a\":\"1\"}");
	}
	assert_request(&text, "{\"_text\":\"of note: \"}");
	form.sending = false;
	form.fields = FORM_FIELDS;
	form.body = SLICE("a=1&note=whole");
	assert_request(&form, "{\"a\":\"1\",\"note\":\"whole\"}");
	assert_string_equal(row.response_payload, "{\"_text\":\"bad key \"}");
	row_finish(&row);
}

/* A search that gives up masks what it was to search, and no more. */
static void what_is_too_much_to_search_spoils_no_row(void **state)
{
	struct buf body = { 0 };
	struct row row;

	(void)state;
	buf_puts(&body, "{\"ok\":true,\"a\":\"://");
	for (int i = 0; i < 2000; i++) {
		buf_puts(&body, "a:");
	}
	buf_puts(&body, "\",\"k\":\"-----BEGIN PRIVATE KEY-----FAKE");
	for (int i = 0; i < 100000; i++) {
		buf_puts(&body, "-a-");
	}
	buf_puts(&body, "\"}");
	row = made(&(struct call_text){
	    .status = 200, .answer_fields = JSON_FIELDS, .answer = buf_slice(&body) });
	assert_int_equal(row.status, ROW_SUCCESS);
	assert_null(row.error_code);
	assert_null(row.error_message);
	assert_string_equal(row.action, "things");
	assert_non_null(strstr(row.response_payload, "a:a:a:"));
	assert_null(strstr(row.response_payload, "FAKE"));
	row_finish(&row);

	/* thousands of secrets: no text is kept, what has none stays */
	buf_truncate(&body, 0);
	buf_puts(&body, "{\"ok\":true,\"tokens\":[0");
	for (unsigned int i = 0; i < 9000; i++) {
		buf_printf(&body, ",\"FAKE%08x\"", i * 2654435761u);
	}
	buf_puts(&body, "]}");
	row = made(&(struct call_text){ .fields = "X-Waybill-Entity: lead/" UUID_A "\r\n",
	    .status = 200,
	    .answer_fields = JSON_FIELDS,
	    .answer = buf_slice(&body) });
	assert_int_equal(row.status, ROW_SUCCESS);
	assert_null(row.error_code);
	assert_null(row.error_message);
	assert_string_equal(row.action, "things");
	assert_string_equal(row.related_entity_type, "lead");
	row_finish(&row);
	buf_finish(&body);
}

/* A text that begins like a key, goes on for long and is none. */
static void assert_stays(const char *begin, const char *more, const char *end)
{
	struct buf body = { 0 };
	struct row row;

	buf_puts(&body, begin);
	while (body.len < 300000) {
		buf_puts(&body, more);
	}
	buf_puts(&body, end);
	row = made(&(struct call_text){ .status = 200,
	    .answer_fields = "Content-Type: text/plain\r\n",
	    .answer = buf_slice(&body) });
	assert_non_null(strstr(row.response_payload, begin));
	row_finish(&row);
	buf_finish(&body);
}

static void long_texts_are_searched_to_their_end(void **state)
{
	(void)state;
	assert_stays("re_aaaa", "a", "");
	assert_stays("re_aaaa_a", "_a", "");
	assert_stays("re_", "re_aaaa_", "");
	assert_stays("Basic a", "a", "");
	assert_stays("Basic", " ", "!");
	assert_stays("AKIA", "A", "a");
	assert_stays("-----BEGIN ", "A ", "PRIVATE -");
	assert_stays("123456", "1", ":a");
	assert_stays("eyJ", "eyJa", ".");
}

/* Also of a call whose body is shown, not its query. */
static void exchange_url_has_no_secrets(void **state)
{
	const struct record_settings settings = { .max_body = 65536,
		.payload = PAYLOAD_EXCHANGE };
	struct call_text text = { .method = "POST",
		.target = "/v1/a?pin=1234&data=%7B%22password%22:%22FAKEpass1%22%7D"
		          "&next=https%3A%2F%2Fh%2F%3Ftoken%3DFAKEnext1",
		.fields = JSON_FIELDS,
		.body = SLICE("{}"),
		.status = 204 };
	struct row row = row_of(shop, &text, &settings, NULL);

	(void)state;
	assert_non_null(strstr(row.request_payload,
	    "/v1/a?pin=[redacted]&data=%7B%22password%22:%22[redacted]%22%7D"
	    "&next=https%3A%2F%2Fh%2F%3Ftoken%3D[redacted]\""));
	row_finish(&row);
}

static void assert_entity(const char *fields, const char *body, const char *type)
{
	char *all = NULL;
	struct row row;
	char id[UUID_TEXT_SIZE];

	assert_true(asprintf(&all, JSON_FIELDS "%s", fields) > 0);
	row = made(&(struct call_text){ .fields = all, .body = slice_of(body) });
	assert_text(row.related_entity_type, type);
	if (type) {
		uuid_format(&row.related_entity_id, id);
		assert_string_equal(id, UUID_A);
	}
	row_finish(&row);
	free(all);
}

static void entity_comes_only_from_where_it_was_put(void **state)
{
	(void)state;
	assert_entity("X-Waybill-Entity: lead/" UUID_A "\r\n", "{}", "lead");
	assert_entity(
	    "X-Waybill-Entity: lead/nothing\r\nX-Ref: lead/" UUID_A "\r\n", "{}", NULL);
	assert_entity("X-Waybill-Entity: le ad/" UUID_A "\r\n", "{}", NULL);
	assert_entity(
	    "baggage: a=b, related_entity_type=student;p=1\r\n"
	    "Baggage: related_entity_id=3f0c1d52%2D6a0e-4c55-9b1e-0d5a7e1f2a10\r\n",
	    "{}", "student");
	assert_entity("baggage: related_entity_type=student\r\nX-Ref: lead/" UUID_A
	              "\r\n",
	    "{}", NULL);
	assert_entity("X-Ref: order/" UUID_A "\r\n", "{}", "order");
	assert_entity("", "{\"tags\":[{\"name\":\"x\",\"value\":\"" UUID_A "\"}]}", NULL);
	assert_entity("",
	    "{\"tags\":[{\"name\":\"lead\",\"value\":\"0\"},{\"value\":\"" UUID_A
	    "\",\"name\":\"lead\"}]}",
	    "lead");
	assert_entity("", "{\"id\":\"" UUID_A "\"}", NULL);
}

static int setup(void **state)
{
	(void)state;
	shop = table_of(SHOP);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	route_table_unref(shop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_follow_the_rules_of_the_service),
		cmocka_unit_test(code_that_is_a_secret_is_not_told),
		cmocka_unit_test(head_needs_no_body),
		cmocka_unit_test(call_without_answer_tells_why),
		cmocka_unit_test(call_in_flight_is_pending_without_duration),
		cmocka_unit_test(empty_long_poll_is_skipped_unless_it_failed),
		cmocka_unit_test(each_kind_of_body_has_its_form),
		cmocka_unit_test(text_bodies_are_redacted_by_name_too),
		cmocka_unit_test(long_payload_is_cut_after_redaction),
		cmocka_unit_test(body_that_was_shed_keeps_its_length),
		cmocka_unit_test(secrets_of_one_place_are_masked_in_all_others),
		cmocka_unit_test(exchange_payload_has_heads_without_secrets),
		cmocka_unit_test(what_cannot_be_taken_apart_is_not_kept),
		cmocka_unit_test(parts_under_another_type_are_no_text),
		cmocka_unit_test(parts_beyond_the_limit_are_not_kept),
		cmocka_unit_test(utf16_is_not_kept_as_text),
		cmocka_unit_test(bodies_that_were_cut_lose_their_end),
		cmocka_unit_test(what_is_too_much_to_search_spoils_no_row),
		cmocka_unit_test(long_texts_are_searched_to_their_end),
		cmocka_unit_test(exchange_url_has_no_secrets),
		cmocka_unit_test(entity_comes_only_from_where_it_was_put),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: MIT */
/*
 * What a client's environment is made of, and how each form quotes it.
 */
#include "cmd/client_env.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The caller's environment: pairs that end with NULL. */
static const char *const *caller;

static const char *present(const char *name)
{
	for (const char *const *at = caller; at && *at; at += 2) {
		if (strcmp(*at, name) == 0) {
			return at[1];
		}
	}
	return NULL;
}

static const struct client_place plain = {
	.proxy_host = "127.0.0.1",
	.proxy_port = 8080,
	.hosts = "api.resend.com,*.amocrm.ru",
	.root = "/ca/root.pem",
	.bundle = "/ca/bundle.pem",
	.truststore = "/ca/truststore.p12",
	.php_dir = "/ca/php",
	.wgetrc = "/ca/wgetrc",
	.present = present,
};

/* The value of name for place and caller, to free; NULL: left out. */
static char *value_of(const struct client_place *place, const char *name)
{
	struct client_env env = { 0 };
	struct err err;
	char *value = NULL;

	assert_int_equal(client_env_make(place, &env, &err), 0);
	for (size_t i = 0; i < env.count; i++) {
		if (strcmp(env.item[i].name, name) == 0) {
			value = slice_dup(slice_of(env.item[i].value));
		}
	}
	client_env_finish(&env);
	return value;
}

static void assert_value(
    const struct client_place *place, const char *name, const char *wanted)
{
	char *value = value_of(place, name);

	if (wanted) {
		assert_non_null(value);
		assert_string_equal(value, wanted);
	} else {
		assert_null(value);
	}
	free(value);
}

static void lists_of_the_caller_are_kept_and_ours_added_once(void **state)
{
	static const struct {
		const char *name;
		const char *before; /* NULL: not set */
		const char *after;
	} cases[] = {
		{ "NO_PROXY", NULL, "localhost,127.0.0.1,::1" },
		{ "NO_PROXY", "", "localhost,127.0.0.1,::1" },
		{ "NO_PROXY", "a.test, .b.test",
		    "a.test,.b.test,localhost,127.0.0.1,::1" },
		{ "NO_PROXY", "*", "*,localhost,127.0.0.1,::1" },
		{ "NO_PROXY", "127.0.0.1,LOCALHOST", "127.0.0.1,LOCALHOST,::1" },
		{ "PHP_INI_SCAN_DIR", NULL, ":/ca/php" },
		{ "PHP_INI_SCAN_DIR", "/etc/php", "/etc/php:/ca/php" },
		{ "PHP_INI_SCAN_DIR", "/etc/php:/ca/php", "/etc/php:/ca/php" },
		{ "NODE_OPTIONS", NULL, "--require=/p.cjs" },
		{ "NODE_OPTIONS", "--max-old-space-size=64",
		    "--max-old-space-size=64 --require=/p.cjs" },
		{ "NODE_OPTIONS", "--require=/p.cjs -r x", "--require=/p.cjs -r x" },
		{ "NODE_EXTRA_CA_CERTS", NULL, "/ca/root.pem" },
		{ "NODE_EXTRA_CA_CERTS", "/ca/root.pem", "/ca/root.pem" },
		{ "NODE_EXTRA_CA_CERTS", "/company.pem", "/ca/bundle.pem" },
		{ "SSL_CERT_FILE", "/company.pem", "/ca/bundle.pem" },
		{ "HTTPS_PROXY", "http://other:1", "http://127.0.0.1:8080" },
	};
	struct client_place place = plain;

	(void)state;
	place.preload_cjs = "/p.cjs";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const pairs[] = { cases[i].name, cases[i].before, NULL };

		caller = cases[i].before ? pairs : NULL;
		assert_value(&place, cases[i].name, cases[i].after);
	}
	caller = NULL;
}

static void both_spellings_of_no_proxy_are_joined(void **state)
{
	static const char *const pairs[] = { "NO_PROXY", "a.test", "no_proxy",
		"b.test,a.test", NULL };

	(void)state;
	caller = pairs;
	assert_value(&plain, "NO_PROXY", "a.test,b.test,localhost,127.0.0.1,::1");
	assert_value(&plain, "no_proxy", "a.test,b.test,localhost,127.0.0.1,::1");
	caller = NULL;
}

static void address_and_credentials_make_a_url(void **state)
{
	struct client_place place = plain;

	(void)state;
	assert_value(&place, "https_proxy", "http://127.0.0.1:8080");
	place.proxy_host = "::1";
	place.user = "bill%";
	place.secret = "p@ss:/wörd";
	assert_value(
	    &place, "WAYBILL_PROXY", "http://bill%25:p%40ss%3A%2Fw%C3%B6rd@[::1]:8080");
}

static void java_gets_its_options_after_those_of_the_caller(void **state)
{
	static const char *const pairs[] = { "JAVA_TOOL_OPTIONS", "-Xmx64m", "NO_PROXY",
		".in.test,x.test,localhost", NULL };
	struct client_place place = plain;
	char *first;
	char *second;

	(void)state;
	caller = pairs;
	place.truststore = "/my ca/t.p12";
	first = value_of(&place, "JAVA_TOOL_OPTIONS");
	assert_string_equal(first,
	    "-Xmx64m -Djavax.net.ssl.trustStore=\"/my ca/t.p12\" "
	    "-Djavax.net.ssl.trustStoreType=PKCS12 "
	    "-Djavax.net.ssl.trustStorePassword=changeit -Dhttps.proxyHost=127.0.0.1 "
	    "-Dhttps.proxyPort=8080 -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=8080 "
	    "-Dhttp.nonProxyHosts=localhost|127.*|[::1]|*.in.test|x.test");
	caller =
	    (const char *const[]){ "JAVA_TOOL_OPTIONS", first, pairs[2], pairs[3], NULL };
	second = value_of(&place, "JAVA_TOOL_OPTIONS");
	assert_string_equal(second, first);
	free(first);
	free(second);
	caller = NULL;
}

static void node_options_are_quoted_as_node_reads_them(void **state)
{
	struct client_place place = plain;

	(void)state;
	assert_value(&place, "NODE_OPTIONS", NULL);
	assert_value(&place, "NODE_USE_ENV_PROXY", "1");
	place.preload_cjs = "/with space/a\"b\\c.cjs";
	assert_value(&place, "NODE_OPTIONS", "\"--require=/with space/a\\\"b\\\\c.cjs\"");
	assert_value(&place, "NODE_USE_ENV_PROXY", NULL);
}

static void what_has_no_value_is_left_out(void **state)
{
	struct client_place place = plain;

	(void)state;
	place.wgetrc = NULL;
	assert_value(&place, "WGETRC", NULL);
	assert_value(&place, "WAYBILL_PORTS", NULL);
}

static void a_line_break_is_refused(void **state)
{
	struct client_place place = plain;
	struct client_env env = { 0 };
	struct err err;

	(void)state;
	place.root = "/a\nb/root.pem";
	assert_int_equal(client_env_make(&place, &env, &err), -EINVAL);
	assert_non_null(strstr(err.text, "NODE_EXTRA_CA_CERTS"));
	client_env_finish(&env);
}

static void each_form_quotes_in_its_way(void **state)
{
	static const struct {
		const char *form;
		const char *value;
		const char *text; /* NULL: the form cannot */
	} cases[] = {
		{ "sh", "it's $1 \\", "export V='it'\\''s $1 \\'\n" },
		{ "fish", "it's $1 \\", "set -gx V 'it\\'s $1 \\\\'\n" },
		{ "dotenv", "http://a:1/~x,y=%20", "V=http://a:1/~x,y=%20\n" },
		{ "dotenv", "a b|$c \"d\"", "V='a b|$c \"d\"'\n" },
		{ "dotenv", "it's", "V=\"it's\"\n" },
		{ "dotenv", "it's \"$x\"", NULL },
		{ "systemd", "a \"b\" $c `d` \\",
		    "V=\"a \\\"b\\\" \\$c \\`d\\` \\\\\"\n" },
		{ "docker-compose", "$a \"b\" ш",
		    "environment:\n  V: \"$$a \\\"b\\\" ш\"\n" },
		{ "docker", "x", "environment:\n  V: \"x\"\n" },
		{ "kubernetes", "$(a)", "env:\n  - name: V\n    value: \"$$(a)\"\n" },
		{ "json", "a\"b", "{\n  \"V\": \"a\\\"b\"\n}\n" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct client_format *format = client_format_find(cases[i].form);
		struct client_env env = { .count = 1 };
		struct buf out = { 0 };
		int r;

		env.item[0].name = "V";
		env.item[0].value = slice_dup(slice_of(cases[i].value));
		assert_non_null(format);
		r = format->put(&out, &env, &err);
		if (cases[i].text) {
			assert_int_equal(r, 0);
			buf_putc(&out, '\0');
			assert_string_equal(out.ptr, cases[i].text);
		} else {
			assert_int_equal(r, -EINVAL);
		}
		buf_finish(&out);
		client_env_finish(&env);
	}
	assert_null(client_format_find("xml"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_the_caller_are_kept_and_ours_added_once),
		cmocka_unit_test(both_spellings_of_no_proxy_are_joined),
		cmocka_unit_test(address_and_credentials_make_a_url),
		cmocka_unit_test(java_gets_its_options_after_those_of_the_caller),
		cmocka_unit_test(node_options_are_quoted_as_node_reads_them),
		cmocka_unit_test(what_has_no_value_is_left_out),
		cmocka_unit_test(a_line_break_is_refused),
		cmocka_unit_test(each_form_quotes_in_its_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

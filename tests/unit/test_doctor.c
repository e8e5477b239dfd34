/* SPDX-License-Identifier: MIT */
/*
 * What the doctor makes of an environment, of a client's first bytes, and of the name of
 * a program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cmd/doctor.h"
#include "cmd/doctor_advice.h"
#include "cmd/doctor_relay.h"

static const char *const *variables; /* name, value, …, NULL */

static const char *get(const char *name)
{
	for (size_t i = 0; variables[i]; i += 2) {
		if (strcmp(variables[i], name) == 0) {
			return variables[i + 1];
		}
	}
	return NULL;
}

#define RIGHT "http://127.0.0.1:8080"

static void each_wrong_variable_is_one_finding(void **state)
{
	static const struct {
		const char *variable[7];
		enum finding_level level;
		const char *words;
	} cases[] = {
		{ { NULL }, FINDING_OK, "no proxy variable" },
		{ { "SSL_CERT_FILE", "/nowhere", NULL }, FINDING_OK,
		    "no proxy variable" },
		{ { "HTTPS_PROXY", RIGHT, NULL }, FINDING_OK, "right" },
		{ { "HTTPS_PROXY", RIGHT "/", NULL }, FINDING_OK, "right" },
		{ { "https_proxy", "http://u:p%40ss@127.0.0.1:8080", NULL }, FINDING_OK,
		    "right" },
		{ { "HTTPS_PROXY", "", NULL }, FINDING_OK, "no proxy variable" },
		{ { "HTTPS_PROXY", "127.0.0.1:8080", NULL }, FINDING_WARN,
		    "lacks http://" },
		{ { "HTTPS_PROXY", "https://127.0.0.1:8080", NULL }, FINDING_FAIL,
		    "lacks http://" },
		{ { "HTTP_PROXY", "http://127.0.0.1:1", NULL }, FINDING_WARN,
		    "127.0.0.1:1, and waybill is at" },
		{ { "ALL_PROXY", "http://u:hushhush@[bad", NULL }, FINDING_WARN, "[bad" },
		{ { "HTTPS_PROXY", RIGHT, "NO_PROXY", "a.test, .shop.test", NULL },
		    FINDING_FAIL, "api.shop.test" },
		{ { "HTTPS_PROXY", RIGHT, "NO_PROXY", "x.wild.test", NULL }, FINDING_OK,
		    "right" },
		{ { "HTTPS_PROXY", RIGHT, "NO_PROXY", "wild.test", NULL }, FINDING_FAIL,
		    "*.wild.test" },
		{ { "HTTPS_PROXY", RIGHT, "NO_PROXY", "a.test", "no_proxy", "*", NULL },
		    FINDING_FAIL, "no_proxy=*" },
		{ { "HTTPS_PROXY", RIGHT, "NO_PROXY", "hop.test,shop", NULL }, FINDING_OK,
		    "right" },
		{ { "HTTPS_PROXY", RIGHT, "SSL_CERT_FILE", "/nowhere", NULL },
		    FINDING_FAIL, "not there" },
		{ { "HTTPS_PROXY", RIGHT, "DENO_CERT", "/dev/null", NULL }, FINDING_FAIL,
		    "no certificate in it" },
	};

	static const char *const hosts[] = { "api.shop.test", "*.wild.test" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct doctor_report report = { 0 };
		struct doctor_env env = { .hosts = hosts,
			.host_count = 2,
			.proxy_host = "127.0.0.1",
			.proxy_port = 8080,
			.get = get };

		variables = cases[i].variable;
		doctor_check_env(&env, &report);
		if (report.count != 1 || report.item[0].level != cases[i].level ||
		    !strstr(report.item[0].text, cases[i].words) ||
		    strstr(report.item[0].text, "hushhush")) {
			fail_msg("case %zu: %zu findings, %d %s", i, report.count,
			    (int)report.item[0].level, report.item[0].text);
		}
		assert_int_equal(report_level(&report), cases[i].level);
		assert_true(
		    (cases[i].level == FINDING_OK) == (report.item[0].fix == NULL));
		report_finish(&report);
	}
}

static void no_proxy_is_read_as_clients_read_it(void **state)
{
	static const struct {
		const char *list;
		bool has;
	} cases[] = {
		{ "*", true },
		{ "api.shop.test", true },
		{ "API.Shop.Test", true },
		{ ".shop.test", true },
		{ "shop.test", true },
		{ "*.shop.test", true },
		{ "api.shop.test:443", true },
		{ "x, shop.test ,y", true },
		{ "", false },
		{ ",", false },
		{ "op.test", false },
		{ ".", false },
		{ "x.api.shop.test", false },
		{ "127.0.0.1,localhost", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (doctor_no_proxy_has(cases[i].list, "api.shop.test") != cases[i].has) {
			fail_msg("%s", cases[i].list);
		}
	}
}

static void the_first_bytes_tell_the_host(void **state)
{
	static const struct {
		const char *bytes;
		const char *host; /* NULL: not known */
		bool none;        /* and never will be */
	} cases[] = {
		{ "CONNECT api.shop.test:443 HTTP/1.1\r\n", "api.shop.test", false },
		{ "CONNECT API.Shop.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
		    "api.shop.test", false },
		{ "CONNECT [::1]:443 HTTP/1.1\r\n", "::1", false },
		{ "GET http://a.test/x?y=http://b.test/ HTTP/1.1\r\n", "a.test", false },
		{ "POST https://a.test:8443 HTTP/1.1\r\n", "a.test", false },
		{ "CONNECT api.shop", NULL, false },
		{ "", NULL, false },
		{ "GET / HTTP/1.1\r\n", NULL, true },
		{ "CONNECT  HTTP/1.1\r\n", NULL, true },
		{ "\x16garbage that is no hello at all", NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char host[256] = "";
		bool none = false;
		bool known = relay_read_host(slice_of(cases[i].bytes), host, &none);

		if (known != (cases[i].host != NULL) || none != cases[i].none ||
		    (known && strcmp(host, cases[i].host) != 0)) {
			fail_msg("%s: %d %d %s", cases[i].bytes, known, none, host);
		}
	}
}

static void advice_is_by_the_kind_of_program(void **state)
{
	static const struct advice_place place = { .root = "/ca/root.pem",
		.bundle = "/ca/bundle.pem",
		.truststore = "/ca/truststore.p12",
		.preloaded = true };
	static const char *const cases[][3] = {
		{ "node", "--preload", "NODE_EXTRA_CA_CERTS=/ca/root.pem" },
		{ "python3.11", "trust_env=True", "REQUESTS_CA_BUNDLE=/ca/bundle.pem" },
		{ "java", "ProxySelector", "/ca/truststore.p12" },
		{ "php8.2", "CURLOPT_PROXY", "curl.cainfo=/ca/bundle.pem" },
		{ "my-service", "ProxyFromEnvironment", "/ca/root.pem" },
		{ "?", "ProxyFromEnvironment", "/ca/bundle.pem" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf bypass = { 0 };
		struct buf reject = { 0 };

		advice_bypass(cases[i][0], &place, &bypass);
		advice_reject(cases[i][0], &place, &reject);
		buf_putc(&bypass, '\0');
		buf_putc(&reject, '\0');
		assert_non_null(strstr(bypass.ptr, cases[i][1]));
		assert_non_null(strstr(reject.ptr, cases[i][2]));
		assert_null(strchr(reject.ptr, '%'));
		buf_finish(&bypass);
		buf_finish(&reject);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_wrong_variable_is_one_finding),
		cmocka_unit_test(no_proxy_is_read_as_clients_read_it),
		cmocka_unit_test(the_first_bytes_tell_the_host),
		cmocka_unit_test(advice_is_by_the_kind_of_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

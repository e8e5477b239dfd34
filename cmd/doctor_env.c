/* SPDX-License-Identifier: MIT */
/*
 * doctor_env: variables that keep a client's calls from waybill.
 */
#include <stdio.h>
#include <unistd.h>

#include "cmd/address.h"
#include "cmd/doctor.h"

static const char *const proxy_names[] = { "HTTPS_PROXY", "https_proxy", "HTTP_PROXY",
	"http_proxy", "ALL_PROXY", "all_proxy" };
static const char *const trust_names[] = { "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE",
	"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "GIT_SSL_CAINFO",
	"DENO_CERT" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Does a name of the list stand for the host? */
static bool entry_has(struct slice entry, struct slice host)
{
	struct slice colon = entry;

	entry = slice_cut(&colon, ':'); /* a port narrows it further */
	if (slice_eq(entry, SLICE("*"))) {
		return true;
	}
	if (slice_starts(entry, SLICE("*."))) {
		entry.ptr += 1;
		entry.len -= 1;
	}
	if (entry.len > 1 && entry.ptr[0] == '.') {
		entry.ptr += 1;
		entry.len -= 1;
	}
	if (entry.len == 0 || host.len < entry.len) {
		return false;
	}
	host.ptr += host.len - entry.len;
	return strncasecmp(host.ptr, entry.ptr, entry.len) == 0 &&
	       (host.len == entry.len || host.ptr[-1] == '.');
}

bool doctor_no_proxy_has(const char *list, const char *host)
{
	struct slice rest = slice_of(list);

	while (rest.ptr) {
		struct slice entry = slice_trim(slice_cut(&rest, ','));

		if (entry_has(entry, slice_of(host))) {
			return true;
		}
	}
	return false;
}

static void check_no_proxy(
    const struct doctor_env *env, const char *name, struct doctor_report *report)
{
	const char *list = env->get(name);

	for (size_t i = 0; list && i < env->host_count; i++) {
		const char *host = env->hosts[i];

		if (doctor_no_proxy_has(list, host[0] == '*' ? host + 2 : host)) {
			report_add(report, FINDING_FAIL, "env",
			    "take it out of that variable", "%s=%s takes %s past waybill",
			    name, list, host);
			return; /* one is enough to see it */
		}
	}
}

/* Returns whether the variable is set. The value may hold a password. */
static bool check_proxy(
    const struct doctor_env *env, const char *name, struct doctor_report *report)
{
	const char *value = env->get(name);
	struct address_pair pair = { .port = -1 };
	struct slice rest;
	const char *at;

	if (!value || !*value) {
		return false;
	}
	if (strncasecmp(value, "http://", 7) != 0) {
		report_add(report, strstr(value, "://") ? FINDING_FAIL : FINDING_WARN,
		    "env", "eval \"$(waybill env)\"",
		    "%s lacks http:// at its beginning: Python, Node and Go do not take it as "
		    "it is",
		    name);
		return true;
	}
	rest = slice_of(value + 7);
	rest = slice_cut(&rest, '/');
	at = memchr(rest.ptr, '@', rest.len);
	if (at) {
		rest.len -= (size_t)(at + 1 - rest.ptr);
		rest.ptr = at + 1;
	}
	if (address_parse(rest, &pair) ||
	    (env->proxy_port > 0 && pair.port != env->proxy_port)) {
		report_add(report, FINDING_WARN, "env", "eval \"$(waybill env)\"",
		    "%s names %.*s, and waybill is at %s:%d", name, SLICE_ARG(rest),
		    env->proxy_host, env->proxy_port);
	}
	return true;
}

static void check_trust(
    const struct doctor_env *env, const char *name, struct doctor_report *report)
{
	const char *path = env->get(name);
	const char *fault = path && *path ? access(path, F_OK) != 0
	                                        ? "it is not there"
	                                        : doctor_pem_fault(path, env->root_pem)
	                                  : NULL;

	if (fault) {
		report_add(report, FINDING_FAIL, "env", "eval \"$(waybill env)\"",
		    "%s=%s: %s", name, path, fault);
	}
}

void doctor_check_env(const struct doctor_env *env, struct doctor_report *report)
{
	size_t before = report->count;
	bool set = false;

	for (size_t i = 0; i < COUNT(proxy_names); i++) {
		set = check_proxy(env, proxy_names[i], report) || set;
	}
	if (set) {
		const char *upper = env->get("NO_PROXY");
		const char *lower = env->get("no_proxy");

		check_no_proxy(env, "NO_PROXY", report);
		if (lower && (!upper || strcmp(lower, upper) != 0)) {
			check_no_proxy(env, "no_proxy", report);
		}
		for (size_t i = 0; i < COUNT(trust_names); i++) {
			check_trust(env, trust_names[i], report);
		}
	}
	if (report->count == before) {
		report_add(report, FINDING_OK, "env", NULL,
		    set ? "the proxy variables of this environment are right"
		        : "no proxy variable here; `waybill env` prints what a service needs");
	}
}

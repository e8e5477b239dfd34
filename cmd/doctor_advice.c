/* SPDX-License-Identifier: MIT */
#include "cmd/doctor_advice.h"

/*
 * %B, %R and %T stand for the bundle, the root and the trust store. A program is known by
 * the beginning of its name.
 */
static const struct advice {
	const char *program;
	const char *bypass;
	const char *reject;
} advices[] = {
	{ "node",
	    "start it with `waybill exec -- node …`: before 22.21 and 24 Node's fetch and https "
	    "ignore HTTPS_PROXY",
	    "NODE_EXTRA_CA_CERTS=%R in its environment before it starts, and no `ca` option of "
	    "its own" },
	{ "bun", "start it with `waybill exec --preload -- bun …`",
	    "NODE_EXTRA_CA_CERTS=%R in its environment" },
	{ "deno", "start it with `waybill exec --preload -- deno …`",
	    "DENO_CERT=%R in its environment" },
	{ "python",
	    "aiohttp: ClientSession(trust_env=True); or start it with `waybill exec --preload -- "
	    "python3 …`",
	    "SSL_CERT_FILE=%B and REQUESTS_CA_BUNDLE=%B in its environment, and no verify= of "
	    "its own" },
	{ "java",
	    "give its client ProxySelector.getDefault(), or start it with `waybill exec "
	    "--preload -- java …`",
	    "-Djavax.net.ssl.trustStore=%T -Djavax.net.ssl.trustStorePassword=changeit" },
	{ "php",
	    "CURLOPT_PROXY => getenv('HTTPS_PROXY'), or start it with `waybill exec --preload -- "
	    "php …`",
	    "curl.cainfo=%B and openssl.cafile=%B in php.ini, and no CURLOPT_CAINFO of its own" },
	{ "ruby", "start it with `waybill exec --preload -- ruby …`",
	    "SSL_CERT_FILE=%B in its environment, and no ca_file of its own" },
	{ "curl", "take --noproxy and proxy= out of its command line and of .curlrc",
	    "CURL_CA_BUNDLE=%B in its environment, or --cacert %B" },
	{ "wget", "take --no-proxy out of its command line and use_proxy out of .wgetrc",
	    "--ca-certificate=%B" },
	{ "git", "take http.proxy out of its configuration", "GIT_SSL_CAINFO=%B" },
};

static const struct advice any = { "",
	"give its HTTP client the proxy of HTTPS_PROXY (Go: http.ProxyFromEnvironment), or start "
	"it with `waybill exec --preload -- …` where it is linked dynamically",
	"let it trust %R, or give it %B for the file of roots (SSL_CERT_FILE)" };

static const char bypass_preloaded[] =
    "start it with `waybill exec --preload -- node …`: its connections pass the preload by";

static const struct advice *find(const char *program)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		if (slice_starts(slice_of(program), slice_of(advices[i].program))) {
			return &advices[i];
		}
	}
	return &any;
}

static void put(struct buf *out, const char *text, const struct advice_place *place)
{
	for (const char *p = text; *p; p++) {
		if (p[0] == '%' && (p[1] == 'B' || p[1] == 'R' || p[1] == 'T')) {
			p++;
			buf_puts(out, *p == 'B'   ? place->bundle
			              : *p == 'R' ? place->root
			                          : place->truststore);
		} else {
			buf_putc(out, *p);
		}
	}
}

void advice_bypass(const char *program, const struct advice_place *place, struct buf *out)
{
	const struct advice *advice = find(program);

	put(out,
	    advice == &advices[0] && place->preloaded ? bypass_preloaded : advice->bypass,
	    place);
}

void advice_reject(const char *program, const struct advice_place *place, struct buf *out)
{
	put(out, find(program)->reject, place);
}

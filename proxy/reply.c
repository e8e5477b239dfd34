/* SPDX-License-Identifier: MIT */
#include "proxy/reply.h"

#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 405, "Method Not Allowed" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

const char *reply_reason(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status) {
			return reasons[i].reason;
		}
	}
	return "Error";
}

void reply_put_error(struct evbuffer *out, int status, const char *code,
    const char *message, const char *extra, bool bodiless)
{
	struct buf body = { 0 };

	buf_puts(&body, "{\"error\":{\"code\":");
	json_put_string(&body, slice_of(code));
	buf_puts(&body, ",\"message\":");
	json_put_string(&body, slice_of(message));
	buf_puts(&body, "},\"proxy\":\"waybill\"}\n");
	(void)evbuffer_add_printf(out,
	    "HTTP/1.1 %d %s\r\n"
	    "Content-Type: application/json\r\n"
	    "Content-Length: %zu\r\n"
	    "X-Waybill-Error: %s\r\n"
	    "Proxy-Status: waybill; details=\"%s\"\r\n"
	    "%s\r\n",
	    status, reply_reason(status), body.len, code, code, extra);
	if (!bodiless) {
		(void)evbuffer_add(out, body.ptr ? body.ptr : "", body.len);
	}
	buf_finish(&body);
}

void reply_retry_after(int64_t wait_ns, char ret_line[REPLY_RETRY_AFTER_BYTES])
{
	int64_t seconds = wait_ns / 1000000000 + (wait_ns % 1000000000 != 0);

	ret_line[0] = '\0';
	if (seconds > 0) {
		(void)snprintf(ret_line, REPLY_RETRY_AFTER_BYTES,
		    "Retry-After: %" PRId64 "\r\n", seconds);
	}
}

void reply_put_help(struct evbuffer *out, bool bodiless)
{
	static const char help[] =
	    "This is waybill, a forward proxy that records calls to APIs; it is not a web server.\n"
	    "Point a service here with HTTPS_PROXY=http://HOST:PORT and let it trust the\n"
	    "certificate that `waybill ca export` prints, for example:\n"
	    "  curl -x http://HOST:PORT --cacert var/ca/root.pem https://api.resend.com/emails\n"
	    "Rows are shown by `waybill tail`.\n";

	(void)evbuffer_add_printf(out,
	    "HTTP/1.1 400 Bad Request\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Length: %zu\r\n"
	    "X-Waybill-Error: NOT_A_WEB_SERVER\r\n"
	    "Connection: close\r\n\r\n%s",
	    sizeof(help) - 1, bodiless ? "" : help);
}

/* SPDX-License-Identifier: MIT */
/*
 * reply: the answers that waybill makes itself. Each carries X-Waybill-Error, so that a
 * client can tell them from the API's, a short JSON body, a Content-Length and
 * Connection: close.
 */
#ifndef PROXY_REPLY_H
#define PROXY_REPLY_H

#include "base/slice.h"

#include <event2/buffer.h>
#include <stdbool.h>
#include <stdint.h>

/* The standard reason phrase of a status that waybill uses (RFC 9110 15). */
const char *reply_reason(int status);

/* Appends a whole error answer. bodiless: the answer to a HEAD. extra: more header lines,
 * or "". */
void reply_put_error(struct evbuffer *out, int status, const char *code,
    const char *message, const char *extra, bool bodiless);

/* The header line of an answer that may be asked for again after so many ns (RFC 9110
 * 10.2.3), "" for 0. */
enum { REPLY_RETRY_AFTER_BYTES = 40 };

void reply_retry_after(int64_t wait_ns, char ret_line[REPLY_RETRY_AFTER_BYTES]);

/* Appends the answer to someone who took the proxy port for a web server. */
void reply_put_help(struct evbuffer *out, bool bodiless);

/* The answer to a CONNECT that is granted: exactly this, in one write (clients.md 2). */
#define REPLY_ESTABLISHED "HTTP/1.1 200 Connection established\r\n\r\n"

#endif

/* SPDX-License-Identifier: MIT */
/*
 * guard: whether a request is meant for us at all. Asked before anything is routed, so
 * that no page of another origin reaches anything here, by DNS rebinding or otherwise.
 *
 * Pure; immutable once made.
 */
#ifndef DASHBOARD_GUARD_H
#define DASHBOARD_GUARD_H

#include "base/buf.h"
#include "base/err.h"

struct guard {
	struct buf hosts; /* "name:port\n" each, lower-case */
	struct buf names; /* those of admin.hosts: behind them there may be a TLS proxy */
};

/*
 * Allows the address, localhost, 127.0.0.1 and [::1] with the port, and each of names
 * (NAME or NAME:PORT; without one both our port and none are fine).
 */
MUST_CHECK int guard_init(struct guard *guard, const char *host, int port,
    const char *const *names, size_t name_count);

void guard_finish(struct guard *guard);

/* What the guard looks at. Fields that are not there have ptr NULL. */
struct guard_request {
	const char *method;
	struct slice target; /* as it came: path and query */
	struct slice host;
	struct slice origin;
	struct slice fetch_site; /* Sec-Fetch-Site, and so on */
	struct slice fetch_mode;
	struct slice fetch_dest;
	bool repeated;     /* one of the fields above came twice */
	bool framed_twice; /* Content-Length and Transfer-Encoding */
};

struct guard_verdict {
	int status; /* 0: let it in */
	const char *code;
	const char *message;
};

/* Fills path with the decoded path and *ret_query when it lets the request in. */
struct guard_verdict guard_check(const struct guard *guard,
    const struct guard_request *request, struct buf *path, struct slice *ret_query);

#endif

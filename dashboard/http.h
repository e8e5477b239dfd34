/* SPDX-License-Identifier: MIT */
/*
 * http: a request to the admin port and the answer to it, without the library that speaks
 * HTTP (dashboard/server.c is the only file that knows it).
 *
 * Each request is handled on a thread of its own, which may wait for a database.
 */
#ifndef DASHBOARD_HTTP_H
#define DASHBOARD_HTTP_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct admin;

/* Whose key came with the request. As the database roles of the same names. */
enum role {
	ROLE_ANON,          /* none, or a wrong one */
	ROLE_AUTHENTICATED, /* may read */
	ROLE_SERVICE,       /* service_role: may read and write */
};

/* Borrowed until the handler returns, and until the stream is closed. */
struct request {
	struct admin *admin;
	const char *method; /* "GET", … */
	struct slice path;  /* percent-decoded once; begins with a slash */
	struct slice query; /* as it came, without the question mark */
	struct slice body;
	enum role role;
	bool by_cookie; /* the role came from the page's cookie: reading only */
	void *connection;
};

/* The field's value without blanks around it; ptr NULL: there is none. Names are
 * case-insensitive. */
struct slice request_header(const struct request *request, const char *name);

/*
 * A body made while it is sent (CSV, Server-Sent Events). next appends some bytes to out;
 * it may wait, at most a second. Returns 1: go on, 0: that was the end, negative: cut the
 * connection. close is called once, also when the client went away.
 */
struct reply_stream {
	int (*next)(void *arg, struct buf *out);
	void (*close)(void *arg);
	void *arg;
};

struct reply_header {
	char *name;
	char *value;
};

/* Zeroed: 200, no fields, no body. All of it belongs to the reply. */
struct reply {
	int status; /* 0: 200 */
	struct reply_header *header;
	size_t header_count;
	struct buf body;
	struct reply_stream stream; /* next NULL: body is the body */
};

/* Adds a field. Control characters in the value become spaces. */
void reply_header(struct reply *reply, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Answers {"error":{"code":…,"message":…}}; nothing may be in the body yet. */
void reply_error(struct reply *reply, int status, const char *code, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

/* Frees what the reply holds but for its stream, which ends with the connection. */
void reply_finish(struct reply *reply);

/* Handles what the path stands for. role and Host and Origin are checked already. A body
 * without a Content-Type is JSON. */
typedef void (*handler)(const struct request *request, struct reply *reply);

/* A parameter of a query string (application/x-www-form-urlencoded), decoded into out.
 * False: it is not there. */
bool query_value(struct slice query, const char *name, struct buf *out);

/*
 * Steps through a query string: *rest starts as the query and shrinks. name and value are
 * decoded, and replaced. Returns false at its end.
 */
bool query_next(struct slice *rest, struct buf *name, struct buf *value);

#endif

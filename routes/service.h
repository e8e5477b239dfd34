/* SPDX-License-Identifier: MIT */
/*
 * service: what one service file says, compiled. Immutable; lives as long as its route
 * table.
 *
 * Text in here is NUL-terminated and owned by the table.
 */
#ifndef ROUTES_SERVICE_H
#define ROUTES_SERVICE_H

#include "base/pattern.h"
#include "base/pins.h"
#include "base/rate.h"
#include "base/slice.h"

#include <stdatomic.h>
#include <stdint.h>

/*
 * An RFC 6901 JSON Pointer, unescaped, with two extensions: the token "*" stands for any
 * one member or element, and a last token "**" for the first non-empty string below,
 * depth first. It is put to a payload as the row stores it: a form, a multipart body and
 * a query are objects of their fields too.
 */
struct pointer {
	const char *text; /* as written */
	const struct slice *tokens;
	size_t count;    /* of tokens, without a last "**" */
	bool first_text; /* ended in "**" */
};

struct pointers {
	const struct pointer *item;
	size_t count;
};

struct names {
	const char *const *item;
	size_t count;
};

struct patterns {
	const struct pattern *const *item;
	size_t count;
};

enum test_op {
	TEST_EQUALS, /* a scalar is there and its text is value ("0" is 0 and "0", "true"
	                is true) */
	TEST_NOT_EQUALS, /* no scalar with that text is there */
	TEST_EMPTY,      /* absent, null, "", [] or {} */
	TEST_NOT_EMPTY,
	TEST_PRESENT, /* any value but null */
	TEST_ABSENT,  /* nothing, or null */
};

struct body_test {
	struct pointer at; /* in the response payload */
	enum test_op op;
	const char *value; /* EQUALS and NOT_EQUALS, else NULL */
};

struct status_range {
	int low, high; /* both included */
};

/* Holds when the status is in one of the ranges (none: any) and every test holds. */
struct verdict_rule {
	const struct status_range *status;
	size_t status_count;
	bool needs_json; /* an answered body that is not JSON fails; 204, 205, 304 and
	                    HEAD have none and pass */
	const struct body_test *test;
	size_t test_count;
};

/* How an answered call is judged. Order: pending, success, else failed. */
struct judge {
	struct verdict_rule success;
	const struct verdict_rule *pending; /* any that holds makes it pending */
	size_t pending_count;
	struct pointers
	    partial; /* non-empty there: part of a batch was refused, so it failed */
	struct pointers code;    /* first that finds a scalar */
	struct pointers message; /* first that finds a non-empty string */
};

/* Where credentials stand. Found values are masked wherever else they occur in the call.
 */
struct secret_places {
	struct names headers;     /* beside Authorization, Cookie and their kin */
	struct names query;       /* any case; beside the key list */
	struct names path;        /* {names} of path segments */
	struct pointers request;  /* in the request payload */
	struct pointers response; /* in the response payload */
	struct patterns patterns; /* in any text of the call */
};

enum entity_source { ENTITY_HEADER, ENTITY_QUERY, ENTITY_PATH, ENTITY_REQUEST };

/* Where an application of ours can have put one of its own UUIDs. Tried in order. */
struct entity_selector {
	enum entity_source source;
	const char *name;  /* header, query field or path segment; NULL for a payload */
	struct pointer at; /* ENTITY_REQUEST: the value */
	struct pointer
	    where; /* its sibling under the same "*" … (count 0: no condition) */
	const char *where_value; /* … must have this text */
	const struct pattern
	    *match;       /* NULL: the whole value is the UUID; else groups type and id */
	const char *type; /* NULL when the group gives it */
};

struct entity_selectors {
	const struct entity_selector *item;
	size_t count;
};

/* What of a route's limits is in use. Any thread; the one thing in here that changes. */
struct route_use {
	_Atomic int64_t calls; /* at present */
	struct rate rate;
};

/* Everything that is decided by where a call goes. A service has one for its unmatched
 * calls. */
struct route {
	const char *action;  /* template: "send_email", "telegram_{method}" */
	const char *pattern; /* as written; NULL for the service's own */
	size_t order;        /* in its file, from 0 */
	int line;            /* in its file */
	bool retry;          /* false: attempts are never chained */
	bool long_poll;      /* left out of latency figures, alerts and chains */
	bool
	    record_empty; /* record: all; a long poll with an empty result is a row too */
	int64_t calls_max;      /* at a time; 0: any number */
	struct rate_limit rate; /* of calls */
	struct route_use *use;  /* of both, for all paths of one entry; NULL: no limits */
	const struct body_test
	    *empty; /* what an empty long poll looks like; NULL: none is */
	const struct judge *judge;
	const struct secret_places *secrets;
	const struct entity_selectors *entities;
};

struct service {
	const char *name;
	const char *file;
	const char *const *hosts; /* "api.resend.com" or "*.amocrm.ru", lower-case */
	size_t host_count;
	struct pins pins;   /* keys of its hosts; none: any that is trusted */
	bool ignore_case;   /* paths are matched in any case */
	struct route other; /* action "other" or the file's own fallback */
	const struct route *routes;
	size_t route_count;
	const void *index; /* private to routes/ */
};

#endif

/* SPDX-License-Identifier: MIT */
/*
 * dispatch: which handler a path belongs to, and who may ask it.
 */
#include "dashboard/admin_private.h"
#include "dashboard/handlers.h"
#include "dashboard/rest.h"
#include "dashboard/session.h"
#include "dashboard/static.h"

enum access {
	ACCESS_ANYONE, /* nothing secret, or the handler looks itself */
	ACCESS_READ,   /* one of the keys, or the page's cookie */
};

struct route {
	const char *path;    /* with a slash at its end: and all below it */
	const char *methods; /* with blanks between; GET means HEAD as well */
	enum access access;
	handler handle;
};

/* The first that fits. What is none of these is one of the page's files. */
static const struct route routes[] = {
	{ "/healthz", "GET", ACCESS_ANYONE, health_live },
	{ "/readyz", "GET", ACCESS_ANYONE, health_ready },
	{ "/metrics", "GET", ACCESS_ANYONE, metrics_handle },
	{ "/session", "GET POST DELETE", ACCESS_ANYONE, session_handle },
	{ "/api/overview", "GET", ACCESS_READ, overview_handle },
	{ "/rest/v1/", "GET POST PATCH PUT DELETE OPTIONS", ACCESS_ANYONE, rest_handle },
	{ "/api/setup", "GET", ACCESS_READ, setup_handle },
	{ "/api/coverage", "GET", ACCESS_READ, coverage_handle },
	{ "/api/facets", "GET", ACCESS_READ, facets_handle },
	{ "/api/chain", "GET", ACCESS_READ, chain_handle },
	{ "/api/live", "GET", ACCESS_READ, live_handle },
	{ "/api/export.csv", "GET", ACCESS_READ, export_handle },
};

static const struct route files = { "/", "GET", ACCESS_ANYONE, static_handle };

static const struct route *find(struct slice path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		struct slice own = slice_of(routes[i].path);

		if (slice_eq(path, own) ||
		    (own.ptr[own.len - 1] == '/' && slice_starts(path, own))) {
			return &routes[i];
		}
	}
	return &files;
}

static bool allows(const struct route *route, const char *method)
{
	struct slice rest = slice_of(route->methods);
	struct slice wanted =
	    strcmp(method, "HEAD") == 0 ? SLICE("GET") : slice_of(method);

	while (rest.len > 0) {
		if (slice_eq(slice_cut(&rest, ' '), wanted)) {
			return true;
		}
	}
	return false;
}

/* A cookie reads, and ends itself; all else takes a key in a field of its own, which no
 * other page can add (W3). */
static bool is_beyond_cookie(const struct request *request, const struct route *route)
{
	return request->by_cookie && strcmp(request->method, "GET") != 0 &&
	       strcmp(request->method, "HEAD") != 0 && route->handle != session_handle &&
	       route->handle != rest_handle; /* which says so in its own form */
}

void dispatch(const struct request *request, struct reply *reply)
{
	const struct route *route = find(request->path);
	bool told_to_the_end = route->handle == health_live ||
	                       route->handle == health_ready ||
	                       route->handle == metrics_handle;

	if (!allows(route, request->method)) {
		if (route == &files && !static_find(request->path)) {
			static_handle(request, reply); /* says that there is nothing */
			return;
		}
		reply_header(reply, "Allow", "%s", route->methods);
		reply_error(reply, 405, "METHOD_NOT_ALLOWED", "this path takes %s",
		    route->methods);
	} else if (route->access == ACCESS_READ && request->role == ROLE_ANON) {
		reply_header(reply, "WWW-Authenticate", "Bearer");
		reply_error(reply, 401, "KEY_REFUSED",
		    "this needs one of the keys in state_dir/keys, as Authorization: Bearer "
		    "KEY, or the page's session");
	} else if (is_beyond_cookie(request, route)) {
		reply_error(reply, 403, "COOKIE_READS_ONLY",
		    "the page's session reads only; writing takes the service_role key");
	} else if (admin_is_stopping(request->admin) && !told_to_the_end) {
		reply_error(reply, 503, "STOPPING", "waybill is about to end");
	} else {
		route->handle(request, reply);
	}
}

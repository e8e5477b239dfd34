/* SPDX-License-Identifier: MIT */
#include "dashboard/rest.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "dashboard/admin.h"
#include "dashboard/rest_private.h"

enum verb {
	VERB_GET,
	VERB_HEAD,
	VERB_POST,
	VERB_PATCH,
	VERB_DELETE,
	VERB_PUT,
	VERB_OPTIONS
};

#define TABLE_METHODS "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"
#define VIEW_METHODS  "OPTIONS,GET,HEAD"

static bool find_verb(struct rest_call *call, enum verb *ret_verb)
{
	static const char *const names[] = {
		[VERB_GET] = "GET",
		[VERB_HEAD] = "HEAD",
		[VERB_POST] = "POST",
		[VERB_PATCH] = "PATCH",
		[VERB_DELETE] = "DELETE",
		[VERB_PUT] = "PUT",
		[VERB_OPTIONS] = "OPTIONS",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(call->request->method, names[i]) == 0) {
			*ret_verb = (enum verb)i;
			return true;
		}
	}
	return rest_fail(&call->error, 405, "PGRST117", "Unsupported HTTP method: %.20s",
	    call->request->method);
}

/* No key, or a wrong one. */
static bool refuse_stranger(struct rest_call *call)
{
	bool has_key = request_header(call->request, "apikey").len > 0 ||
	               request_header(call->request, "Authorization").len > 0;

	return has_key ? rest_fail(&call->error, 401, "PGRST301",
	                     "The key is wrong; the right ones are in state_dir/keys")
	               : rest_fail(&call->error, 401, "PGRST302",
	                     "Anonymous access is disabled: send one of the keys of "
	                     "state_dir/keys as apikey or as Authorization: Bearer KEY");
}

/* Accept-Profile and Content-Profile: the one schema there is. */
static bool check_schema(struct rest_call *call)
{
	static const char *const fields[] = { "Accept-Profile", "Content-Profile" };

	for (size_t i = 0; i < 2; i++) {
		struct slice schema = request_header(call->request, fields[i]);

		if (schema.len > 0 && !slice_eq(schema, SLICE("public"))) {
			(void)rest_fail(&call->error, 406, "PGRST106",
			    "Invalid schema: %.*s",
			    (int)(schema.len < 100 ? schema.len : 100), schema.ptr);
			(void)snprintf(call->error.hint, sizeof(call->error.hint),
			    "Only the following schemas are exposed: public");
			return false;
		}
	}
	return true;
}

static bool may_write(const struct rest_call *call)
{
	return call->request->role == ROLE_SERVICE && !call->request->by_cookie;
}

static bool answer_table(
    struct rest_call *call, const struct rest_table *table, enum verb verb)
{
	if (verb == VERB_OPTIONS) {
		reply_header(call->reply, "Allow", "%s",
		    table->is_writable ? TABLE_METHODS : VIEW_METHODS);
		return true;
	}
	if (verb != VERB_GET && verb != VERB_HEAD &&
	    (!table->is_writable || !may_write(call))) {
		return rest_fail(&call->error, 403, "42501",
		    "permission denied for %s %s", table->kind, table->name);
	}
	if (!rest_parse(
	        &call->arena, table, call->request->query, &call->query, &call->error)) {
		return false;
	}
	switch (verb) {
	case VERB_POST:
	case VERB_PUT:
		return rest_insert(call, verb == VERB_PUT);
	case VERB_PATCH:
	case VERB_DELETE:
		return rest_change(call, verb == VERB_DELETE);
	default:
		return rest_read(call);
	}
}

/* Without arguments: neither in the query string nor in the body. */
static bool has_arguments(const struct rest_call *call)
{
	struct slice body = call->request->body;

	for (size_t i = 0; i < body.len; i++) {
		if (!memchr(" \t\r\n{}", body.ptr[i], 6)) {
			return true;
		}
	}
	return false;
}

static bool answer_function(struct rest_call *call, struct slice name, enum verb verb)
{
	bool is_cleanup = slice_eq(name, SLICE(REST_CLEANUP));

	if (verb == VERB_OPTIONS && is_cleanup) {
		reply_header(call->reply, "Allow", "OPTIONS,POST");
		return true;
	}
	if (verb != VERB_GET && verb != VERB_HEAD && verb != VERB_POST) {
		reply_header(call->reply, "Allow", "OPTIONS,POST");
		return rest_fail(&call->error, 405, "PGRST101",
		    "Cannot use the %.20s method on RPC", call->request->method);
	}
	if (!is_cleanup || has_arguments(call)) {
		(void)rest_fail(&call->error, 404, "PGRST202",
		    "Could not find the function public.%.*s%s in the schema cache",
		    (int)(name.len < 100 ? name.len : 100), name.ptr,
		    is_cleanup ? " with these parameters" : "");
		return rest_details(&call->error,
		    "The only function is public." REST_CLEANUP " without parameters.");
	}
	if (!may_write(call)) {
		return rest_fail(&call->error, 403, "42501",
		    "permission denied for function " REST_CLEANUP);
	}
	if (verb != VERB_POST) { /* PostgREST calls it in a read-only transaction */
		reply_header(call->reply, "Allow", "OPTIONS,POST");
		return rest_fail(&call->error, 405, "25006",
		    "cannot execute DELETE in a read-only transaction");
	}
	return rest_cleanup(call);
}

static bool answer(struct rest_call *call)
{
	struct slice name = call->request->path;
	struct slice prefix = SLICE(REST_PREFIX);
	struct slice function = SLICE("rpc/");
	const struct rest_table *table;
	enum verb verb = VERB_GET;

	if (!slice_starts(name, prefix) || name.len == prefix.len) {
		return rest_fail(
		    &call->error, 404, "PGRST126", "Root endpoint metadata is disabled");
	}
	name.ptr += prefix.len;
	name.len -= prefix.len;
	if (!find_verb(call, &verb)) {
		return false;
	}
	if (call->request->role == ROLE_ANON) {
		return refuse_stranger(call);
	}
	if (!check_schema(call) || !rest_read_prefer(call) || !rest_read_accept(call)) {
		return false;
	}
	if (slice_starts(name, function)) {
		name.ptr += function.len;
		name.len -= function.len;
		return answer_function(call, name, verb);
	}
	table = rest_table_find(name);
	return table ? answer_table(call, table, verb)
	             : rest_fail(&call->error, 404, "PGRST205",
	                   "Could not find the table 'public.%.*s' in the schema cache",
	                   (int)(name.len < 100 ? name.len : 100), name.ptr);
}

void rest_answer(
    struct ask_pool *pool, const struct request *request, struct reply *reply)
{
	struct rest_call call = { .request = request, .reply = reply, .pool = pool };
	bool good = answer(&call);

	if (good && call.arena.failed) {
		good = rest_fail_memory(&call.error);
	}
	if (good && call.prefer.applied.len > 0) {
		reply_header(reply, "Preference-Applied", "%.*s",
		    SLICE_ARG(buf_slice(&call.prefer.applied)));
	}
	if (!good) {
		rest_give_error(&call);
	}
	buf_finish(&call.out);
	buf_finish(&call.prefer.applied);
	rest_arena_finish(&call.arena);
}

void rest_handle(const struct request *request, struct reply *reply)
{
	rest_answer(admin_rows(request->admin), request, reply);
}

/* SPDX-License-Identifier: MIT */
/*
 * server: HTTP, by libmicrohttpd. The only file that knows it.
 *
 * Thread: one for each connection, made by the library. What a request is refused for
 * before its body is read: guard.c.
 */
#include "base/clock.h"
#include "base/log.h"
#include "dashboard/admin_private.h"
#include "dashboard/session.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* The library has looked at every connection that it was given so long ago. */
#define RECOUNT_NS INT64_C(10000000000)

enum {
	CONNECTIONS_MAX = 64,
	IDLE_S = 30,                   /* a peer that neither sends nor takes anything */
	HEAD_MAX = 64 * 1024,          /* what the library may keep for a connection */
	BODY_MAX = 16 * 1024 * 1024,   /* many rows in one POST */
	BODY_UNREAD_MAX = 1024 * 1024, /* thrown away, so that the refusal is seen */
	STREAM_BLOCK = 32 * 1024,
};

struct server {
	struct admin *admin;
	struct MHD_Daemon *daemon;
	atomic_int connections; /* given to the library and not closed yet */
	int64_t mono_added_ns;  /* the last one */
};

enum field {
	FIELD_HOST,
	FIELD_ORIGIN,
	FIELD_FETCH_SITE,
	FIELD_FETCH_MODE,
	FIELD_FETCH_DEST,
	FIELD_AUTHORIZATION,
	FIELD_APIKEY,
	FIELD_CONTENT_LENGTH,
	FIELD_TRANSFER_ENCODING,
	FIELD_COOKIE, /* may come more than once; the first is looked at */
	FIELD_COUNT
};

static const struct slice field_names[FIELD_COUNT] = {
	[FIELD_HOST] = { "Host", 4 },
	[FIELD_ORIGIN] = { "Origin", 6 },
	[FIELD_FETCH_SITE] = { "Sec-Fetch-Site", 14 },
	[FIELD_FETCH_MODE] = { "Sec-Fetch-Mode", 14 },
	[FIELD_FETCH_DEST] = { "Sec-Fetch-Dest", 14 },
	[FIELD_AUTHORIZATION] = { "Authorization", 13 },
	[FIELD_APIKEY] = { "apikey", 6 },
	[FIELD_CONTENT_LENGTH] = { "Content-Length", 14 },
	[FIELD_TRANSFER_ENCODING] = { "Transfer-Encoding", 17 },
	[FIELD_COOKIE] = { "Cookie", 6 },
};

/* One request, from its first line until its answer is sent. */
struct exchange {
	struct request request;
	struct MHD_Connection *connection;
	char *target;    /* owned; the path and query as they came */
	struct buf path; /* decoded */
	struct buf body;
	struct slice field[FIELD_COUNT];
	bool repeated; /* one of them came twice */
	bool begun;    /* the head was looked at */
	bool too_long;
	bool completed;
	bool streaming; /* the stream is not closed yet */
	struct reply_stream stream;
	struct buf pending; /* of the stream: not yet taken by the library */
	size_t taken;
};

static const struct {
	const char *name;
	const char *value;
} always[] = {
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Content-Security-Policy",
	    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
	    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors "
	    "'none'" },
};

static void free_exchange(struct exchange *exchange)
{
	if (exchange->completed && !exchange->streaming) {
		free(exchange->target);
		buf_finish(&exchange->path);
		buf_finish(&exchange->body);
		buf_finish(&exchange->pending);
		free(exchange);
	}
}

struct slice request_header(const struct request *request, const char *name)
{
	struct exchange *exchange = request->connection;

	return slice_trim(slice_of(
	    MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name)));
}

/* The first line is there: MHD_OPTION_URI_LOG_CALLBACK. */
static void *on_target(void *arg, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange) {
		return NULL;
	}
	exchange->request.admin = ((struct server *)arg)->admin;
	exchange->request.connection = exchange;
	exchange->connection = connection;
	exchange->target = strdup(uri);
	return exchange;
}

/* The path is decoded by the guard, once; the library is to leave it alone. */
static size_t on_unescape(void *arg, struct MHD_Connection *connection, char *text)
{
	(void)arg;
	(void)connection;
	return strlen(text);
}

static enum MHD_Result on_field(void *arg, enum MHD_ValueKind kind, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
	struct exchange *exchange = arg;

	(void)kind;
	for (int i = 0; i < FIELD_COUNT; i++) {
		if (!slice_ieq((struct slice){ name, name_len }, field_names[i])) {
			continue;
		}
		if (exchange->field[i].ptr) {
			exchange->repeated = exchange->repeated || i != FIELD_COOKIE;
		} else {
			exchange->field[i] =
			    slice_trim((struct slice){ value ? value : "", value_len });
		}
	}
	return MHD_YES;
}

static enum role key_role(const struct exchange *exchange)
{
	const struct keys *keys = &exchange->request.admin->keys;
	struct slice apikey = exchange->field[FIELD_APIKEY];
	struct slice bearer = exchange->field[FIELD_AUTHORIZATION];
	enum role role = ROLE_ANON;

	if (apikey.ptr) {
		role = keys_role(keys, apikey);
	}
	if (!bearer.ptr || (apikey.ptr && role == ROLE_ANON)) {
		return role;
	}
	/* as in PostgREST behind a gateway: the gateway looks at apikey, and the role is
	 * that of the bearer */
	return slice_istarts(bearer, SLICE("Bearer "))
	           ? keys_role(keys,
	                 slice_trim((struct slice){ bearer.ptr + 7, bearer.len - 7 }))
	           : ROLE_ANON;
}

static void find_role(struct exchange *exchange)
{
	struct request *request = &exchange->request;

	if (exchange->field[FIELD_APIKEY].ptr ||
	    exchange->field[FIELD_AUTHORIZATION].ptr) {
		request->role = key_role(exchange);
	} else if (sessions_valid(request->admin->sessions, exchange->field[FIELD_COOKIE],
	               wall_us())) {
		request->role = ROLE_AUTHENTICATED;
		request->by_cookie = true;
	}
}

static void on_stream_closed(void *arg)
{
	struct exchange *exchange = arg;

	if (exchange->stream.close) {
		exchange->stream.close(exchange->stream.arg);
	}
	exchange->streaming = false;
	free_exchange(exchange);
}

static ssize_t on_stream(void *arg, uint64_t at, char *out, size_t room)
{
	struct exchange *exchange = arg;
	struct buf *pending = &exchange->pending;
	size_t len;

	(void)at;
	if (exchange->taken == pending->len) {
		int more = 1;

		buf_truncate(pending, 0);
		exchange->taken = 0;
		while (more > 0 && pending->len == 0 &&
		       !admin_is_stopping(exchange->request.admin)) {
			more = exchange->stream.next(exchange->stream.arg, pending);
		}
		if (more < 0 || pending->failed || (more > 0 && pending->len == 0)) {
			return MHD_CONTENT_READER_END_WITH_ERROR;
		}
		if (pending->len == 0) {
			return MHD_CONTENT_READER_END_OF_STREAM;
		}
	}
	len = pending->len - exchange->taken;
	len = len < room ? len : room;
	memcpy(out, pending->ptr + exchange->taken, len);
	exchange->taken += len;
	return (ssize_t)len;
}

/* Takes the body or the stream of the reply. NULL: no memory. */
static struct MHD_Response *make_response(struct exchange *exchange, struct reply *reply)
{
	struct MHD_Response *response;

	if (reply->stream.next) {
		exchange->stream = reply->stream;
		exchange->streaming = true;
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
		    STREAM_BLOCK, on_stream, exchange, on_stream_closed);
		if (!response) {
			on_stream_closed(exchange); /* not completed: it stays */
		}
		return response;
	}
	response = MHD_create_response_from_buffer_with_free_callback(
	    reply->body.len, reply->body.ptr, free);
	if (response) {
		reply->body = (struct buf){ 0 };
	}
	return response;
}

static void add_fields(
    struct MHD_Response *response, const struct reply *reply, bool body)
{
	bool cache = false;
	bool type = !body;

	for (size_t i = 0; i < reply->header_count; i++) {
		const struct reply_header *field = &reply->header[i];

		cache = cache || strcasecmp(field->name, "Cache-Control") == 0;
		type = type || strcasecmp(field->name, "Content-Type") == 0;
		(void)MHD_add_response_header(response, field->name, field->value);
	}
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		(void)MHD_add_response_header(response, always[i].name, always[i].value);
	}
	if (!cache) {
		(void)MHD_add_response_header(response, "Cache-Control", "no-store");
	}
	if (!type) {
		(void)MHD_add_response_header(
		    response, "Content-Type", "application/json; charset=utf-8");
	}
}

/* Sends the reply and finishes it. */
static enum MHD_Result answer(struct exchange *exchange, struct reply *reply)
{
	bool body = reply->body.len > 0 || reply->stream.next;
	unsigned status = reply->status ? (unsigned)reply->status : MHD_HTTP_OK;
	enum MHD_Result sent = MHD_NO;
	struct MHD_Response *response = NULL;

	if (reply->body.failed) {
		if (reply->stream.close) {
			reply->stream.close(reply->stream.arg);
		}
		reply_finish(reply);
		return MHD_NO; /* no memory: the connection is cut */
	}
	response = make_response(exchange, reply);
	if (response) {
		add_fields(response, reply, body);
		sent = MHD_queue_response(exchange->connection, status, response);
		MHD_destroy_response(response);
	}
	reply_finish(reply);
	return sent;
}

static enum MHD_Result refuse(
    struct exchange *exchange, int status, const char *code, const char *message)
{
	struct reply reply = { 0 };

	reply_error(&reply, status, code, "%s", message);
	return answer(exchange, &reply);
}

static bool announces_more_than(const struct exchange *exchange, long long max)
{
	struct slice length = exchange->field[FIELD_CONTENT_LENGTH];
	long long n = 0;

	for (size_t i = 0; i < length.len; i++) {
		n = n <= max ? n * 10 + (length.ptr[i] - '0') : n;
	}
	return n > max;
}

/* The head is whole, the body is not read yet. */
static enum MHD_Result begin(struct exchange *exchange, const char *method)
{
	struct request *request = &exchange->request;
	struct guard_request asked = { .method = method };
	struct guard_verdict verdict;

	exchange->begun = true;
	request->method = method;
	(void)MHD_get_connection_values_n(
	    exchange->connection, MHD_HEADER_KIND, on_field, exchange);
	asked.target = slice_of(exchange->target);
	asked.host = exchange->field[FIELD_HOST];
	asked.origin = exchange->field[FIELD_ORIGIN];
	asked.fetch_site = exchange->field[FIELD_FETCH_SITE];
	asked.fetch_mode = exchange->field[FIELD_FETCH_MODE];
	asked.fetch_dest = exchange->field[FIELD_FETCH_DEST];
	asked.repeated = exchange->repeated;
	asked.framed_twice = exchange->field[FIELD_CONTENT_LENGTH].ptr &&
	                     exchange->field[FIELD_TRANSFER_ENCODING].ptr;
	verdict =
	    guard_check(&request->admin->guard, &asked, &exchange->path, &request->query);
	if (verdict.status != 0) {
		return refuse(exchange, verdict.status, verdict.code, verdict.message);
	}
	request->path = buf_slice(&exchange->path);
	find_role(exchange);
	if (announces_more_than(
	        exchange, request->role == ROLE_ANON ? BODY_UNREAD_MAX : BODY_MAX)) {
		return refuse(exchange, 413, "BODY_TOO_LONG",
		    "at most 16 MiB in one request, and 1 MiB without a key");
	}
	return MHD_YES;
}

/* Only those who may come in make us keep anything. */
static enum MHD_Result take_body(struct exchange *exchange, const char *data, size_t len)
{
	struct buf *body = &exchange->body;
	bool known = exchange->request.role != ROLE_ANON;

	exchange->too_long = exchange->too_long || body->len + len > BODY_MAX;
	if (known && !exchange->too_long) {
		buf_put(body, data, len);
	}
	return MHD_YES;
}

static enum MHD_Result finish(struct exchange *exchange)
{
	struct reply reply = { 0 };

	if (exchange->too_long) {
		return refuse(
		    exchange, 413, "BODY_TOO_LONG", "at most 16 MiB in one request");
	}
	if (exchange->body.failed) {
		return MHD_NO;
	}
	exchange->request.body = buf_slice(&exchange->body);
	dispatch(&exchange->request, &reply);
	return answer(exchange, &reply);
}

/* Called with the head, with each piece of the body, and once more at its end. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version, const char *data,
    size_t *data_len, void **state)
{
	struct exchange *exchange = *state;

	(void)arg;
	(void)connection;
	(void)url;
	(void)version;
	if (!exchange || !exchange->target) {
		return MHD_NO; /* no memory */
	}
	if (!exchange->begun) {
		return begin(exchange, method);
	}
	if (*data_len > 0) {
		size_t len = *data_len;

		*data_len = 0;
		return take_body(exchange, data, len);
	}
	return finish(exchange);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *state;

	(void)arg;
	(void)connection;
	(void)code;
	*state = NULL;
	if (exchange) {
		exchange->completed = true;
		free_exchange(exchange);
	}
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **state,
    enum MHD_ConnectionNotificationCode code)
{
	struct server *server = arg;

	(void)connection;
	(void)state;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		atomic_fetch_sub(&server->connections, 1);
	}
}

/* Is there room for one more? A connection for which the library had no memory or no
 * thread ends without a word: once it has looked at all it was given, its own count is
 * right. */
static bool has_room(struct server *server)
{
	const union MHD_DaemonInfo *info;

	if (atomic_load(&server->connections) < CONNECTIONS_MAX) {
		return true;
	}
	info =
	    mono_ns() - server->mono_added_ns > RECOUNT_NS
	        ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
	        : NULL;
	if (!info) {
		return false;
	}
	atomic_store(&server->connections, (int)info->num_connections);
	return info->num_connections < CONNECTIONS_MAX;
}

int server_start(struct admin *admin, struct server **ret_server, struct err *err)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server) {
		return err_set(err, ENOMEM, "out of memory");
	}
	server->admin = admin;
	/* admin.c accepts: the library would spin where there are no descriptors */
	server->daemon = MHD_start_daemon(
	    MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
	        MHD_USE_POLL | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET,
	    0, NULL, NULL, on_request, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
	    NULL, MHD_OPTION_URI_LOG_CALLBACK, on_target, server,
	    MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL, MHD_OPTION_NOTIFY_CONNECTION,
	    on_connection, server, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)(2 * CONNECTIONS_MAX), MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX,
	    MHD_OPTION_END);
	if (!server->daemon) {
		int error = errno;

		free(server);
		return err_set(err, error ? error : EIO,
		    "the HTTP server does not start: %s",
		    error ? strerror(error) : "no reason given");
	}
	*ret_server = server;
	return 0;
}

void server_add(struct server *server, int fd)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
	                           "Connection: close\r\nContent-Length: 0\r\n\r\n";
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof(peer);

	if (!has_room(server)) {
		(void)send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		(void)close(fd);
		return;
	}
	if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0) {
		(void)close(fd); /* it is gone already */
		return;
	}
	atomic_fetch_add(&server->connections, 1);
	server->mono_added_ns = mono_ns();
	(void)MHD_add_connection(server->daemon, fd, (struct sockaddr *)&peer, len);
}

void server_stop(struct server *server)
{
	if (server) {
		MHD_stop_daemon(server->daemon);
		free(server);
	}
}

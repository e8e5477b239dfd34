/* SPDX-License-Identifier: MIT */
/*
 * live: GET /api/live: rows as they come and change, as Server-Sent Events
 * (html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * operation   the cursor is told at once and with each event; whoever comes back with it
 *             (Last-Event-ID, or after=) misses nothing. Each connection looks by itself;
 *             a look without news is a step or two in an index.
 * safety      a handle of the database is held for a look, never between them.
 */
#include "base/clock.h"
#include "dashboard/admin.h"
#include "dashboard/fault.h"
#include "dashboard/handlers.h"
#include "dashboard/live_private.h"
#include "dashboard/logrow.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#define MS_NS INT64_C(1000000)

enum {
	LOOK_MS = 200,     /* in the store of this machine */
	LOOK_PG_MS = 1000, /* over a network */
	STEP_MS = 100,     /* how long the end of the program waits */
	PING_MS = 15000,
	LOST_MS = 10000, /* then the client is told, by the end of the stream */
};

static bool is_pg(const struct live *live)
{
	return ask_pool_dialect(admin_rows(live->admin)) == ASK_POSTGRES;
}

static int look_ms(const struct live *live)
{
	return is_pg(live) ? LOOK_PG_MS : LOOK_MS;
}

void live_cursor(const struct live *live, bool pg, char ret_text[LIVE_CURSOR_SIZE])
{
	if (pg) {
		(void)snprintf(ret_text, LIVE_CURSOR_SIZE, "p.%" PRId64 ".%" PRId64,
		    live->xmin, live->floor_us);
	} else {
		(void)snprintf(ret_text, LIVE_CURSOR_SIZE,
		    "s.%" PRId64 ".%" PRId64 ".%" PRId64, live->rowid, live->seq,
		    live->wall_us);
	}
}

/* Decimal numbers with dots between, exactly count. */
static bool read_numbers(struct slice text, int64_t *ret_number, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct slice digits = slice_cut(&text, '.');

		ret_number[i] = 0;
		if (digits.len == 0 || digits.len > 18) {
			return false;
		}
		for (size_t k = 0; k < digits.len; k++) {
			if (digits.ptr[k] < '0' || digits.ptr[k] > '9') {
				return false;
			}
			ret_number[i] = ret_number[i] * 10 + (digits.ptr[k] - '0');
		}
	}
	return text.ptr == NULL;
}

/* False: it is none of ours, or of the other database. */
static bool take_cursor(struct live *live, struct slice text)
{
	struct slice kind = slice_cut(&text, '.');
	int64_t number[3];

	if (slice_eq(kind, SLICE("p")) && is_pg(live) && read_numbers(text, number, 2)) {
		live->xmin = number[0];
		live->floor_us = number[1];
		live->oldest_us = INT64_MAX;
		return true;
	}
	if (slice_eq(kind, SLICE("s")) && !is_pg(live) && read_numbers(text, number, 3)) {
		live->rowid = number[0];
		live->seq = number[1];
		live->wall_us = number[2];
		return true;
	}
	return false;
}

void live_put_row(struct buf *out, const struct ask_cell *cells, const char *cursor)
{
	buf_printf(out, "id: %s\nevent: row\ndata: ", cursor);
	logrow_put_json(out, cells);
	buf_puts(out, "\n\n");
}

void live_put_filter(struct query *query, const struct live *live)
{
	const struct filter *filter = &live->filter;

	if (live->has_from) {
		buf_puts(&query->sql, " AND created_at >= ");
		query_time(query, filter->from_us);
	}
	if (live->has_to) {
		buf_puts(&query->sql, " AND created_at < ");
		query_time(query, filter->to_us);
	}
	query_lists(query, filter);
	if (filter->entity_type.ptr) {
		buf_puts(&query->sql, " AND related_entity_type = ");
		query_param(query, filter->entity_type, "text");
	}
	if (filter->entity_id.ptr) {
		buf_puts(&query->sql, " AND related_entity_id = ");
		query_param(query, filter->entity_id, "uuid");
	}
	if (filter->q.ptr) {
		buf_printf(&query->sql, " AND %s(lower(error_message), lower(",
		    query->dialect == ASK_POSTGRES ? "strpos" : "instr");
		query_param(query, filter->q, "text");
		buf_puts(&query->sql, ")) > 0");
	}
}

static int look(struct live *live, bool begin, struct buf *out, struct ask_fault *fault)
{
	int64_t wall = wall_us();
	struct ask *ask = NULL;
	int rc = ask_take(admin_rows(live->admin), ASK_READ, &ask, fault);
	int more = 0;

	if (rc != 0) {
		return rc;
	}
	rc = ask_begin(ask, fault);
	if (rc == 0) {
		more = is_pg(live) ? live_look_pg(live, ask, begin, out, fault)
		                   : live_look_sqlite(live, ask, begin, out, fault);
	}
	ask_give(ask); /* nothing was written: it may be rolled back */
	if (rc == 0 && !is_pg(live)) {
		live->wall_us = wall;
	}
	return rc < 0 ? rc : more;
}

/* An event without data is none for the page, but its id is kept by the browser. */
static void put_cursor(struct live *live, struct buf *out)
{
	char cursor[LIVE_CURSOR_SIZE];

	live_cursor(live, is_pg(live), cursor);
	buf_printf(out, "id: %s\n\n", cursor);
}

/* What the look appended goes nowhere: it is to be found once more. */
static void take_back(struct live *live, const struct live *before)
{
	live->rowid = before->rowid;
	live->seq = before->seq;
	memcpy(live->id, before->id, sizeof(live->id));
	live->burst_xmin = 0;
	live->page_us = 0;
	live->oldest_us = INT64_MAX;
	seen_finish(&live->seen);
	seen_finish(&live->seen_next);
}

/* As a reply_stream's next. */
static int look_and_tell(struct live *live, struct buf *out)
{
	struct ask_fault fault;
	size_t begin = out->len;
	int64_t now = mono_ns();
	struct live before = *live;
	int rc = look(live, false, out, &fault);

	if (rc < 0) {
		if (live->mono_lost_ns == 0) {
			live->mono_lost_ns = now;
		}
		buf_truncate(out, begin);
		take_back(live, &before);
		live->mono_due_ns = mono_ns() + LOOK_PG_MS * MS_NS;
		return now - live->mono_lost_ns > LOST_MS * MS_NS ? rc : 1;
	}
	live->mono_lost_ns = 0;
	if (rc == 0) {
		live->mono_due_ns = mono_ns() + look_ms(live) * MS_NS;
	}
	return 1;
}

static int on_next(void *arg, struct buf *out)
{
	struct live *live = arg;
	int rc = 1;

	if (!live->greeted) {
		live->greeted = true;
		buf_puts(out, "retry: 2000\n");
		put_cursor(live, out);
	} else if (mono_ns() >= live->mono_due_ns) {
		rc = look_and_tell(live, out);
	} else {
		(void)poll(NULL, 0, STEP_MS);
	}
	if (out->len == 0 && mono_ns() - live->mono_told_ns > PING_MS * MS_NS) {
		buf_puts(out, ": ping\n");
		put_cursor(live, out);
	}
	if (out->len > 0) {
		live->mono_told_ns = mono_ns();
	}
	return rc;
}

static void on_close(void *arg)
{
	struct live *live = arg;

	filter_finish(&live->filter);
	seen_finish(&live->seen);
	seen_finish(&live->seen_next);
	free(live);
}

static bool has_value(struct slice query, const char *name)
{
	struct buf value = { 0 };
	bool has = query_value(query, name, &value) && value.len > 0;

	buf_finish(&value);
	return has;
}

/* Where to begin: behind what the client has, else here. Sees that the database answers.
 */
static int begin(
    struct live *live, const struct request *request, struct ask_fault *fault)
{
	struct slice last = request_header(request, "Last-Event-ID");
	struct buf after = { 0 };
	bool known = last.len > 0 && take_cursor(live, last);

	if (!known && query_value(request->query, "after", &after)) {
		known = take_cursor(live, buf_slice(&after));
	}
	buf_finish(&after);
	return known ? 0 : look(live, true, NULL, fault);
}

void live_handle(const struct request *request, struct reply *reply)
{
	struct live *live = calloc(1, sizeof(*live));
	struct ask_fault fault = { "", "", "", "" };
	struct err err = { "" };
	int rc;

	if (!live) {
		reply->body.failed = true;
		return;
	}
	live->admin = request->admin;
	rc = filter_read(&live->filter, request->query, wall_us(), &err);
	if (rc != 0) {
		reply_error(
		    reply, rc == -EINVAL ? 400 : 503, "BAD_FILTER", "%s", err.text);
		on_close(live);
		return;
	}
	live->has_from = has_value(request->query, "from");
	live->has_to = has_value(request->query, "to");
	live->mono_told_ns = mono_ns();
	if (begin(live, request, &fault) != 0) {
		reply_fault(reply, &fault);
		on_close(live);
		return;
	}
	reply_header(reply, "Content-Type", "text/event-stream; charset=utf-8");
	reply->stream = (struct reply_stream){ on_next, on_close, live };
}

/* SPDX-License-Identifier: MIT */
/*
 * Following rows in PostgreSQL, whoever writes them: by updated_at, which has an index,
 * and by transaction. updated_at alone does not do: it is set before the row can be seen,
 * and rows that waited for delivery bring theirs along.
 *
 * A row is new when the transaction that wrote it was not over at the look before: its
 * xmin is not below that look's snapshot. So each look reads the last minutes of the
 * index, and sends of them what is new. Rows of transactions that were over but younger
 * than the oldest open one would be sent again: `seen` knows them.
 */
#include "dashboard/live_private.h"
#include "dashboard/logrow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* How much later a row may be seen than its updated_at says: the clocks of two machines,
 * long transactions, delivery. While older rows arrive it reaches back from those. */
#define WINDOW_US INT64_C(120000000)

struct snapshot {
	int64_t xmin;
	int64_t xmax;
	int64_t wall_us;
};

struct batch {
	struct live *live;
	struct buf *out;
	size_t rows;
	int64_t last_us; /* updated_at of the last row */
	char last_id[UUID_TEXT_SIZE];
	int64_t oldest_us; /* of those sent */
	size_t last_at;    /* where in out the last event begins */
	bool sent;
	char cursor[LIVE_CURSOR_SIZE]; /* of before */
};

static int on_snapshot(void *arg, const struct ask_cell *cells, size_t count)
{
	struct snapshot *snapshot = arg;

	(void)count;
	snapshot->xmin = logrow_number(&cells[0]);
	snapshot->xmax = logrow_number(&cells[1]);
	snapshot->wall_us = logrow_number(&cells[2]);
	return 0;
}

static int read_snapshot(
    struct ask *ask, struct snapshot *ret_snapshot, struct ask_fault *fault)
{
	return ask_run(ask,
	    "SELECT pg_snapshot_xmin(now)::text, pg_snapshot_xmax(now)::text,"
	    " floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
	    " FROM pg_current_snapshot() AS now",
	    NULL, 0, on_snapshot, ret_snapshot, NULL, fault);
}

/* Columns: a brief row, then updated_at in microseconds. */
static int on_row(void *arg, const struct ask_cell *cells, size_t count)
{
	struct batch *batch = arg;
	struct live *live = batch->live;
	uint64_t hash = 0;

	/* the row as it is now: two changes within a microsecond are two */
	for (size_t i = 0; i + 1 < count; i++) {
		hash = seen_hash(hash, cells[i].text);
	}
	batch->rows++;
	batch->last_us = logrow_number(&cells[count - 1]);
	(void)snprintf(batch->last_id, sizeof(batch->last_id), "%.*s",
	    SLICE_ARG(cells[COLUMN_ID].text));
	seen_add(&live->seen_next, hash);
	if (!seen_has(&live->seen, hash)) {
		seen_add(&live->seen, hash);
		if (batch->last_us < batch->oldest_us) {
			batch->oldest_us = batch->last_us;
		}
		batch->last_at = batch->out->len;
		batch->sent = true;
		live_put_row(batch->out, cells, batch->cursor);
	}
	return batch->out->failed ? -ENOMEM : 0;
}

static int send_rows(struct live *live, struct ask *ask, const struct snapshot *now,
    struct batch *batch, struct ask_fault *fault)
{
	struct query query = { .dialect = ASK_POSTGRES };
	int rc;

	buf_puts(&query.sql, "SELECT ");
	logrow_put_columns(&query.sql, ASK_POSTGRES, "l.", false);
	buf_puts(&query.sql, ", floor(extract(epoch FROM l.updated_at) * 1000000)::bigint"
	                     " FROM public.integration_logs AS l WHERE l.updated_at >= ");
	query_time(&query, live->page_us ? live->page_us : live->floor_us);
	/* xmin has 32 bits of a number that goes on: those that are below xmax */
	buf_printf(&query.sql,
	    " AND %" PRId64 " - ((%" PRId64
	    " - l.xmin::text::bigint) & 4294967295) >= %" PRId64,
	    now->xmax, now->xmax, live->xmin);
	if (live->page_us) {
		/* many rows of one transaction have one updated_at */
		buf_puts(&query.sql, " AND (l.updated_at > ");
		query_time(&query, live->page_us);
		buf_puts(&query.sql, " OR l.id > ");
		query_param(&query, slice_of(live->page_id), "uuid");
		buf_putc(&query.sql, ')');
	}
	live_put_filter(&query, live);
	buf_printf(&query.sql, " ORDER BY l.updated_at, l.id LIMIT %d", LIVE_BATCH);
	rc = query_run(&query, ask, on_row, batch, fault);
	query_finish(&query);
	return rc;
}

/* The look is over: what it has seen is what the next one may find again. */
static void settle(struct live *live, int64_t xmin, int64_t wall_us, int64_t oldest_us)
{
	seen_finish(&live->seen);
	live->seen = live->seen_next;
	live->seen_next = (struct seen){ 0 };
	live->xmin = xmin;
	live->oldest_us = INT64_MAX;
	live->burst_xmin = 0;
	live->page_us = 0;
	live->floor_us = (oldest_us < wall_us ? oldest_us : wall_us) - WINDOW_US;
}

/* Whoever has the last event has all of them. */
static void move_cursor(struct batch *batch)
{
	struct buf *out = batch->out;
	size_t head = batch->last_at + strlen("id: \n") + strlen(batch->cursor);
	struct buf event = { 0 };
	char cursor[LIVE_CURSOR_SIZE];

	if (!batch->sent || out->failed) {
		return;
	}
	live_cursor(batch->live, true, cursor);
	buf_printf(&event, "id: %s\n", cursor);
	buf_put(&event, out->ptr + head, out->len - head);
	buf_truncate(out, batch->last_at);
	buf_put_slice(out, buf_slice(&event));
	out->failed = out->failed || event.failed;
	buf_finish(&event);
}

int live_look_pg(struct live *live, struct ask *ask, bool begin, struct buf *out,
    struct ask_fault *fault)
{
	struct snapshot now = { 0, 0, 0 };
	struct batch batch = { .live = live, .out = out, .oldest_us = INT64_MAX };
	int rc = read_snapshot(ask, &now, fault);

	if (rc != 0) {
		return rc;
	}
	live->wall_us = now.wall_us;
	if (begin) {
		settle(live, now.xmin, now.wall_us, now.wall_us);
		return 0;
	}
	live_cursor(live, true, batch.cursor);
	rc = send_rows(live, ask, &now, &batch, fault);
	if (rc != 0) {
		return rc;
	}
	if (live->burst_xmin == 0) {
		live->burst_xmin = now.xmin;
	}
	if (batch.oldest_us < live->oldest_us) {
		live->oldest_us = batch.oldest_us;
	}
	if (batch.rows == LIVE_BATCH) {
		live->page_us = batch.last_us;
		memcpy(live->page_id, batch.last_id, sizeof(live->page_id));
		return 1;
	}
	settle(live, live->burst_xmin, now.wall_us, live->oldest_us);
	move_cursor(&batch);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Following rows in the store: new ones by rowid, changed ones by waybill_changes.seq,
 * as `waybill tail` does (sql/schema.c says why that holds).
 */
#include "dashboard/live_private.h"
#include "dashboard/logrow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define REWIND_ROWS 1000
#define REWIND_US   INT64_C(2000000)

/* Where the tables end. */
struct place {
	int64_t rowid;
	int64_t seq;
	char id[UUID_TEXT_SIZE];    /* of the row at rowid */
	char at_id[UUID_TEXT_SIZE]; /* of the row at the cursor's rowid; "": none */
};

struct batch {
	struct live *live;
	struct buf *out;
	size_t rows;
	bool added; /* else changed */
};

static void copy(char to[UUID_TEXT_SIZE], const struct ask_cell *cell)
{
	(void)snprintf(to, UUID_TEXT_SIZE, "%.*s", SLICE_ARG(cell->text));
}

static int on_place(void *arg, const struct ask_cell *cells, size_t count)
{
	struct place *place = arg;

	(void)count;
	place->rowid = logrow_number(&cells[0]);
	place->seq = logrow_number(&cells[1]);
	copy(place->id, &cells[2]);
	copy(place->at_id, &cells[3]);
	return 0;
}

static int read_place(
    struct live *live, struct ask *ask, struct place *ret_place, struct ask_fault *fault)
{
	char sql[400];

	(void)snprintf(sql, sizeof(sql), /* fits: a number */
	    "SELECT (SELECT max(rowid) FROM integration_logs),"
	    " (SELECT max(seq) FROM waybill_changes),"
	    " (SELECT id FROM integration_logs ORDER BY rowid DESC LIMIT 1),"
	    " (SELECT id FROM integration_logs WHERE rowid = %" PRId64 ")",
	    live->rowid);
	return ask_run(ask, sql, NULL, 0, on_place, ret_place, NULL, fault);
}

/* Columns: a brief row, then rowid or seq. */
static int on_row(void *arg, const struct ask_cell *cells, size_t count)
{
	struct batch *batch = arg;
	struct live *live = batch->live;
	char cursor[LIVE_CURSOR_SIZE];

	if (batch->added) {
		live->rowid = logrow_number(&cells[count - 1]);
		copy(live->id, &cells[COLUMN_ID]);
	} else {
		live->seq = logrow_number(&cells[count - 1]);
	}
	live_cursor(live, false, cursor);
	live_put_row(batch->out, cells, cursor);
	batch->rows++;
	return batch->out->failed ? -ENOMEM : 0;
}

static int on_number(void *arg, const struct ask_cell *cells, size_t count)
{
	(void)count;
	*(int64_t *)arg = logrow_number(&cells[0]);
	return 0;
}

/* The last change of a batch from the cursor on. */
static int batch_end(
    struct live *live, struct ask *ask, int64_t *ret_seq, struct ask_fault *fault)
{
	char sql[200];

	(void)snprintf(sql, sizeof(sql), /* fits: numbers */
	    "SELECT max(seq) FROM (SELECT seq FROM waybill_changes WHERE seq > %" PRId64
	    " ORDER BY seq LIMIT %d)",
	    live->seq, LIVE_BATCH);
	return ask_run(ask, sql, NULL, 0, on_number, ret_seq, NULL, fault);
}

/* Rows that were sent before and have changed since. A row that changed twice is sent
 * once. */
static int send_changed(
    struct live *live, struct ask *ask, struct buf *out, struct ask_fault *fault)
{
	struct query query = { .dialect = ASK_SQLITE };
	struct batch batch = { live, out, 0, false };
	int64_t end = live->seq;
	int rc = batch_end(live, ask, &end, fault);

	buf_puts(&query.sql, "SELECT ");
	logrow_put_columns(&query.sql, ASK_SQLITE, "l.", false);
	buf_printf(&query.sql,
	    ", c.seq FROM (SELECT log_rowid, max(seq) AS seq FROM waybill_changes"
	    " WHERE seq > %" PRId64 " AND seq <= %" PRId64 " GROUP BY log_rowid) AS c"
	    " CROSS JOIN integration_logs AS l ON l.rowid = c.log_rowid"
	    " WHERE l.rowid <= %" PRId64,
	    live->seq, end, live->rowid);
	live_put_filter(&query, live);
	buf_puts(&query.sql, " ORDER BY c.seq");
	if (rc == 0) {
		rc = query_run(&query, ask, on_row, &batch, fault);
	}
	query_finish(&query);
	live->seq = rc == 0 ? end : live->seq;
	return rc;
}

/* rewound: the table's end was taken away, and rowids were given out once more. */
static int send_added(struct live *live, struct ask *ask, int64_t end, bool rewound,
    struct buf *out, struct ask_fault *fault)
{
	struct query query = { .dialect = ASK_SQLITE };
	struct batch batch = { live, out, 0, true };
	int rc;

	buf_puts(&query.sql, "SELECT ");
	logrow_put_columns(&query.sql, ASK_SQLITE, "", false);
	buf_printf(&query.sql,
	    ", rowid FROM integration_logs NOT INDEXED WHERE rowid > %" PRId64
	    " AND rowid <= %" PRId64,
	    live->rowid, end);
	if (rewound) {
		buf_puts(&query.sql, " AND updated_at >= ");
		query_time(&query, live->wall_us - REWIND_US);
	}
	live_put_filter(&query, live);
	buf_puts(&query.sql, " ORDER BY rowid");
	rc = query_run(&query, ask, on_row, &batch, fault);
	query_finish(&query);
	return rc;
}

/* Where rows that were sent are gone, and what came since has their rowids. */
static bool rewind_place(struct live *live, const struct place *here)
{
	if (here->rowid < live->rowid) {
		live->rowid = here->rowid > REWIND_ROWS ? here->rowid - REWIND_ROWS : 0;
	} else if (live->id[0] && strcmp(live->id, here->at_id) != 0) {
		live->rowid -= 1;
	} else {
		return false;
	}
	return true;
}

int live_look_sqlite(struct live *live, struct ask *ask, bool begin, struct buf *out,
    struct ask_fault *fault)
{
	struct place here = { 0 };
	bool rewound;
	int64_t end;
	int rc = read_place(live, ask, &here, fault);

	if (rc != 0 || begin) {
		live->rowid = here.rowid;
		live->seq = here.seq;
		memcpy(live->id, here.id, sizeof(live->id));
		return rc;
	}
	if (here.seq < live->seq) {
		live->seq = 0; /* another file */
	}
	if (here.seq > live->seq) {
		rc = send_changed(live, ask, out, fault);
	}
	rewound = rewind_place(live, &here);
	end = here.rowid - live->rowid > LIVE_BATCH && !rewound ? live->rowid + LIVE_BATCH
	                                                        : here.rowid;
	if (rc == 0 && end > live->rowid) {
		rc = send_added(live, ask, end, rewound, out, fault);
	}
	if (rc != 0) {
		return rc;
	}
	live->rowid = end;
	if (end == here.rowid) {
		memcpy(live->id, here.id, sizeof(live->id));
	} else {
		live->id[0] = '\0';
	}
	return end < here.rowid || live->seq < here.seq ? 1 : 0;
}

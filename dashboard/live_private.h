/* SPDX-License-Identifier: MIT */
/*
 * live_private: what the two ways to follow rows have in common; for live*.c only.
 */
#ifndef DASHBOARD_LIVE_PRIVATE_H
#define DASHBOARD_LIVE_PRIVATE_H

#include "base/uuid7.h"
#include "dashboard/filter.h"
#include "dashboard/http.h"
#include "dashboard/query.h"
#include "dashboard/seen.h"

enum { LIVE_CURSOR_SIZE = 96, LIVE_BATCH = 500 };

struct live {
	struct admin *admin;
	struct filter filter; /* owned */
	bool has_from;        /* else all rows from now on are of the range */
	bool has_to;
	int64_t mono_due_ns;  /* when to look again */
	int64_t mono_told_ns; /* when something was sent last */
	int64_t mono_lost_ns; /* since when the database does not answer; 0: it does */
	bool greeted;

	int64_t wall_us; /* of the last look */

	/* SQLite: everything up to here was sent; see live_sqlite.c */
	int64_t rowid;
	int64_t seq;
	char id[UUID_TEXT_SIZE]; /* of the row at rowid; "": not known */

	/* PostgreSQL: everything older was sent; see live_pg.c */
	int64_t xmin;
	int64_t floor_us;
	int64_t burst_xmin; /* the xmin of the next look, once all pages are through; 0:
	                       no page is missing */
	int64_t page_us; /* the last row of this look's last page; 0: it is the first */
	char page_id[UUID_TEXT_SIZE];
	int64_t oldest_us; /* updated_at of what this look has sent so far */
	struct seen seen;  /* owned: what was sent and could be found once more */
	struct seen seen_next;
};

/*
 * Each looks once. begin: only where the end is now; else appends the events since. Both
 * return 1: there may be more at once, 0: that was all, or as ask_run.
 */
MUST_CHECK int live_look_sqlite(struct live *live, struct ask *ask, bool begin,
    struct buf *out, struct ask_fault *fault);
MUST_CHECK int live_look_pg(struct live *live, struct ask *ask, bool begin,
    struct buf *out, struct ask_fault *fault);

/* Appends one event; it begins with its id. cells: a brief row. cursor: where the client
 * goes on after it. */
void live_put_row(struct buf *out, const struct ask_cell *cells, const char *cursor);

/* Appends " AND …" of what the filter asks of a row. */
void live_put_filter(struct query *query, const struct live *live);

/* The cursor of now: letters, digits, dots. */
void live_cursor(const struct live *live, bool pg, char ret_text[LIVE_CURSOR_SIZE]);

#endif

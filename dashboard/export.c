/* SPDX-License-Identifier: MIT */
/*
 * export: GET /api/export.csv: every row that the filter lets through, newest first.
 *
 * operation   backwards through the range, a span of time and at most some hundred rows a
 *             question: none takes long, and none holds a snapshot for as long as a slow
 *             client reads. Spans grow where little is found in them.
 * safety      memory does not grow with the number of rows.
 */
#include "base/clock.h"
#include "base/uuid7.h"
#include "dashboard/admin.h"
#include "dashboard/csv.h"
#include "dashboard/fault.h"
#include "dashboard/filter.h"
#include "dashboard/handlers.h"
#include "dashboard/logrow.h"
#include "dashboard/query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define MS_NS       INT64_C(1000000)
#define MINUTE_US   INT64_C(60000000)
#define SPAN_MIN_US MINUTE_US
#define SPAN_US     (60 * MINUTE_US) /* the first */
#define SPAN_MAX_US (INT64_C(1000) * 1440 * MINUTE_US)
#define QUICK_NS    (50 * MS_NS)
#define SLOW_NS     (400 * MS_NS)

enum {
	ROWS_FIRST = 50,
	ROWS_MIN = 4,
	ROWS_MAX = 500,
	PAGE_BYTES = 256 * 1024, /* about */
};

struct export
{
	struct admin *admin;
	struct filter filter; /* owned */
	int64_t end_us;       /* everything from here on is written */
	int64_t span_us;
	size_t limit;
	struct buf first; /* owned: the first page, read before the answer begins */
	int more;         /* as a reply_stream's next */
	/* the last row that was written, where its span may hold more; "": none */
	char created_at[CLOCK_TEXT_SIZE];
	char id[UUID_TEXT_SIZE];
};

/* One question. */
struct page {
	struct export *export;
	struct buf *out;
	size_t rows;
	bool odd; /* a time that is none: what follows it cannot be found */
};

static void copy(char *to, size_t size, struct slice text, bool *odd)
{
	*odd = *odd || text.len >= size;
	(void)snprintf(to, size, "%.*s", SLICE_ARG(text));
}

static int on_row(void *arg, const struct ask_cell *cells, size_t count)
{
	struct page *page = arg;

	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			buf_putc(page->out, ',');
		}
		csv_put_cell(page->out, cells[i].text, cells[i].null);
	}
	buf_puts(page->out, "\r\n");
	copy(page->export->created_at, sizeof(page->export->created_at),
	    cells[COLUMN_CREATED_AT].text, &page->odd);
	copy(page->export->id, sizeof(page->export->id), cells[COLUMN_ID].text,
	    &page->odd);
	page->rows++;
	return page->out->failed ? -ENOMEM : 0;
}

static void put_titles(struct buf *out)
{
	for (int i = 0; i < COLUMN_COUNT; i++) {
		buf_printf(out, "%s%s", i > 0 ? "," : "", column_name((enum column)i));
	}
	buf_puts(out, "\r\n");
}

/* Asks for the rows from from_us to the last one written. */
static int read_page(struct page *page, int64_t from_us, struct ask_fault *fault)
{
	struct export *export = page->export;
	struct query query = { .dialect = ask_pool_dialect(admin_rows(export->admin)) };
	/* the answer writes into the cursor while the question reads it */
	char created_at[CLOCK_TEXT_SIZE];
	char id[UUID_TEXT_SIZE];
	int64_t to_us = export->end_us;
	struct ask *ask = NULL;
	int rc;

	memcpy(created_at, export->created_at, sizeof(created_at));
	memcpy(id, export->id, sizeof(id));
	if (created_at[0]) {
		/* one bound, so that the scan begins there; cannot fail: see next_page */
		(void)filter_time(slice_of(created_at), &to_us);
		to_us++;
	}
	buf_puts(&query.sql, "SELECT ");
	logrow_put_columns(&query.sql, query.dialect, "", true);
	buf_printf(
	    &query.sql, " FROM integration_logs%s", query_index(&query, &export->filter));
	query_rows(&query, &export->filter, from_us, to_us);
	if (created_at[0]) {
		buf_puts(&query.sql, " AND (created_at < ");
		query_param(&query, slice_of(created_at), "timestamptz");
		buf_puts(&query.sql, " OR id < ");
		query_param(&query, slice_of(id), "uuid");
		buf_putc(&query.sql, ')');
	}
	/* the table's columns, not what is made of them above */
	buf_printf(&query.sql,
	    " ORDER BY integration_logs.created_at DESC, integration_logs.id DESC LIMIT %zu",
	    export->limit);
	rc = ask_take(admin_rows(export->admin), ASK_READ, &ask, fault);
	if (rc == 0) {
		rc = query_run(&query, ask, on_row, page, fault);
		ask_give(ask);
	}
	query_finish(&query);
	return rc;
}

/* Rows may be large: as many as make a page of about PAGE_BYTES. */
static void adapt_limit(struct export *export, size_t rows, size_t bytes)
{
	size_t fits = rows > 0 ? PAGE_BYTES / (bytes / rows + 1) : ROWS_MAX;
	size_t grown = export->limit * 2;

	fits = fits < ROWS_MIN ? ROWS_MIN : fits;
	fits = fits > grown ? grown : fits;
	export->limit = fits > ROWS_MAX ? ROWS_MAX : fits;
}

static void adapt_span(struct export *export, int64_t took_ns)
{
	if (took_ns < QUICK_NS && export->span_us < SPAN_MAX_US) {
		export->span_us *= 2;
	} else if (took_ns > SLOW_NS && export->span_us > SPAN_MIN_US) {
		export->span_us /= 2;
	}
}

/* 1: there may be more, 0: that was all, negative: it failed. */
static int next_page(struct export *export, struct buf *out, struct ask_fault *fault)
{
	struct page page = { .export = export, .out = out };
	struct export before = *export;
	int64_t from_us = export->end_us - export->span_us;
	int64_t began_ns = mono_ns();
	size_t begin = out->len;
	int64_t ignored;
	int rc;

	from_us = from_us > export->filter.from_us ? from_us : export->filter.from_us;
	rc = read_page(&page, from_us, fault);
	if (rc == -ETIMEDOUT && export->span_us > SPAN_MIN_US) {
		*export = before; /* what came of it is not whole: once more, with less */
		export->span_us /= 8;
		buf_truncate(out, begin);
		return 1;
	}
	if (rc < 0) {
		return rc;
	}
	if (page.rows == export->limit) {
		adapt_limit(export, page.rows, out->len - begin);
		return page.odd || !filter_time(slice_of(export->created_at), &ignored)
		           ? -EINVAL
		           : 1;
	}
	adapt_span(export, mono_ns() - began_ns);
	adapt_limit(export, page.rows, out->len - begin);
	export->created_at[0] = '\0';
	export->end_us = from_us;
	return from_us > export->filter.from_us ? 1 : 0;
}

static int on_next(void *arg, struct buf *out)
{
	struct export *export = arg;
	struct ask_fault ignored; /* the client sees that the answer is cut */

	if (export->first.len > 0) {
		buf_put_slice(out, buf_slice(&export->first));
		buf_finish(&export->first);
	} else if (export->more > 0) {
		export->more = next_page(export, out, &ignored);
	}
	return export->more;
}

static void on_close(void *arg)
{
	struct export *export = arg;

	filter_finish(&export->filter);
	buf_finish(&export->first);
	free(export);
}

/* 20261125T060000Z: no file system minds it. */
static void put_name_time(struct buf *out, int64_t us)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_us(us, text);
	for (const char *at = text; *at && *at != '.'; at++) {
		if (*at != '-' && *at != ':') {
			buf_putc(out, *at);
		}
	}
	buf_putc(out, 'Z');
}

static void put_fields(struct reply *reply, const struct filter *filter)
{
	struct buf name = { 0 };

	put_name_time(&name, filter->from_us);
	buf_putc(&name, '-');
	put_name_time(&name, filter->to_us);
	reply_header(reply, "Content-Type", "text/csv; charset=utf-8; header=present");
	reply_header(reply, "Content-Disposition",
	    "attachment; filename=\"integration_logs-%.*s.csv\"",
	    SLICE_ARG(buf_slice(&name)));
	buf_finish(&name);
}

/* Reads the first page, so that a database that is away is an error and no empty file. */
static int begin(
    struct export *export, const struct request *request, struct reply *reply)
{
	struct ask_fault fault = { "", "", "", "" };
	struct err err = { "" };
	int rc = filter_read(&export->filter, request->query, wall_us(), &err);

	if (rc != 0) {
		reply_error(
		    reply, rc == -EINVAL ? 400 : 503, "BAD_FILTER", "%s", err.text);
		return rc;
	}
	export->admin = request->admin;
	export->end_us = export->filter.to_us;
	export->span_us = SPAN_US;
	export->limit = ROWS_FIRST;
	put_titles(&export->first);
	export->more = next_page(export, &export->first, &fault);
	if (export->more < 0) {
		reply_fault(reply, &fault);
	}
	return export->more < 0 ? export->more : 0;
}

void export_handle(const struct request *request, struct reply *reply)
{
	struct export *export = calloc(1, sizeof(*export));

	if (!export) {
		reply->body.failed = true;
	} else if (begin(export, request, reply) != 0) {
		on_close(export);
	} else {
		put_fields(reply, &export->filter);
		reply->stream = (struct reply_stream){ on_next, on_close, export };
	}
}

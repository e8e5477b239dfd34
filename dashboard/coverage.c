/* SPDX-License-Identifier: MIT */
/*
 * coverage: GET /api/coverage: what passed by without becoming a row. It is counted in
 * the store of this machine, also where the rows are in PostgreSQL.
 */
#include "base/json.h"
#include "dashboard/admin.h"
#include "dashboard/handlers.h"
#include "sql/ask.h"

static const char coverage_sql[] =
    "SELECT kind, host, client, count, first_seen, last_seen FROM waybill_coverage"
    " ORDER BY count DESC, kind, host, client LIMIT 1000";

static int put_row(void *arg, const struct ask_cell *cells, size_t count)
{
	static const char *const names[] = { "kind", "host", "client", "count",
		"first_seen", "last_seen" };
	struct buf *out = arg;

	buf_putc(out, out->len == 0 ? '[' : ',');
	for (size_t i = 0; i < count; i++) {
		buf_printf(out, "%c\"%s\":", i == 0 ? '{' : ',', names[i]);
		if (cells[i].null) {
			buf_puts(out, "null");
		} else if (i == 3) {
			buf_put_slice(out, cells[i].text);
		} else {
			json_put_string(out, cells[i].text);
		}
	}
	buf_putc(out, '}');
	return 0;
}

void coverage_handle(const struct request *request, struct reply *reply)
{
	struct ask_fault fault = { "", "", "", "" };
	struct buf rows = { 0 };
	struct ask *ask = NULL;
	int r = ask_take(admin_store(request->admin), ASK_READ, &ask, &fault);

	if (r == 0) {
		r = ask_run(ask, coverage_sql, NULL, 0, put_row, &rows, NULL, &fault);
		ask_give(ask);
	}
	/* no such table: a store that has none yet */
	if (r != 0 && strcmp(fault.sqlstate, "42P01") != 0) {
		reply_error(reply, 503, fault.sqlstate, "%s", fault.message);
	} else {
		buf_puts(&reply->body, rows.len ? "" : "[");
		buf_put_slice(&reply->body, buf_slice(&rows));
		buf_puts(&reply->body, "]\n");
	}
	reply->body.failed = reply->body.failed || rows.failed;
	buf_finish(&rows);
}

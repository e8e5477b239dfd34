/* SPDX-License-Identifier: MIT */
/*
 * chain: GET /api/chain?id=UUID: the attempts of one call. No row names another one;
 * attempts are found by what they have in common: service, action, request, and one more
 * attempt before each (retry_count).
 */
#include "base/clock.h"
#include "base/uuid7.h"
#include "dashboard/admin.h"
#include "dashboard/fault.h"
#include "dashboard/filter.h"
#include "dashboard/handlers.h"
#include "dashboard/logrow.h"
#include "dashboard/query.h"

#include <errno.h>
#include <inttypes.h>

#define DAY_US INT64_C(86400000000)

enum { ATTEMPTS_MAX = 100 }; /* each way */

/* One attempt. */
struct attempt {
	struct buf json;
	char id[UUID_TEXT_SIZE];
	char service[256];
	char action[256];
	char status[16];
	int64_t created_us;
	int64_t retry_count;
	bool found;
};

struct search {
	struct ask *ask;
	const struct attempt *given; /* the row that was asked for */
	struct ask_fault *fault;
};

static void copy(char *to, size_t size, const struct ask_cell *cell)
{
	size_t len = cell->text.len < size ? cell->text.len : size - 1;

	memcpy(to, cell->text.ptr, len);
	to[len] = '\0';
}

/* Columns: those of a brief row. */
static int on_attempt(void *arg, const struct ask_cell *cells, size_t count)
{
	enum { ID, SERVICE, ACTION, STATUS, RETRY_COUNT = 9, CREATED_AT };
	struct attempt *attempt = arg;

	(void)count;
	buf_truncate(&attempt->json, 0);
	logrow_put_json(&attempt->json, cells);
	copy(attempt->id, sizeof(attempt->id), &cells[ID]);
	copy(attempt->service, sizeof(attempt->service), &cells[SERVICE]);
	copy(attempt->action, sizeof(attempt->action), &cells[ACTION]);
	copy(attempt->status, sizeof(attempt->status), &cells[STATUS]);
	attempt->retry_count = logrow_number(&cells[RETRY_COUNT]);
	if (!filter_time(cells[CREATED_AT].text, &attempt->created_us)) {
		attempt->created_us = INT64_MIN; /* null: it has no neighbours */
	}
	attempt->found = true;
	return attempt->json.failed ? -ENOMEM : 0;
}

static void begin(struct query *query, const char *hint)
{
	buf_puts(&query->sql, "SELECT ");
	logrow_put_columns(&query->sql, query->dialect, "", false);
	buf_printf(&query->sql, " FROM integration_logs%s",
	    query->dialect == ASK_SQLITE ? hint : "");
}

static int read_given(
    struct ask *ask, struct slice id, struct attempt *ret, struct ask_fault *fault)
{
	struct query query = { .dialect = ask_dialect(ask) };
	int rc;

	begin(&query, "");
	buf_puts(&query.sql, " WHERE id = ");
	query_param(&query, id, "uuid");
	rc = query_run(&query, ask, on_attempt, ret, fault);
	query_finish(&query);
	return rc;
}

/*
 * The nearest row beside `at`, with that retry_count and one of those statuses, between
 * two times. Along an index by service, status and time: failures are few, and an answer
 * that ends a chain is near.
 */
static int read_near(const struct search *search, const struct attempt *at,
    int64_t retry_count, const char *statuses, int64_t from_us, int64_t to_us,
    struct attempt *ret)
{
	struct query query = { .dialect = ask_dialect(search->ask) };
	bool is_pg = query.dialect == ASK_POSTGRES;
	bool back = retry_count < at->retry_count;
	int rc;

	ret->found = false;
	begin(&query, " INDEXED BY idx_integration_logs_dashboard");
	buf_puts(&query.sql, " WHERE service_name = ");
	query_param(&query, slice_of(at->service), "text");
	buf_printf(&query.sql, " AND status IN (%s) AND created_at >= ", statuses);
	query_time(&query, from_us);
	buf_puts(&query.sql, " AND created_at < ");
	query_time(&query, to_us);
	buf_printf(
	    &query.sql, " AND retry_count = %" PRId64 " AND action = ", retry_count);
	query_param(&query, slice_of(at->action), "text");
	buf_printf(&query.sql,
	    " AND request_payload %s (SELECT given.request_payload"
	    " FROM integration_logs AS given WHERE given.id = ",
	    is_pg ? "IS NOT DISTINCT FROM" : "IS");
	query_param(&query, slice_of(search->given->id), "uuid");
	buf_puts(&query.sql, ") AND id <> ");
	query_param(&query, slice_of(at->id), "uuid");
	buf_printf(&query.sql, " ORDER BY created_at %s, id %s LIMIT 1",
	    back ? "DESC" : "", back ? "DESC" : "");
	rc = query_run(&query, search->ask, on_attempt, ret, search->fault);
	query_finish(&query);
	return rc;
}

static int read_before(
    const struct search *search, const struct attempt *at, struct attempt *ret)
{
	return read_near(search, at, at->retry_count - 1,
	    "'failed', 'retrying', 'pending'", search->given->created_us - DAY_US,
	    at->created_us + 1, ret);
}

static int read_after(
    const struct search *search, const struct attempt *at, struct attempt *ret)
{
	int64_t end_us = search->given->created_us + DAY_US;
	struct attempt good = { .found = false };
	int rc = read_near(search, at, at->retry_count + 1,
	    "'failed', 'retrying', 'pending'", at->created_us, end_us, ret);

	/* Only `retrying` says that there is more: a success is not looked for through a
	 * whole day of them where there is none. */
	if (rc == 0 && strcmp(at->status, "retrying") == 0) {
		rc = read_near(search, at, at->retry_count + 1, "'success'",
		    at->created_us, ret->found ? ret->created_us : end_us, &good);
	}
	if (rc == 0 && good.found) {
		struct attempt other = *ret;

		*ret = good;
		good = other;
	}
	buf_finish(&good.json);
	return rc;
}

/* Walks one way from the given attempt. json: what is found, nearest first. */
static int walk(
    const struct search *search, bool back, struct buf *json, size_t *ret_count)
{
	struct attempt at = *search->given;
	struct attempt next = { .found = false };
	int rc = 0;

	at.json = (struct buf){ 0 }; /* the given one's stays its own */
	*ret_count = 0;
	while (*ret_count < ATTEMPTS_MAX && at.created_us != INT64_MIN &&
	       (back ? at.retry_count > 0 : strcmp(at.status, "success") != 0)) {
		rc = back ? read_before(search, &at, &next)
		          : read_after(search, &at, &next);
		if (rc != 0 || !next.found) {
			break;
		}
		json[(*ret_count)++] = next.json;
		at = next;
		at.json = (struct buf){ 0 };
		next = (struct attempt){ .found = false };
	}
	buf_finish(&next.json);
	return rc;
}

static int answer(const struct search *search, struct buf *out)
{
	struct buf before[ATTEMPTS_MAX] = { { 0 } };
	struct buf after[ATTEMPTS_MAX] = { { 0 } };
	size_t before_count = 0;
	size_t after_count = 0;
	int rc = walk(search, true, before, &before_count);

	if (rc == 0) {
		rc = walk(search, false, after, &after_count);
	}
	buf_puts(out, "{\"attempts\":[");
	for (size_t i = before_count; i-- > 0;) {
		buf_put_slice(out, buf_slice(&before[i]));
		buf_putc(out, ',');
	}
	buf_put_slice(out, buf_slice(&search->given->json));
	for (size_t i = 0; i < after_count; i++) {
		buf_putc(out, ',');
		buf_put_slice(out, buf_slice(&after[i]));
	}
	buf_puts(out, "]}\n");
	for (size_t i = 0; i < ATTEMPTS_MAX; i++) {
		buf_finish(&before[i]);
		buf_finish(&after[i]);
	}
	return rc;
}

static int read_chain(const struct request *request, struct slice id,
    struct attempt *given, struct buf *out, struct ask_fault *fault)
{
	struct search search = { .given = given, .fault = fault };
	int rc = ask_take(admin_rows(request->admin), ASK_READ, &search.ask, fault);

	if (rc != 0) {
		return rc;
	}
	rc = ask_begin(search.ask, fault); /* one snapshot for all of it */
	if (rc == 0) {
		rc = read_given(search.ask, id, given, fault);
	}
	if (rc == 0 && given->found) {
		rc = answer(&search, out);
	}
	if (rc == 0) {
		rc = ask_commit(search.ask, fault);
	}
	ask_give(search.ask);
	return rc;
}

void chain_handle(const struct request *request, struct reply *reply)
{
	struct attempt given = { .found = false };
	struct ask_fault fault = { "", "", "", "" };
	struct buf out = { 0 };
	struct buf text = { 0 };
	char id[UUID_TEXT_SIZE];
	struct uuid uuid;

	if (!query_value(request->query, "id", &text) ||
	    !uuid_parse(buf_slice(&text), &uuid)) {
		reply_error(reply, 400, "BAD_ID", "id= must be the UUID of a row");
		buf_finish(&text);
		return;
	}
	uuid_format(&uuid, id);
	if (read_chain(request, slice_of(id), &given, &out, &fault) != 0) {
		reply_fault(reply, &fault);
	} else if (!given.found) {
		reply_error(reply, 404, "NO_SUCH_ROW", "there is no row %s", id);
	} else {
		reply->body = out;
		out = (struct buf){ 0 };
	}
	buf_finish(&out);
	buf_finish(&given.json);
	buf_finish(&text);
}

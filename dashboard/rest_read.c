/* SPDX-License-Identifier: MIT */
/*
 * GET and HEAD: rows, and how many there are.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dashboard/rest_private.h"

#define PAUSE_MIN_NS  INT64_C(2000000)
#define PAUSE_MAX_NS  INT64_C(50000000)
#define ESTIMATE_FROM 1000 /* count=estimated counts so many exactly */

bool rest_take(struct rest_call *call, enum ask_right right, struct ask **ret_ask)
{
	struct ask_fault fault;

	return ask_take(call->pool, right, ret_ask, &fault) == 0
	           ? true
	           : rest_fail_ask(&call->error, &fault);
}

bool rest_run(struct rest_call *call, struct ask *ask, struct rest_sql *sql,
    ask_visit visit, void *arg, int64_t *ret_changed)
{
	struct ask_fault fault = { 0 };
	const char *text = rest_sql_text(sql);
	int result;

	if (!text) {
		return rest_fail_memory(&call->error);
	}
	result = ask_run(
	    ask, text, sql->param, sql->param_count, visit, arg, ret_changed, &fault);
	if (result >= 0) {
		return true;
	}
	/* the visitor says itself what was wrong */
	return fault.sqlstate[0] ? rest_fail_ask(&call->error, &fault) : false;
}

void rest_leave_lock(int64_t took_ns)
{
	struct timespec pause = { .tv_nsec = took_ns * 2 };

	if (took_ns * 2 < PAUSE_MIN_NS) {
		pause.tv_nsec = PAUSE_MIN_NS;
	} else if (took_ns * 2 > PAUSE_MAX_NS) {
		pause.tv_nsec = PAUSE_MAX_NS;
	}
	(void)nanosleep(&pause, NULL);
}

static int on_number(void *arg, const struct ask_cell *cells, size_t count)
{
	int64_t *number = arg;

	if (count > 0 && !cells[0].null) {
		char text[24] = "";

		memcpy(text, cells[0].text.ptr,
		    cells[0].text.len < sizeof(text) - 1 ? cells[0].text.len
		                                         : sizeof(text) - 1);
		*number = strtoll(text, NULL, 10);
	}
	return 0;
}

/* "Plan Rows": N of EXPLAIN (FORMAT JSON), the first of which is the whole's. */
static int on_plan(void *arg, const struct ask_cell *cells, size_t count)
{
	static const char mark[] = "\"Plan Rows\":";
	const char *at =
	    count > 0 && !cells[0].null
	        ? memmem(cells[0].text.ptr, cells[0].text.len, mark, sizeof(mark) - 1)
	        : NULL;

	if (at) {
		*(int64_t *)arg = strtoll(at + sizeof(mark) - 1, NULL, 10);
	}
	return 0;
}

static bool count_rows(
    struct rest_call *call, struct ask *ask, int64_t at_most, int64_t *ret_total)
{
	struct rest_sql sql = { .arena = &call->arena, .dialect = ask_dialect(ask) };
	bool good;

	rest_sql_count(&sql, &call->query, at_most);
	good = rest_run(call, ask, &sql, on_number, ret_total, NULL);
	rest_sql_finish(&sql);
	return good;
}

/* As the planner guesses; SQLite does not guess, it is counted there. */
static bool plan_rows(struct rest_call *call, struct ask *ask, int64_t *ret_total)
{
	struct rest_sql sql = { .arena = &call->arena, .dialect = ask_dialect(ask) };
	struct rest_query all = call->query;
	bool good;

	if (sql.dialect == ASK_SQLITE) {
		return count_rows(call, ask, -1, ret_total);
	}
	all.order_count = 0;
	buf_puts(&sql.text, "EXPLAIN (FORMAT JSON) ");
	rest_sql_select(&sql, &all, -1, 0);
	good = rest_run(call, ask, &sql, on_plan, ret_total, NULL);
	rest_sql_finish(&sql);
	return good;
}

static bool find_total(struct rest_call *call, struct ask *ask, int64_t *ret_total)
{
	switch (call->prefer.count) {
	case REST_COUNT_NONE:
		return true;
	case REST_COUNT_EXACT:
		rest_applied(call, "count=exact");
		return count_rows(call, ask, -1, ret_total);
	case REST_COUNT_PLANNED:
		rest_applied(call, "count=planned");
		return plan_rows(call, ask, ret_total);
	case REST_COUNT_ESTIMATED:
		break;
	}
	rest_applied(call, "count=estimated");
	if (ask_dialect(ask) == ASK_SQLITE) {
		return count_rows(call, ask, -1, ret_total);
	}
	if (!count_rows(call, ask, ESTIMATE_FROM + 1, ret_total)) {
		return false;
	}
	if (*ret_total > ESTIMATE_FROM) {
		int64_t counted = *ret_total;

		if (!plan_rows(call, ask, ret_total)) {
			return false;
		}
		*ret_total = *ret_total > counted ? *ret_total : counted;
	}
	return true;
}

static bool take_digits(struct slice *text, int64_t *ret_number)
{
	size_t len = 0;
	int64_t number = 0;

	while (len < text->len && len < 16 && text->ptr[len] >= '0' &&
	       text->ptr[len] <= '9') {
		number = number * 10 + (text->ptr[len++] - '0');
	}
	text->ptr += len;
	text->len -= len;
	*ret_number = number;
	return len > 0;
}

/* Range: 0-24 or 5-; what is none of these is ignored. limit and offset count as well. */
static bool read_range(struct rest_call *call)
{
	struct rest_query *query = &call->query;
	struct slice range = request_header(call->request, "Range");
	int64_t first;
	int64_t last;
	int64_t end;

	(void)(slice_istarts(range, SLICE("items=")) &&
	       (range.ptr += 6, range.len -= 6, true));
	if (!take_digits(&range, &first) || !slice_starts(range, SLICE("-"))) {
		return true;
	}
	range.ptr++;
	range.len--;
	end = query->limit < 0 ? INT64_MAX : query->offset + query->limit;
	if (range.len > 0) {
		if (!take_digits(&range, &last) || range.len > 0) {
			return true;
		}
		if (last < first) {
			(void)rest_fail(&call->error, 416, "PGRST103",
			    "Requested range not satisfiable");
			return rest_details(&call->error,
			    "The lower boundary must be lower than or equal to the upper "
			    "boundary in the Range header.");
		}
		end = last + 1 < end ? last + 1 : end;
	}
	query->offset = first > query->offset ? first : query->offset;
	query->limit = end == INT64_MAX      ? -1
	               : end > query->offset ? end - query->offset
	                                     : 0;
	return true;
}

/* The rows that the answer would have, as far as that is known without reading them. */
static int64_t rows_on_page(const struct rest_call *call, int64_t total, int64_t limit)
{
	int64_t rows = total > call->query.offset ? total - call->query.offset : 0;

	return rows < limit ? rows : limit;
}

static bool select_rows(struct rest_call *call, struct ask *ask, int64_t limit)
{
	struct rest_sql sql = { .arena = &call->arena, .dialect = ask_dialect(ask) };
	bool good;

	rest_sql_select(&sql, &call->query, limit, call->query.offset);
	good = rest_run(call, ask, &sql, rest_put_row, call, NULL);
	rest_sql_finish(&sql);
	return good;
}

static bool check_offset(struct rest_call *call, int64_t total)
{
	if (total < 0 || call->query.offset <= total || call->query.offset == 0) {
		return true;
	}
	rest_content_range(call, 0, 0, total);
	(void)rest_fail(&call->error, 416, "PGRST103", "Requested range not satisfiable");
	return rest_details(&call->error,
	    "An offset of %lld was requested, but there are only %lld rows.",
	    (long long)call->query.offset, (long long)total);
}

/* All of it within one snapshot. */
static bool read_with(struct rest_call *call, struct ask *ask, int64_t *ret_total)
{
	bool is_head = strcmp(call->request->method, "HEAD") == 0;
	int64_t limit = call->query.limit < 0 || call->query.limit > REST_RETURN_MAX
	                    ? REST_RETURN_MAX
	                    : call->query.limit;
	struct ask_fault fault;

	if (ask_begin(ask, &fault) < 0) {
		return rest_fail_ask(&call->error, &fault);
	}
	if (!find_total(call, ask, ret_total) || !check_offset(call, *ret_total)) {
		return false;
	}
	if (is_head && call->prefer.count == REST_COUNT_EXACT &&
	    call->format != REST_OBJECT) {
		call->rows = rows_on_page(call, *ret_total, limit);
		return true;
	}
	return select_rows(call, ask, limit);
}

bool rest_read(struct rest_call *call)
{
	struct ask *ask = NULL;
	int64_t total = -1;
	bool is_head = strcmp(call->request->method, "HEAD") == 0;
	bool good;

	if (!read_range(call) || !rest_take(call, ASK_READ, &ask)) {
		return false;
	}
	good = read_with(call, ask, &total);
	ask_give(ask);
	if (!good || !rest_check_single(call, call->rows)) {
		return false;
	}
	rest_content_range(call, call->query.offset, call->rows, total);
	if (total > call->rows) {
		call->reply->status = 206;
	}
	rest_give_rows(call, !is_head);
	return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * PATCH and DELETE, and the function that deletes old rows.
 *
 * PostgreSQL does it in one statement. In the SQLite store the rows are looked up first
 * and then changed a few at a time, so that the recorder, which shares the lock, waits
 * some milliseconds at most.
 */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "dashboard/rest_private.h"
#include "dashboard/rest_rows.h"

#define LOOK_MAX   1000000 /* rows that one request may change */
#define STEP_FIRST 20      /* rows */
#define STEP_MAX   500
#define DAY_US     INT64_C(86400000000)

struct change {
	struct rest_call *call;
	bool is_delete;
	const struct rest_rows *set; /* PATCH: the one row of what is set */
	int64_t *rowid;              /* owned */
	size_t count;
	size_t room;
	int64_t changed;
};

/* UPDATE … SET …, or DELETE FROM …; up to WHERE. */
static void put_verb(struct rest_sql *sql, const struct change *change)
{
	const struct rest_rows *set = change->set;
	const struct rest_table *table = change->call->query.table;
	const struct rest_column *updated = rest_column_find(table, SLICE("updated_at"));
	bool is_first = true;

	if (change->is_delete) {
		buf_puts(&sql->text, "DELETE FROM ");
		rest_sql_table(sql, table);
		return;
	}
	buf_puts(&sql->text, "UPDATE ");
	rest_sql_table(sql, table);
	buf_puts(&sql->text, " SET ");
	for (size_t i = 0; i < set->column_count; i++) {
		/* updated_at is when the row last changed, whatever the client says */
		if (sql->dialect == ASK_SQLITE && set->column[i] == updated) {
			continue;
		}
		buf_puts(&sql->text, is_first ? "" : ", ");
		is_first = false;
		rest_sql_name(sql, set->column[i]);
		buf_puts(&sql->text, " = ");
		rest_sql_value(sql, set->column[i]->type, set->first->value[i].text);
	}
	if (sql->dialect == ASK_SQLITE) {
		buf_puts(&sql->text, is_first ? "" : ", ");
		rest_sql_name(sql, updated);
		buf_puts(&sql->text, " = ");
		rest_sql_value(sql, REST_TIME, slice_of(set->now));
	}
}

static int on_changed(void *arg, const struct ask_cell *cells, size_t count)
{
	struct change *change = arg;
	struct rest_call *call = change->call;

	if (call->prefer.give == REST_RETURN_ROWS) {
		return rest_put_row(call, cells, count);
	}
	call->rows++;
	return 0;
}

static bool check_affected(struct rest_call *call, int64_t rows)
{
	if (call->prefer.max_affected < 0 || rows <= call->prefer.max_affected) {
		return true;
	}
	(void)rest_fail(&call->error, 400, "PGRST124",
	    "Query result exceeds max-affected preference constraint");
	return rest_details(&call->error, "The query affects %lld rows", (long long)rows);
}

static bool change_postgres(struct change *change, struct ask *ask)
{
	struct rest_call *call = change->call;
	struct rest_sql sql = { .arena = &call->arena, .dialect = ASK_POSTGRES };
	struct ask_fault fault;
	bool good;

	if (ask_begin(ask, &fault) < 0) {
		return rest_fail_ask(&call->error, &fault);
	}
	put_verb(&sql, change);
	rest_sql_where(&sql, call->query.filter);
	if (call->prefer.give == REST_RETURN_ROWS) {
		buf_puts(&sql.text, " RETURNING ");
		rest_sql_outputs(&sql, &call->query);
	}
	good = rest_run(call, ask, &sql, on_changed, change, &change->changed);
	rest_sql_finish(&sql);
	if (!good || !rest_check_single(call, change->changed) ||
	    !check_affected(call, change->changed)) {
		return false; /* ask_give rolls back */
	}
	return ask_commit(ask, &fault) == 0 ? true : rest_fail_ask(&call->error, &fault);
}

static int on_rowid(void *arg, const struct ask_cell *cells, size_t count)
{
	struct change *change = arg;
	int64_t *more;
	char text[24] = "";

	(void)count;
	if (change->count == LOOK_MAX) {
		(void)rest_fail(&change->call->error, 400, "54000",
		    "more than %d rows match; narrow the filter", LOOK_MAX);
		return -1;
	}
	more = array_grow(change->rowid, change->count, &change->room, sizeof(*more));
	if (!more) {
		(void)rest_fail_memory(&change->call->error);
		return -1;
	}
	change->rowid = more;
	memcpy(text, cells[0].text.ptr, cells[0].text.len < 23 ? cells[0].text.len : 23);
	change->rowid[change->count++] = strtoll(text, NULL, 10);
	return 0;
}

static bool look_up(struct change *change)
{
	struct rest_call *call = change->call;
	struct rest_sql sql = { .arena = &call->arena, .dialect = ASK_SQLITE };
	struct ask *ask = NULL;
	bool good;

	if (!rest_take(call, ASK_READ, &ask)) {
		return false;
	}
	rest_sql_rowids(&sql, &call->query);
	good = rest_run(call, ask, &sql, on_rowid, change, NULL);
	rest_sql_finish(&sql);
	ask_give(ask);
	return good && rest_check_single(call, (int64_t)change->count) &&
	       check_affected(call, (int64_t)change->count);
}

/* Changes the rows from first on, as far as they still match. */
static bool step(struct change *change, struct ask *ask, size_t first, size_t count)
{
	struct rest_call *call = change->call;
	struct rest_arena arena = { 0 };
	struct rest_sql sql = { .arena = &arena, .dialect = ASK_SQLITE };
	struct buf list = { 0 };
	int64_t changed = 0;
	bool good;

	buf_putc(&list, '[');
	for (size_t i = 0; i < count; i++) {
		buf_printf(&list, "%s%lld", i > 0 ? "," : "",
		    (long long)change->rowid[first + i]);
	}
	buf_putc(&list, ']');
	put_verb(&sql, change);
	buf_puts(&sql.text, " WHERE rowid IN (SELECT value FROM json_each(");
	rest_sql_value(&sql, REST_TEXT, buf_slice(&list));
	buf_puts(&sql.text, ")) AND (");
	rest_sql_conditions(&sql, call->query.filter);
	buf_puts(&sql.text, ")");
	if (call->prefer.give == REST_RETURN_ROWS) {
		buf_puts(&sql.text, " RETURNING ");
		rest_sql_outputs(&sql, &call->query);
	}
	good = list.failed ? rest_fail_memory(&call->error)
	                   : rest_run(call, ask, &sql, on_changed, change, &changed);
	change->changed += changed;
	if (!good && !change->is_delete && change->set->first->id.ptr &&
	    strcmp(call->error.code, "23505") == 0) {
		(void)rest_details(&call->error, "Key (id)=(%.*s) already exists.",
		    SLICE_ARG(change->set->first->id));
	}
	rest_sql_finish(&sql);
	buf_finish(&list);
	rest_arena_finish(&arena);
	return good;
}

static bool change_sqlite(struct change *change, struct ask *ask)
{
	size_t at_once = STEP_FIRST;
	bool good = look_up(change);

	for (size_t at = 0; good && at < change->count;) {
		size_t count =
		    change->count - at < at_once ? change->count - at : at_once;
		int64_t mono_begin_ns = mono_ns();
		int64_t took_ns;

		good = step(change, ask, at, count);
		took_ns = mono_ns() - mono_begin_ns;
		at += count;
		if (took_ns > REST_STEP_NS && at_once > 1) {
			at_once /= 2;
		} else if (took_ns < REST_STEP_NS / 4 && at_once < STEP_MAX) {
			at_once *= 2;
		}
		if (at < change->count) {
			rest_leave_lock(took_ns);
		}
	}
	return good;
}

static bool run(struct change *change)
{
	struct ask *ask = NULL;
	bool good;

	if (!rest_take(change->call, ASK_WRITE, &ask)) {
		return false;
	}
	good = ask_dialect(ask) == ASK_SQLITE ? change_sqlite(change, ask)
	                                      : change_postgres(change, ask);
	ask_give(ask);
	free(change->rowid);
	return good;
}

static void give(struct change *change)
{
	struct rest_call *call = change->call;
	bool with_rows = call->prefer.give == REST_RETURN_ROWS;
	bool counted = call->prefer.count == REST_COUNT_EXACT;

	if (call->prefer.give != REST_RETURN_NONE) {
		rest_applied(call, with_rows ? "return=representation"
		                   : call->prefer.give == REST_RETURN_MINIMAL
		                       ? "return=minimal"
		                       : "return=headers-only");
	}
	if (counted) {
		rest_applied(call, "count=exact");
	}
	rest_content_range(call, 0, change->is_delete ? 0 : change->changed,
	    counted ? change->changed : -1);
	call->reply->status = with_rows ? 200 : 204;
	if (with_rows) {
		rest_give_rows(call, true);
	}
}

/* What Supabase's servers say to a change of everything. */
static bool check_filters(struct rest_call *call, bool is_delete)
{
	if (!call->query.filter) {
		(void)rest_fail(&call->error, 400, "21000", "%s requires a WHERE clause",
		    is_delete ? "DELETE" : "UPDATE");
		return false;
	}
	if (call->query.paged) {
		(void)rest_fail(&call->error, 400, "PGRST127", "Feature not implemented");
		return rest_details(&call->error,
		    "limit and offset are not offered for PATCH and DELETE; filter by id");
	}
	return true;
}

bool rest_change(struct rest_call *call, bool is_delete)
{
	struct rest_rows set = { 0 };
	struct change change = { .call = call, .is_delete = is_delete, .set = &set };

	if (!check_filters(call, is_delete) ||
	    (!is_delete && !rest_rows_read(call, true, &set))) {
		return false;
	}
	if (!is_delete && set.count == 0) {
		return rest_fail(&call->error, 400, "PGRST102", "Empty or invalid json");
	}
	if (!is_delete && set.column_count == 0) {
		if (!rest_check_single(call, 0)) {
			return false;
		}
		give(&change); /* nothing to set */
		return true;
	}
	if (!run(&change)) {
		return false;
	}
	give(&change);
	return true;
}

static int on_deleted(void *arg, const struct ask_cell *cells, size_t count)
{
	char text[24] = "";

	(void)count;
	memcpy(text, cells[0].text.ptr, cells[0].text.len < 23 ? cells[0].text.len : 23);
	*(int64_t *)arg = strtoll(text, NULL, 10);
	return 0;
}

static bool cleanup_postgres(struct change *change)
{
	struct rest_call *call = change->call;
	struct rest_sql sql = { .arena = &call->arena, .dialect = ASK_POSTGRES };
	struct ask *ask = NULL;
	bool good;

	if (!rest_take(call, ASK_WRITE, &ask)) {
		return false;
	}
	buf_puts(&sql.text, "SELECT public." REST_CLEANUP "()");
	good = rest_run(call, ask, &sql, on_deleted, &change->changed, NULL);
	rest_sql_finish(&sql);
	ask_give(ask);
	return good;
}

/* The function's WHERE as a filter: the store has no functions. */
static bool cleanup_sqlite(struct change *change)
{
	struct rest_call *call = change->call;
	struct rest_query *query = &call->query;
	char all[CLOCK_TEXT_SIZE];
	char success[CLOCK_TEXT_SIZE];
	struct buf text = { 0 };
	bool good;

	clock_format_us(wall_us() - 180 * DAY_US, all);
	clock_format_us(wall_us() - 90 * DAY_US, success);
	buf_printf(&text, "or=(created_at.lt.%s,and(status.eq.success,created_at.lt.%s))",
	    all, success);
	good = !text.failed &&
	       rest_parse(&call->arena, rest_table_find(SLICE("integration_logs")),
	           buf_slice(&text), query, &call->error);
	buf_finish(&text);
	return good && run(change);
}

bool rest_cleanup(struct rest_call *call)
{
	struct change change = { .call = call, .is_delete = true };
	bool good;

	call->format = REST_ARRAY;
	call->prefer.give = REST_RETURN_MINIMAL;
	call->prefer.max_affected = -1;
	good = ask_pool_dialect(call->pool) == ASK_SQLITE ? cleanup_sqlite(&change)
	                                                  : cleanup_postgres(&change);
	if (good) {
		reply_header(
		    call->reply, "Content-Type", "application/json; charset=utf-8");
		buf_printf(&call->reply->body, "%lld", (long long)change.changed);
	}
	return good;
}

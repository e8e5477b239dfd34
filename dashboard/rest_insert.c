/* SPDX-License-Identifier: MIT */
/*
 * POST and PUT: rows that come.
 *
 * PostgreSQL takes all of them in one transaction. In the SQLite store the recorder waits
 * while somebody else writes: there they go in steps of some milliseconds, and what an
 * earlier step inserted is taken back when a later one fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dashboard/rest_json.h"
#include "dashboard/rest_private.h"
#include "dashboard/rest_rows.h"
#include "dashboard/rest_value.h"

#define PARAMS_MAX 60000 /* PostgreSQL: 65535 in one statement */

struct insertion {
	struct rest_call *call;
	struct ask *ask;
	struct rest_rows rows;
	int64_t inserted; /* not there before */
	/* SQLite: the ids that were written, for taking them back */
	struct slice *id;
	size_t id_count;
	bool is_new; /* the row under way is not there yet */
};

static void put_columns(
    struct rest_sql *sql, const struct rest_rows *rows, const struct rest_row *only_given)
{
	bool is_first = true;

	for (size_t i = 0; i < rows->column_count; i++) {
		if (only_given && only_given->value[i].is_default) {
			continue;
		}
		buf_puts(&sql->text, is_first ? "" : ", ");
		is_first = false;
		rest_sql_name(sql, rows->column[i]);
	}
}

static void put_values(
    struct rest_sql *sql, const struct rest_rows *rows, const struct rest_row *row)
{
	bool is_first = true;

	buf_puts(&sql->text, "(");
	for (size_t i = 0; i < rows->column_count; i++) {
		bool skip = row->value[i].is_default && sql->dialect == ASK_SQLITE;

		if (skip) {
			continue; /* the column is not named either */
		}
		buf_puts(&sql->text, is_first ? "" : ", ");
		is_first = false;
		if (row->value[i].is_default) {
			buf_puts(&sql->text, "DEFAULT");
		} else {
			rest_sql_value(sql, rows->column[i]->type, row->value[i].text);
		}
	}
	buf_puts(&sql->text, ")");
}

/* True: at least one column of the row has a value. */
static bool has_values(const struct rest_rows *rows, const struct rest_row *row)
{
	for (size_t i = 0; i < rows->column_count; i++) {
		if (!row->value[i].is_default) {
			return true;
		}
	}
	return false;
}

/* What happens to a row that is there already. */
static void put_conflict(
    struct rest_sql *sql, const struct insertion *insertion, const struct rest_row *row)
{
	const struct rest_rows *rows = &insertion->rows;
	const struct rest_table *table = insertion->call->query.table;
	bool is_first = true;

	if (insertion->call->prefer.resolution == REST_RESOLVE_NONE) {
		return;
	}
	buf_puts(&sql->text, " ON CONFLICT (\"id\") DO ");
	if (insertion->call->prefer.resolution == REST_RESOLVE_IGNORE ||
	    rows->column_count == 0) {
		buf_puts(&sql->text, "NOTHING");
		return;
	}
	buf_puts(&sql->text, "UPDATE SET ");
	for (size_t i = 0; i < rows->column_count; i++) {
		bool is_time = sql->dialect == ASK_SQLITE &&
		               strcmp(rows->column[i]->name, "updated_at") == 0;

		if (is_time || (sql->dialect == ASK_SQLITE && row->value[i].is_default)) {
			continue;
		}
		buf_puts(&sql->text, is_first ? "" : ", ");
		is_first = false;
		rest_sql_name(sql, rows->column[i]);
		buf_puts(&sql->text, " = EXCLUDED.");
		rest_sql_name(sql, rows->column[i]);
	}
	if (sql->dialect == ASK_SQLITE) { /* PostgreSQL's trigger does that */
		buf_puts(&sql->text, is_first ? "" : ", ");
		rest_sql_name(sql, rest_column_find(table, SLICE("updated_at")));
		buf_puts(&sql->text, " = ");
		rest_sql_value(sql, REST_TIME, slice_of(rows->now));
	}
}

/* INSERT of count rows from row on. */
static void put_insert(struct rest_sql *sql, const struct insertion *insertion,
    const struct rest_row *row, size_t count)
{
	const struct rest_rows *rows = &insertion->rows;
	const struct rest_table *table = insertion->call->query.table;
	bool is_sqlite = sql->dialect == ASK_SQLITE;

	buf_puts(&sql->text, "INSERT INTO ");
	rest_sql_table(sql, table);
	if (is_sqlite ? !has_values(rows, row) : rows->column_count == 0) {
		buf_puts(&sql->text, " DEFAULT VALUES");
	} else {
		buf_puts(&sql->text, " (");
		put_columns(sql, rows, is_sqlite ? row : NULL);
		buf_puts(&sql->text, ") VALUES ");
		for (size_t i = 0; i < count; i++, row = row->next) {
			buf_puts(&sql->text, i > 0 ? ", " : "");
			put_values(sql, rows, row);
			if (is_sqlite) {
				put_conflict(sql, insertion, row);
			}
		}
		if (!is_sqlite) {
			put_conflict(sql, insertion, NULL);
		}
	}
	buf_puts(&sql->text, " RETURNING ");
	rest_sql_outputs(sql, &insertion->call->query);
	buf_puts(&sql->text, is_sqlite ? ", \"id\"" : ", (xmax = 0)::integer, \"id\"");
}

/* The cells behind the outputs say whether the row is new, and its id. */
static int on_written(void *arg, const struct ask_cell *cells, size_t count)
{
	struct insertion *insertion = arg;
	struct rest_call *call = insertion->call;
	bool is_sqlite = ask_dialect(insertion->ask) == ASK_SQLITE;
	const struct ask_cell *id = &cells[count - 1];
	bool is_new = is_sqlite ? insertion->is_new : cells[count - 2].text.ptr[0] == '1';

	insertion->inserted += is_new;
	if (is_new && insertion->id) {
		insertion->id[insertion->id_count] =
		    rest_arena_copy(&call->arena, id->text);
		if (!insertion->id[insertion->id_count++].ptr) {
			(void)rest_fail_memory(&call->error);
			return -1;
		}
	}
	if (call->prefer.give == REST_RETURN_ROWS || call->format == REST_OBJECT) {
		return rest_put_row(call, cells, count);
	}
	if (call->prefer.give == REST_RETURN_HEADERS && call->rows == 0) {
		call->out.failed = false;
		buf_truncate(&call->out, 0);
		buf_put_slice(&call->out, id->text);
	}
	call->rows++;
	return 0;
}

static bool write_rows(
    struct insertion *insertion, const struct rest_row *row, size_t count)
{
	struct rest_call *call = insertion->call;
	struct rest_sql sql = { .arena = &call->arena,
		.dialect = ask_dialect(insertion->ask) };
	bool good;

	put_insert(&sql, insertion, row, count);
	good = rest_run(call, insertion->ask, &sql, on_written, insertion, NULL);
	rest_sql_finish(&sql);
	return good;
}

static bool begin(struct insertion *insertion)
{
	struct ask_fault fault;

	return ask_begin(insertion->ask, &fault) == 0
	           ? true
	           : rest_fail_ask(&insertion->call->error, &fault);
}

static bool commit(struct insertion *insertion)
{
	struct ask_fault fault;

	return ask_commit(insertion->ask, &fault) == 0
	           ? true
	           : rest_fail_ask(&insertion->call->error, &fault);
}

static bool write_postgres(struct insertion *insertion)
{
	const struct rest_rows *rows = &insertion->rows;
	size_t at_once = PARAMS_MAX / (rows->column_count > 0 ? rows->column_count : 1);
	const struct rest_row *row = rows->first;
	size_t left = rows->count;

	if (rows->column_count == 0) {
		at_once = 1; /* DEFAULT VALUES makes one */
	}
	if (!begin(insertion)) {
		return false;
	}
	while (left > 0) {
		size_t count = left < at_once ? left : at_once;

		if (!write_rows(insertion, row, count)) {
			return false;
		}
		left -= count;
		for (; count > 0; count--) {
			row = row->next;
		}
	}
	return rest_check_single(insertion->call, insertion->call->rows) &&
	       commit(insertion);
}

static int on_found(void *arg, const struct ask_cell *cells, size_t count)
{
	(void)cells;
	(void)count;
	((struct insertion *)arg)->is_new = false;
	return 0;
}

/* SQLite does not tell an insert from an update: looks before. Also names the id that is
 * there already, as PostgreSQL does. */
static bool write_sqlite_row(struct insertion *insertion, const struct rest_row *row)
{
	struct rest_call *call = insertion->call;
	struct rest_sql sql = { .arena = &call->arena, .dialect = ASK_SQLITE };
	bool good = true;

	insertion->is_new = true;
	if (row->id.ptr) {
		buf_puts(&sql.text, "SELECT 1 FROM ");
		rest_sql_table(&sql, call->query.table);
		buf_puts(&sql.text, " WHERE \"id\" = ");
		rest_sql_value(&sql, REST_UUID, row->id);
		good = rest_run(call, insertion->ask, &sql, on_found, insertion, NULL);
		rest_sql_finish(&sql);
	}
	good = good && write_rows(insertion, row, 1);
	if (!good && row->id.ptr && strcmp(call->error.code, "23505") == 0) {
		(void)rest_details(
		    &call->error, "Key (id)=(%.*s) already exists.", SLICE_ARG(row->id));
	}
	return good;
}

/* Takes back what earlier steps inserted. */
static void undo(struct insertion *insertion, size_t count)
{
	struct rest_call *call = insertion->call;

	for (size_t i = 0; i < count; i++) {
		struct rest_sql sql = { .arena = &call->arena, .dialect = ASK_SQLITE };
		struct ask_fault ignored;
		const char *text;

		buf_puts(&sql.text, "DELETE FROM ");
		rest_sql_table(&sql, call->query.table);
		buf_puts(&sql.text, " WHERE \"id\" = ");
		rest_sql_value(&sql, REST_UUID, insertion->id[i]);
		text = rest_sql_text(&sql);
		if (text) {
			/* the fault that led here is told, not this one */
			(void)!ask_run(insertion->ask, text, sql.param, sql.param_count,
			    NULL, NULL, NULL, &ignored);
		}
		rest_sql_finish(&sql);
	}
}

/* Rows from *row on until the time is over; *row becomes the next one. */
static bool write_step(struct insertion *insertion, const struct rest_row **row)
{
	int64_t mono_end_ns;

	if (!begin(insertion)) {
		return false;
	}
	mono_end_ns = mono_ns() + REST_STEP_NS;
	while (*row) {
		if (!write_sqlite_row(insertion, *row)) {
			return false;
		}
		*row = (*row)->next;
		if (mono_ns() > mono_end_ns) {
			break;
		}
	}
	return (*row || rest_check_single(insertion->call, insertion->call->rows)) &&
	       commit(insertion);
}

/* After a step that failed: takes back those before it. */
static void take_back(struct insertion *insertion, size_t committed)
{
	struct rest_error error = insertion->call->error;
	struct ask *ask = NULL;

	ask_give(insertion->ask); /* rolls back */
	insertion->ask = NULL;
	if (committed > 0 && rest_take(insertion->call, ASK_WRITE, &ask)) {
		insertion->ask = ask;
		undo(insertion, committed);
	}
	insertion->call->error = error;
}

static bool write_sqlite(struct insertion *insertion)
{
	const struct rest_row *row = insertion->rows.first;
	size_t committed = 0; /* of the ids */

	insertion->id = rest_arena_get(
	    &insertion->call->arena, (insertion->rows.count + 1) * sizeof(struct slice));
	if (!insertion->id) {
		return rest_fail_memory(&insertion->call->error);
	}
	while (row) {
		int64_t mono_begin_ns = mono_ns();

		if (!write_step(insertion, &row)) {
			take_back(insertion, committed);
			return false;
		}
		committed = insertion->id_count;
		if (row) {
			rest_leave_lock(mono_ns() - mono_begin_ns);
		}
	}
	return insertion->rows.count > 0 ||
	       rest_check_single(insertion->call, insertion->call->rows);
}

static void give(struct insertion *insertion, bool is_put)
{
	struct rest_call *call = insertion->call;
	bool is_upsert = call->prefer.resolution != REST_RESOLVE_NONE;
	bool with_rows = call->prefer.give == REST_RETURN_ROWS;

	call->reply->status =
	    is_upsert && insertion->inserted == 0 && insertion->rows.count > 0 ? 200
	                                                                       : 201;
	if (is_put) {
		call->reply->status = insertion->inserted > 0 ? 201
		                      : with_rows             ? 200
		                                              : 204;
	}
	if (!is_put) {
		rest_content_range(
		    call, 0, 0, call->prefer.count == REST_COUNT_EXACT ? call->rows : -1);
	}
	if (call->prefer.give == REST_RETURN_HEADERS && call->rows == 1) {
		reply_header(call->reply, "Location", "/%s?id=eq.%.*s",
		    call->query.table->name, SLICE_ARG(buf_slice(&call->out)));
	}
	if (with_rows) {
		rest_give_rows(call, true);
	}
}

static void note_preferences(struct rest_call *call, bool is_put)
{
	static const char *const gives[] = {
		[REST_RETURN_MINIMAL] = "return=minimal",
		[REST_RETURN_HEADERS] = "return=headers-only",
		[REST_RETURN_ROWS] = "return=representation",
	};

	if (!is_put && call->prefer.resolution == REST_RESOLVE_MERGE) {
		rest_applied(call, "resolution=merge-duplicates");
	} else if (!is_put && call->prefer.resolution == REST_RESOLVE_IGNORE) {
		rest_applied(call, "resolution=ignore-duplicates");
	}
	if (call->prefer.missing_given) {
		rest_applied(call,
		    call->prefer.missing_default ? "missing=default" : "missing=null");
	}
	if (call->prefer.give != REST_RETURN_NONE) {
		rest_applied(call, gives[call->prefer.give]);
	}
	if (call->prefer.count == REST_COUNT_EXACT) {
		rest_applied(call, "count=exact");
	}
}

/* PUT: one row, whose id is the only filter. */
static bool check_put(struct insertion *insertion)
{
	struct rest_call *call = insertion->call;
	const struct rest_filter *filter = call->query.filter;
	const struct rest_row *row = insertion->rows.first;

	if (call->query.paged) {
		return rest_fail(&call->error, 400, "PGRST114",
		    "limit/offset querystring parameters are not allowed for PUT");
	}
	if (!filter || filter->next || filter->node != REST_TEST || filter->negated ||
	    filter->op != REST_EQ || filter->value_count != 1 ||
	    filter->field.column != rest_table_key(call->query.table)) {
		return rest_fail(&call->error, 405, "PGRST105",
		    "Filters must include all and only primary key columns with 'eq' "
		    "operators");
	}
	if (insertion->rows.count != 1 || !row->id.ptr ||
	    !slice_eq(row->id, filter->value[0])) {
		return rest_fail(&call->error, 400, "PGRST115",
		    "Payload values do not match URL in primary key column(s)");
	}
	return true;
}

bool rest_insert(struct rest_call *call, bool is_put)
{
	struct insertion insertion = { .call = call };
	bool good;

	if (!rest_rows_read(call, false, &insertion.rows) ||
	    (is_put && !check_put(&insertion))) {
		return false;
	}
	if (is_put) {
		call->prefer.resolution = REST_RESOLVE_MERGE;
	}
	note_preferences(call, is_put);
	if (!rest_take(call, ASK_WRITE, &insertion.ask)) {
		return false;
	}
	good = ask_dialect(insertion.ask) == ASK_SQLITE ? write_sqlite(&insertion)
	                                                : write_postgres(&insertion);
	if (insertion.ask) {
		ask_give(insertion.ask);
	}
	if (good) {
		give(&insertion, is_put);
	}
	return good;
}

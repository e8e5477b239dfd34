/* SPDX-License-Identifier: MIT */
#include "dashboard/facts.h"

#include "base/array.h"
#include "base/clock.h"
#include "dashboard/histogram.h"
#include "dashboard/logrow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define SECOND_US INT64_C(1000000)

/* A created_at of PostgreSQL in microseconds; the double is exact enough to round. To
 * have the server write each in the store's way takes it twice the time of counting. */
#define PG_US(of) "round(date_part('epoch', " of ") * 1e6)::bigint"

struct visitor {
	fact_visit visit;
	void *arg;
	bool of_rows;               /* durations are a list; else a rollup's histogram */
	bool has_us;                /* times are numbers: PG_US */
	struct histogram durations; /* of the fact that is being handed out */
};

/* Columns: bucket, four fields, durations, count, sum, first, last. */
static int on_row(void *arg, const struct ask_cell *cell, size_t count)
{
	struct visitor *visitor = arg;
	char first[CLOCK_TEXT_SIZE];
	char last[CLOCK_TEXT_SIZE];
	struct fact fact = { .bucket_s = logrow_number(&cell[0]),
		.durations = &visitor->durations };
	bool fine;

	(void)count;
	for (int i = 0; i < FACT_FIELDS; i++) {
		fact.field[i] = cell[1 + i].text;
	}
	memset(&visitor->durations, 0, sizeof(visitor->durations));
	fine = visitor->of_rows ? histogram_parse_list(&visitor->durations, cell[5].text)
	                        : histogram_parse(&visitor->durations, cell[5].text);
	fact.count = (uint64_t)logrow_number(&cell[6]);
	fact.duration_sum = logrow_number(&cell[7]);
	fact.first = cell[8].text;
	fact.last = cell[9].text;
	if (visitor->has_us) {
		clock_format_us(logrow_number(&cell[8]), first);
		clock_format_us(logrow_number(&cell[9]), last);
		fact.first = slice_of(first);
		fact.last = slice_of(last);
	}
	return fine ? visitor->visit(visitor->arg, &fact) : -EINVAL;
}

static void put_bucket(struct query *query, int64_t step_s)
{
	if (step_s == 0) {
		buf_puts(&query->sql, "0");
	} else if (query->dialect == ASK_POSTGRES) {
		buf_printf(&query->sql,
		    "floor(date_part('epoch', created_at) / %" PRId64
		    ")::bigint * %" PRId64,
		    step_s, step_s);
	} else {
		buf_printf(&query->sql, "unixepoch(created_at) / %" PRId64 " * %" PRId64,
		    step_s, step_s);
	}
}

int facts_of_rows(struct ask *ask, const struct filter *filter, int64_t from_us,
    int64_t to_us, int64_t step_s, fact_visit visit, void *arg, struct ask_fault *fault)
{
	struct query query = { .dialect = ask_dialect(ask) };
	bool is_pg = query.dialect == ASK_POSTGRES;
	struct visitor visitor = { visit, arg, true, is_pg, { 0 } };
	int rc;

	buf_puts(&query.sql, "SELECT ");
	put_bucket(&query, step_s);
	buf_puts(
	    &query.sql, ", service_name, action, status, coalesce(error_code, ''), ");
	/* a list, which is sorted into buckets here: nearly every row of a short span has
	 * one to itself, and groups of one cost the database more than a list */
	buf_puts(&query.sql, is_pg ? "array_to_string(array_agg(duration_ms), ',')"
	                           : "group_concat(duration_ms)");
	buf_puts(&query.sql, ", count(*), coalesce(sum(duration_ms), 0), ");
	buf_puts(&query.sql, is_pg ? PG_US("min(created_at)") : "min(created_at)");
	buf_puts(&query.sql, ", ");
	buf_puts(&query.sql, is_pg ? PG_US("max(created_at)") : "max(created_at)");
	buf_printf(&query.sql, " FROM integration_logs%s", query_index(&query, filter));
	query_rows(&query, filter, from_us, to_us);
	buf_puts(&query.sql, " GROUP BY 1, 2, 3, 4, 5");
	rc = query_run(&query, ask, on_row, &visitor, fault);
	query_finish(&query);
	return rc;
}

int facts_of_rollups(struct ask *ask, const struct filter *filter, int64_t level_s,
    int64_t from_us, int64_t to_us, fact_visit visit, void *arg, struct ask_fault *fault)
{
	struct query query = { .dialect = ask_dialect(ask) };
	struct visitor visitor = { visit, arg, false, false, { 0 } };
	int rc;

	buf_printf(&query.sql,
	    "SELECT bucket, service_name, action, status, error_code, histogram, count, "
	    "duration_sum, first_created, last_created FROM integration_rollups "
	    "WHERE level = %" PRId64 " AND bucket >= %" PRId64 " AND bucket < %" PRId64,
	    level_s, from_us / SECOND_US, to_us / SECOND_US);
	query_lists(&query, filter);
	rc = query_run(&query, ask, on_row, &visitor, fault);
	query_finish(&query);
	return rc;
}

struct marks {
	int64_t *slot;
	size_t count;
	size_t cap;
};

static int on_mark(void *arg, const struct ask_cell *cell, size_t count)
{
	struct marks *marks = arg;
	int64_t *slot = array_grow(marks->slot, marks->count, &marks->cap, sizeof(*slot));

	(void)count;
	if (!slot) {
		return -ENOMEM;
	}
	marks->slot = slot;
	marks->slot[marks->count++] = logrow_number(cell);
	return 0;
}

static int on_bool(void *arg, const struct ask_cell *cell, size_t count)
{
	(void)count;
	*(bool *)arg = cell->text.len > 0 && cell->text.ptr[0] == 't';
	return 0;
}

int facts_have_rollups(struct ask *ask, bool *ret_have, struct ask_fault *fault)
{
	*ret_have = true; /* the store has them since this program opened it */
	if (ask_dialect(ask) != ASK_POSTGRES) {
		return 0;
	}
	return ask_run(ask,
	    "SELECT to_regclass('public.integration_rollup_marks') IS NOT NULL", NULL, 0,
	    on_bool, ret_have, NULL, fault);
}

int facts_marks(struct ask *ask, int64_t from_us, int64_t to_us, int64_t **ret_slot,
    size_t *ret_count, struct ask_fault *fault)
{
	struct marks marks = { 0 };
	char sql[200];
	int rc;

	(void)snprintf(sql, sizeof(sql), /* fits: two numbers */
	    "SELECT DISTINCT slot FROM integration_rollup_marks WHERE slot >= %" PRId64
	    " AND slot <= %" PRId64 " ORDER BY slot",
	    from_us / SECOND_US / COVER_SLOT_S, to_us / SECOND_US / COVER_SLOT_S);
	rc = ask_run(ask, sql, NULL, 0, on_mark, &marks, NULL, fault);
	if (rc != 0) {
		free(marks.slot);
		return rc;
	}
	if (!marks.slot && !(marks.slot = malloc(sizeof(*marks.slot)))) {
		return -ENOMEM; /* never NULL: that means no rollups at all */
	}
	*ret_slot = marks.slot;
	*ret_count = marks.count;
	return 0;
}

static int read_part(struct ask *ask, const struct filter *filter,
    const struct cover_part *part, int64_t step_s, fact_visit visit, void *arg,
    struct ask_fault *fault)
{
	if (part->level_s == COVER_ROWS) {
		return facts_of_rows(
		    ask, filter, part->from_us, part->to_us, step_s, visit, arg, fault);
	}
	return facts_of_rollups(
	    ask, filter, part->level_s, part->from_us, part->to_us, visit, arg, fault);
}

int facts_read(struct ask *ask, const struct filter *filter, int64_t from_us,
    int64_t to_us, int64_t step_s, const int64_t *dirty_slot, size_t dirty_count,
    fact_visit visit, void *arg, struct ask_fault *fault)
{
	int64_t level_s =
	    step_s == 0 ? cover_level_s[COVER_LEVELS - 1] : cover_level_for(step_s);
	struct cover cover = { 0 };
	int rc = 0;

	if (filter_needs_rows(filter) || !dirty_slot) {
		level_s = COVER_ROWS;
	}
	if (!cover_make(&cover, from_us, to_us, level_s, dirty_slot, dirty_count)) {
		rc = -ENOMEM;
	}
	for (size_t i = 0; i < cover.count && rc == 0; i++) {
		rc = read_part(ask, filter, &cover.part[i], step_s, visit, arg, fault);
	}
	cover_finish(&cover);
	return rc;
}

/* SPDX-License-Identifier: MIT */
#include "dashboard/query.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>

/* The values that a column has, by steps along its index: one row of it a step. */
#define EACH_VALUE(column)                                                               \
	"(WITH RECURSIVE each_value (x) AS ("                                            \
	"SELECT min(" column ") FROM integration_logs UNION ALL "                        \
	"SELECT (SELECT min(" column ") FROM integration_logs "                          \
	"WHERE " column                                                                  \
	" > each_value.x) FROM each_value WHERE each_value.x IS NOT NULL) "              \
	"SELECT x FROM each_value WHERE x IS NOT NULL)"

void query_finish(struct query *query)
{
	buf_finish(&query->sql);
}

void query_param(struct query *query, struct slice value, const char *cast)
{
	if (query->count == QUERY_PARAMS) {
		query->failed = true;
		return;
	}
	query->param[query->count++] = value;
	buf_printf(&query->sql, "$%zu", query->count);
	if (cast && query->dialect == ASK_POSTGRES) {
		buf_printf(&query->sql, "::%s", cast);
	}
}

void query_time(struct query *query, int64_t us)
{
	char *text = query->time[query->times];

	if (query->times == QUERY_TIMES) {
		query->failed = true;
		return;
	}
	query->times++;
	clock_format_us(us, text);
	query_param(query, slice_of(text), "timestamptz");
}

static void put_list(struct query *query, const char *column, const struct filter *filter,
    enum filter_list list)
{
	for (size_t i = 0; i < filter->count[list]; i++) {
		buf_puts(&query->sql, i == 0 ? " AND " : ", ");
		if (i == 0) {
			buf_printf(&query->sql, "%s IN (", column);
		}
		query_param(query, filter->value[list][i], "text");
	}
	if (filter->count[list] > 0) {
		buf_putc(&query->sql, ')');
	}
}

void query_lists(struct query *query, const struct filter *filter)
{
	put_list(query, "service_name", filter, FILTER_SERVICE);
	put_list(query, "action", filter, FILTER_ACTION);
	put_list(query, "status", filter, FILTER_STATUS);
	put_list(query, "error_code", filter, FILTER_CODE);
}

static void put_words(struct query *query, const struct filter *filter)
{
	buf_puts(&query->sql, " AND error_message IS NOT NULL"); /* so has its index */
	if (query->dialect == ASK_POSTGRES) {
		buf_puts(&query->sql, " AND error_message ILIKE ");
		query_param(query, filter->q_pattern, "text");
	} else {
		buf_puts(&query->sql, " AND waybill_like(error_message, ");
		query_param(query, filter->q_pattern, NULL);
		buf_puts(&query->sql, ", 1)");
	}
}

void query_rows(
    struct query *query, const struct filter *filter, int64_t from_us, int64_t to_us)
{
	buf_puts(&query->sql, " WHERE created_at >= ");
	query_time(query, from_us);
	buf_puts(&query->sql, " AND created_at < ");
	query_time(query, to_us);
	query_lists(query, filter);
	if (filter->entity_type.ptr) {
		buf_puts(&query->sql, " AND related_entity_type = ");
		query_param(query, filter->entity_type, "text");
	} else if (filter->entity_id.ptr) { /* so that their index serves */
		buf_puts(&query->sql,
		    " AND related_entity_type IN " EACH_VALUE("related_entity_type"));
	}
	if (filter->entity_id.ptr) {
		buf_puts(&query->sql, " AND related_entity_id = ");
		query_param(query, filter->entity_id, "uuid");
	}
	if (filter->q.ptr) {
		put_words(query, filter);
	}
}

const char *query_index(const struct query *query, const struct filter *filter)
{
	if (query->dialect == ASK_POSTGRES) {
		return "";
	}
	if (filter->entity_type.ptr || filter->entity_id.ptr) {
		return " INDEXED BY idx_integration_logs_related_entity";
	}
	if (filter->q.ptr) {
		return " INDEXED BY idx_integration_logs_error_message";
	}
	if (filter->count[FILTER_CODE] > 0) {
		return " INDEXED BY idx_integration_logs_error_code";
	}
	return " INDEXED BY idx_integration_logs_created_at";
}

int query_run(struct query *query, struct ask *ask, ask_visit visit, void *arg,
    struct ask_fault *fault)
{
	buf_putc(&query->sql, '\0');
	if (query->failed || query->sql.failed) {
		(void)snprintf(fault->sqlstate, sizeof(fault->sqlstate), "53200");
		(void)snprintf(fault->message, sizeof(fault->message), "%s",
		    query->failed ? "too many values in the filter" : "out of memory");
		return -ENOMEM;
	}
	return ask_run(
	    ask, query->sql.ptr, query->param, query->count, visit, arg, NULL, fault);
}

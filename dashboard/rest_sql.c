/* SPDX-License-Identifier: MIT */
#include "dashboard/rest_sql.h"

#include <string.h>

/* An operator with two sides. */
struct operation {
	const char *before;
	const char *between;
	const char *after;
};

/* Where the two databases differ. */
static const struct dialect {
	const char *schema;
	const char *json_order; /* after an expression that is JSON and is compared */
	bool has_casts;         /* of values and of results; else rest_cell.c casts */
	struct operation like;
	struct operation ilike;
	struct operation contains;
} dialects[] = {
	[ASK_SQLITE] = {
		.schema = "",
		.json_order = " COLLATE waybill_jsonb",
		.has_casts = false,
		.like = { "waybill_like(", ", ", ", 0)" },
		.ilike = { "waybill_like(", ", ", ", 1)" },
		.contains = { "waybill_contains(", ", ", ")" },
	},
	[ASK_POSTGRES] = {
		.schema = "public.",
		.json_order = "",
		.has_casts = true,
		.like = { "", " LIKE ", "" },
		.ilike = { "", " ILIKE ", "" },
		.contains = { "", " @> ", "" },
	},
};

static const struct dialect *dialect_of(const struct rest_sql *sql)
{
	return &dialects[sql->dialect];
}

void rest_sql_finish(struct rest_sql *sql)
{
	buf_finish(&sql->text);
}

const char *rest_sql_text(struct rest_sql *sql)
{
	buf_putc(&sql->text, '\0');
	return sql->text.failed || sql->arena->failed ? NULL : sql->text.ptr;
}

/* Adds a parameter; returns its number. */
static size_t add_param(struct rest_sql *sql, struct slice value)
{
	if (sql->param_count == sql->param_room) {
		size_t room = sql->param_room ? sql->param_room * 2 : 16;
		struct slice *more = rest_arena_get(sql->arena, room * sizeof(*more));

		if (!more) {
			sql->text.failed = true;
			return 1;
		}
		if (sql->param_count > 0) {
			memcpy(more, sql->param, sql->param_count * sizeof(*more));
		}
		sql->param = more;
		sql->param_room = room;
	}
	sql->param[sql->param_count++] = value;
	return sql->param_count;
}

void rest_sql_value(struct rest_sql *sql, enum rest_type type, struct slice value)
{
	size_t number = add_param(sql, value);

	if (dialect_of(sql)->has_casts) {
		buf_printf(&sql->text, "$%zu::%s", number, rest_type_sql(type));
	} else if (type == REST_INTEGER || type == REST_BIGINT) {
		buf_printf(&sql->text, "CAST($%zu AS INTEGER)", number);
	} else {
		buf_printf(&sql->text, "$%zu", number);
	}
}

void rest_sql_name(struct rest_sql *sql, const struct rest_column *column)
{
	buf_printf(&sql->text, "\"%s\"", column->name);
}

void rest_sql_table(struct rest_sql *sql, const struct rest_table *table)
{
	buf_printf(&sql->text, "%s\"%s\"", dialect_of(sql)->schema, table->name);
}

static void put_column(struct rest_sql *sql, const struct rest_column *column)
{
	if (sql->dialect == ASK_SQLITE && column->sqlite) {
		buf_puts(&sql->text, column->sqlite);
	} else {
		rest_sql_name(sql, column);
	}
}

static void put_sqlite_path(struct rest_sql *sql, const struct rest_field *field)
{
	buf_puts(&sql->text, "waybill_json(");
	put_column(sql, field->column);
	buf_puts(&sql->text, field->as_text ? ", 1" : ", 0");
	for (size_t i = 0; i < field->step_count; i++) {
		const struct rest_step *step = &field->step[i];

		buf_puts(&sql->text, ", ");
		if (step->is_index) {
			buf_printf(&sql->text, "%d", (int)step->index);
		} else {
			rest_sql_value(sql, REST_TEXT, step->key);
		}
	}
	buf_puts(&sql->text, ")");
}

static void put_postgres_path(struct rest_sql *sql, const struct rest_field *field)
{
	buf_puts(&sql->text, "(");
	put_column(sql, field->column);
	for (size_t i = 0; i < field->step_count; i++) {
		const struct rest_step *step = &field->step[i];
		bool last = i + 1 == field->step_count;

		buf_puts(&sql->text, last && field->as_text ? "->>" : "->");
		if (step->is_index) {
			buf_printf(&sql->text, "(%d)", (int)step->index);
		} else {
			rest_sql_value(sql, REST_TEXT, step->key);
		}
	}
	buf_puts(&sql->text, ")");
}

static void put_field(struct rest_sql *sql, const struct rest_field *field)
{
	if (field->step_count == 0) {
		put_column(sql, field->column);
	} else if (sql->dialect == ASK_SQLITE) {
		put_sqlite_path(sql, field);
	} else {
		put_postgres_path(sql, field);
	}
}

/* The field where it is compared. */
static void put_ordered(struct rest_sql *sql, const struct rest_field *field)
{
	put_field(sql, field);
	if (rest_field_type(field) == REST_JSON) {
		buf_puts(&sql->text, dialect_of(sql)->json_order);
	}
}

static void put_operation(struct rest_sql *sql, const struct rest_filter *filter,
    const struct operation *operation, struct slice value, bool swapped)
{
	enum rest_type type = rest_field_type(&filter->field);

	buf_puts(&sql->text, operation->before);
	if (swapped) {
		rest_sql_value(sql, type, value);
		buf_puts(&sql->text, operation->between);
		put_field(sql, &filter->field);
	} else {
		put_field(sql, &filter->field);
		buf_puts(&sql->text, operation->between);
		rest_sql_value(sql, type, value);
	}
	buf_puts(&sql->text, operation->after);
}

static void put_comparison(
    struct rest_sql *sql, const struct rest_filter *filter, struct slice value)
{
	static const char *const signs[] = {
		[REST_EQ] = " = ",
		[REST_NEQ] = " <> ",
		[REST_GT] = " > ",
		[REST_GTE] = " >= ",
		[REST_LT] = " < ",
		[REST_LTE] = " <= ",
		[REST_DISTINCT] = " IS DISTINCT FROM ",
	};

	switch (filter->op) {
	case REST_LIKE:
		put_operation(sql, filter, &dialect_of(sql)->like, value, false);
		return;
	case REST_ILIKE:
		put_operation(sql, filter, &dialect_of(sql)->ilike, value, false);
		return;
	case REST_CONTAINS:
		put_operation(sql, filter, &dialect_of(sql)->contains, value, false);
		return;
	case REST_CONTAINED:
		put_operation(sql, filter, &dialect_of(sql)->contains, value, true);
		return;
	default:
		break;
	}
	put_ordered(sql, &filter->field);
	buf_puts(&sql->text, signs[filter->op]);
	rest_sql_value(sql, rest_field_type(&filter->field), value);
}

/* field IN (…); nothing is in an empty list. */
static void put_in(struct rest_sql *sql, const struct rest_filter *filter)
{
	if (filter->value_count == 0) {
		buf_puts(&sql->text, "1 = 0");
		return;
	}
	put_ordered(sql, &filter->field);
	buf_puts(&sql->text, " IN (");
	for (size_t i = 0; i < filter->value_count; i++) {
		buf_puts(&sql->text, i > 0 ? ", " : "");
		rest_sql_value(sql, rest_field_type(&filter->field), filter->value[i]);
	}
	buf_puts(&sql->text, ")");
}

static void put_test(struct rest_sql *sql, const struct rest_filter *filter)
{
	switch (filter->op) {
	case REST_IS_NULL:
	case REST_IS_NOT_NULL:
		put_field(sql, &filter->field);
		buf_puts(
		    &sql->text, filter->op == REST_IS_NULL ? " IS NULL" : " IS NOT NULL");
		return;
	case REST_IN:
		put_in(sql, filter);
		return;
	default:
		break;
	}
	for (size_t i = 0; i < filter->value_count; i++) {
		buf_puts(&sql->text, i == 0 ? "" : filter->every ? " AND " : " OR ");
		put_comparison(sql, filter, filter->value[i]);
	}
	if (filter->value_count == 0) {
		buf_puts(&sql->text, filter->every ? "1 = 1" : "1 = 0");
	}
}

static void put_group(struct rest_sql *sql, const struct rest_filter *first, bool any)
{
	for (const struct rest_filter *filter = first; filter; filter = filter->next) {
		buf_puts(&sql->text, filter == first ? "" : any ? " OR " : " AND ");
		buf_puts(&sql->text, filter->negated ? "NOT (" : "(");
		if (filter->node == REST_TEST) {
			put_test(sql, filter);
		} else {
			put_group(sql, filter->first, filter->node == REST_OR);
		}
		buf_puts(&sql->text, ")");
	}
}

void rest_sql_conditions(struct rest_sql *sql, const struct rest_filter *filter)
{
	put_group(sql, filter, false);
}

void rest_sql_where(struct rest_sql *sql, const struct rest_filter *filter)
{
	if (filter) {
		buf_puts(&sql->text, " WHERE ");
		put_group(sql, filter, false);
	}
}

static void put_order(struct rest_sql *sql, const struct rest_query *query)
{
	for (size_t i = 0; i < query->order_count; i++) {
		const struct rest_order *order = &query->order[i];

		buf_puts(&sql->text, i == 0 ? " ORDER BY " : ", ");
		put_ordered(sql, &order->field);
		buf_puts(&sql->text, order->descending ? " DESC" : " ASC");
		buf_puts(&sql->text, order->nulls_first ? " NULLS FIRST" : " NULLS LAST");
	}
}

void rest_sql_outputs(struct rest_sql *sql, const struct rest_query *query)
{
	for (size_t i = 0; i < query->output_count; i++) {
		const struct rest_output *output = &query->output[i];
		bool json_text = output->is_cast && output->cast == REST_TEXT &&
		                 rest_field_type(&output->field) == REST_JSON;

		buf_puts(&sql->text, i > 0 ? ", " : "");
		if (output->is_cast && dialect_of(sql)->has_casts) {
			buf_puts(&sql->text, "CAST(");
			put_field(sql, &output->field);
			buf_printf(&sql->text, " AS %s)", rest_type_sql(output->cast));
		} else if (json_text) {
			buf_puts(&sql->text, "waybill_jsonb_text(");
			put_field(sql, &output->field);
			buf_puts(&sql->text, ")");
		} else {
			put_field(sql, &output->field);
		}
	}
}

/* SQLite wants a limit where there is an offset; -1 is none there. */
static void put_page(struct rest_sql *sql, int64_t limit, int64_t offset)
{
	if (limit >= 0 || (offset > 0 && sql->dialect == ASK_SQLITE)) {
		buf_printf(&sql->text, " LIMIT %lld", (long long)limit);
	}
	if (offset > 0) {
		buf_printf(&sql->text, " OFFSET %lld", (long long)offset);
	}
}

void rest_sql_select(
    struct rest_sql *sql, const struct rest_query *query, int64_t limit, int64_t offset)
{
	buf_puts(&sql->text, "SELECT ");
	rest_sql_outputs(sql, query);
	buf_puts(&sql->text, " FROM ");
	rest_sql_table(sql, query->table);
	rest_sql_where(sql, query->filter);
	put_order(sql, query);
	put_page(sql, limit, offset);
}

void rest_sql_count(struct rest_sql *sql, const struct rest_query *query, int64_t at_most)
{
	buf_puts(&sql->text, at_most < 0 ? "SELECT count(*) FROM "
	                                 : "SELECT count(*) FROM (SELECT 1 FROM ");
	rest_sql_table(sql, query->table);
	rest_sql_where(sql, query->filter);
	if (at_most >= 0) {
		put_page(sql, at_most, 0);
		buf_puts(&sql->text, ") AS counted");
	}
}

void rest_sql_rowids(struct rest_sql *sql, const struct rest_query *query)
{
	buf_puts(&sql->text, "SELECT rowid FROM ");
	rest_sql_table(sql, query->table);
	rest_sql_where(sql, query->filter);
}

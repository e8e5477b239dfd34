/* SPDX-License-Identifier: MIT */
/*
 * The query string of a request: what is selected, which rows, in which order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/percent.h"
#include "dashboard/rest_scan.h"

#define PARAMETERS_MAX 300

struct parser {
	struct rest_arena *arena;
	const struct rest_table *table;
	struct rest_error *error;
	struct rest_query *query;
	struct rest_filter **next_filter;
	size_t conditions;
};

/* application/x-www-form-urlencoded; a percent sign that is none stays. */
static bool decode(struct rest_arena *arena, struct slice text, struct slice *ret_text)
{
	char *out = rest_arena_get(arena, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; out && i < text.len; len++) {
		i += form_byte((struct slice){ text.ptr + i, text.len - i }, &out[len]);
	}
	*ret_text = (struct slice){ out, len };
	return out != NULL;
}

static struct scan begin(struct parser *parser, const char *what, struct slice text)
{
	return (struct scan){ parser->arena, parser->table, parser->error, what, text,
		text, &parser->conditions };
}

static bool add_output(
    struct parser *parser, const struct rest_output *output, struct scan *scan)
{
	struct rest_query *query = parser->query;

	if (query->output_count == REST_OUTPUTS_MAX) {
		return scan_fail(scan, "at most 60 columns");
	}
	query->output[query->output_count++] = *output;
	return true;
}

static bool add_all(struct parser *parser, struct scan *scan)
{
	for (size_t i = 0; i < parser->table->column_count; i++) {
		const struct rest_column *column = &parser->table->column[i];
		struct rest_output output = { .field = { .column = column },
			.name = slice_of(column->name) };

		if (!add_output(parser, &output, scan)) {
			return false;
		}
	}
	return true;
}

/* Without an alias: the last key of the path, else the column. */
static struct slice output_name(const struct rest_field *field)
{
	for (size_t i = field->step_count; i > 0; i--) {
		if (!field->step[i - 1].is_index) {
			return field->step[i - 1].key;
		}
	}
	return slice_of(field->column->name);
}

/* rel(…), col.sum(), count(): what PostgREST knows and is not offered here. */
static bool refuse_call(struct scan *scan, struct slice name)
{
	if (slice_eq(name, SLICE("count")) && slice_starts(scan->rest, SLICE("()"))) {
		return rest_fail(scan->error, 400, "PGRST123",
		    "Use of aggregate functions is not allowed");
	}
	return rest_fail(scan->error, 400, "PGRST200",
	    "Could not find a relationship between '%s' and '%.*s' in the schema cache",
	    scan->table->name, (int)(name.len < 100 ? name.len : 100), name.ptr);
}

/* PostgreSQL's casts between the types that are offered; any type becomes text. */
static bool is_castable(enum rest_type from, enum rest_type to)
{
	bool is_number = to == REST_INTEGER || to == REST_BIGINT || to == REST_NUMERIC ||
	                 to == REST_FLOAT;

	if (from == to || to == REST_TEXT || from == REST_TEXT) {
		return true;
	}
	switch (from) {
	case REST_INTEGER:
	case REST_BIGINT:
	case REST_JSON:
		return is_number;
	case REST_TIME:
		return to == REST_DATE;
	default:
		return false;
	}
}

static bool take_cast(struct scan *scan, struct rest_output *output)
{
	enum rest_type from = rest_field_type(&output->field);
	struct slice type = { NULL, 0 };

	if (!scan_take(scan, SLICE("::"))) {
		return true;
	}
	if (!scan_name(scan, &type)) {
		return false;
	}
	output->is_cast = rest_type_find(type, &output->cast);
	if (!output->is_cast) {
		return rest_fail(scan->error, 400, "42704",
		    "type \"%.*s\" does not exist",
		    (int)(type.len < 100 ? type.len : 100), type.ptr);
	}
	return is_castable(from, output->cast)
	           ? true
	           : rest_fail(scan->error, 400, "42846", "cannot cast type %s to %s",
	                 from == REST_JSON ? "jsonb" : rest_type_words(from),
	                 rest_type_words(output->cast));
}

static bool take_output(struct parser *parser, struct scan *scan)
{
	struct rest_output output = { 0 };
	struct slice name = { NULL, 0 };

	scan_blanks(scan);
	if (scan_take(scan, SLICE("*"))) {
		return add_all(parser, scan);
	}
	if (!scan_name(scan, &name)) {
		return false;
	}
	if (slice_starts(scan->rest, SLICE(":")) &&
	    !slice_starts(scan->rest, SLICE("::"))) {
		(void)scan_take(scan, SLICE(":"));
		output.name = name;
		if (!scan_name(scan, &name)) {
			return false;
		}
	}
	if (slice_starts(scan->rest, SLICE("(")) ||
	    slice_starts(scan->rest, SLICE("!"))) {
		return refuse_call(scan, name);
	}
	if (!scan_column(scan, name, &output.field.column) ||
	    !scan_path(scan, &output.field) || !take_cast(scan, &output)) {
		return false;
	}
	if (slice_starts(scan->rest, SLICE("."))) {
		return rest_fail(scan->error, 400, "PGRST123",
		    "Use of aggregate functions is not allowed");
	}
	scan_blanks(scan);
	if (!output.name.ptr) {
		output.name = output_name(&output.field);
	}
	return add_output(parser, &output, scan);
}

static bool read_select(struct parser *parser, struct slice text)
{
	struct scan scan = begin(parser, "select parameter", text);

	parser->query->output_count = 0;
	if (text.len == 0) {
		return true; /* all */
	}
	do {
		if (!take_output(parser, &scan)) {
			return false;
		}
	} while (scan_take(&scan, SLICE(",")));
	return scan_at_end(&scan) ? true : scan_fail(&scan, "\",\" or end of input");
}

static bool take_order(struct parser *parser, struct scan *scan)
{
	struct rest_query *query = parser->query;
	struct rest_order order = { 0 };

	if (query->order_count == REST_ORDERS_MAX) {
		return scan_fail(scan, "at most 16 columns");
	}
	if (!scan_field(scan, &order.field)) {
		return false;
	}
	if (scan_take(scan, SLICE(".desc"))) {
		order.descending = true;
	} else {
		(void)scan_take(scan, SLICE(".asc")); /* as without it */
	}
	/* PostgreSQL takes null for the largest value */
	order.nulls_first = order.descending;
	if (scan_take(scan, SLICE(".nullsfirst"))) {
		order.nulls_first = true;
	} else if (scan_take(scan, SLICE(".nullslast"))) {
		order.nulls_first = false;
	}
	scan_blanks(scan);
	if (!scan_at_end(scan) && scan->rest.ptr[0] != ',') {
		return scan_fail(
		    scan, scan->rest.ptr[0] == '.'
		              ? "\"asc\", \"desc\", \"nullsfirst\" or \"nullslast\""
		              : "delimiter (.), \",\" or end of input");
	}
	query->order[query->order_count++] = order;
	return true;
}

static bool read_order(struct parser *parser, struct slice text)
{
	struct scan scan = begin(parser, "order", text);

	parser->query->order_count = 0;
	if (text.len == 0) {
		return true;
	}
	do {
		if (!take_order(parser, &scan)) {
			return false;
		}
	} while (scan_take(&scan, SLICE(",")));
	return scan_at_end(&scan) ? true : scan_fail(&scan, "\",\" or end of input");
}

/* PostgREST ignores a limit that is no number; here it is refused. */
static bool read_count(
    struct parser *parser, const char *what, struct slice text, int64_t *ret_count)
{
	struct scan scan = begin(parser, what, text);
	int64_t number = 0;

	if (slice_starts(text, SLICE("-")) && text.len > 1) {
		(void)rest_fail(
		    parser->error, 416, "PGRST103", "Requested range not satisfiable");
		return rest_details(
		    parser->error, "Limit should be greater than or equal to zero.");
	}
	while (scan.rest.len > 0 && scan.rest.ptr[0] >= '0' && scan.rest.ptr[0] <= '9' &&
	       number < INT64_MAX / 100) {
		number = number * 10 + (scan.rest.ptr[0] - '0');
		scan.rest.ptr++;
		scan.rest.len--;
	}
	if (text.len == 0 || !scan_at_end(&scan)) {
		return scan_fail(&scan, "digit");
	}
	*ret_count = number;
	parser->query->paged = true;
	return true;
}

static bool read_columns(struct parser *parser, struct slice text)
{
	struct scan scan = begin(parser, "columns parameter", text);
	const struct rest_column **columns =
	    rest_arena_get(parser->arena, REST_OUTPUTS_MAX * sizeof(*columns));
	size_t count = 0;

	if (!columns) {
		return rest_fail_memory(parser->error);
	}
	do {
		struct slice name = { NULL, 0 };

		scan_blanks(&scan);
		if (!scan_name(&scan, &name)) {
			return false;
		}
		if (count == REST_OUTPUTS_MAX) {
			return scan_fail(&scan, "at most 60 columns");
		}
		columns[count] = rest_column_find(parser->table, name);
		if (!columns[count]) {
			return rest_fail(parser->error, 400, "PGRST204",
			    "Could not find the '%.*s' column of '%s' in the schema cache",
			    (int)(name.len < 100 ? name.len : 100), name.ptr,
			    parser->table->name);
		}
		count++;
		scan_blanks(&scan);
	} while (scan_take(&scan, SLICE(",")));
	parser->query->columns = columns;
	parser->query->column_count = count;
	return scan_at_end(&scan) ? true : scan_fail(&scan, "\",\" or end of input");
}

static bool read_conflict(struct parser *parser, struct slice text)
{
	struct scan scan = begin(parser, "on_conflict parameter", text);
	const struct rest_column *column;
	struct slice name = { NULL, 0 };

	if (!scan_name(&scan, &name) || !scan_column(&scan, name, &column)) {
		return false;
	}
	if (!scan_at_end(&scan) || column != rest_table_key(parser->table)) {
		return rest_fail(parser->error, 400, "42P10",
		    "there is no unique or exclusion constraint matching the ON CONFLICT "
		    "specification");
	}
	parser->query->conflict_on_id = true;
	return true;
}

static bool add_filter(struct parser *parser, struct rest_filter **ret_filter)
{
	struct rest_filter *filter = rest_arena_get(parser->arena, sizeof(*filter));

	if (!filter) {
		return rest_fail_memory(parser->error);
	}
	*parser->next_filter = filter;
	parser->next_filter = &filter->next;
	*ret_filter = filter;
	return true;
}

/* or=(…), and=(…), not.or=(…) */
static bool read_group(
    struct parser *parser, struct slice text, enum rest_node node, bool negated)
{
	struct scan scan = begin(parser, "logic tree", text);
	struct rest_filter *filter = NULL;

	if (!add_filter(parser, &filter)) {
		return false;
	}
	filter->node = node;
	filter->negated = negated;
	scan_blanks(&scan);
	if (!scan_group(&scan, filter, 1)) {
		return false;
	}
	scan_blanks(&scan);
	return scan_at_end(&scan) ? true : scan_fail(&scan, "end of input");
}

static bool read_filter(struct parser *parser, struct slice name, struct slice text)
{
	struct scan field = begin(parser, "filter", name);
	struct scan scan = begin(parser, "filter", text);
	struct rest_filter *filter = NULL;

	if (!add_filter(parser, &filter) || !scan_field(&field, &filter->field)) {
		return false;
	}
	if (!scan_at_end(&field)) {
		return scan_fail(&field, "\"->\", \"->>\" or end of input");
	}
	filter->node = REST_TEST;
	if (!scan_test(&scan, false, filter)) {
		return false;
	}
	return scan_at_end(&scan) ? true : scan_fail(&scan, "end of input");
}

static bool read_parameter(struct parser *parser, struct slice name, struct slice value)
{
	struct rest_query *query = parser->query;

	if (slice_eq(name, SLICE("select"))) {
		return read_select(parser, value);
	}
	if (slice_eq(name, SLICE("order"))) {
		return read_order(parser, value);
	}
	if (slice_eq(name, SLICE("limit"))) {
		return read_count(parser, "limit parameter", value, &query->limit);
	}
	if (slice_eq(name, SLICE("offset"))) {
		return read_count(parser, "offset parameter", value, &query->offset);
	}
	if (slice_eq(name, SLICE("columns"))) {
		return read_columns(parser, value);
	}
	if (slice_eq(name, SLICE("on_conflict"))) {
		return read_conflict(parser, value);
	}
	if (slice_eq(name, SLICE("and")) || slice_eq(name, SLICE("not.and"))) {
		return read_group(parser, value, REST_AND, name.len > 3);
	}
	if (slice_eq(name, SLICE("or")) || slice_eq(name, SLICE("not.or"))) {
		return read_group(parser, value, REST_OR, name.len > 2);
	}
	return read_filter(parser, name, value);
}

static bool read_query(struct parser *parser, struct slice text)
{
	size_t count = 0;

	while (text.len > 0) {
		struct slice value = slice_cut(&text, '&');
		struct slice name = slice_cut(&value, '=');
		struct slice decoded;

		if (name.len == 0 && value.len == 0) {
			continue;
		}
		if (++count > PARAMETERS_MAX) {
			return rest_fail(parser->error, 400, "PGRST100",
			    "more than 300 parameters in the query string");
		}
		if (!decode(parser->arena, name, &name) ||
		    !decode(parser->arena, value, &decoded)) {
			return rest_fail_memory(parser->error);
		}
		if (!read_parameter(parser, name, decoded)) {
			return false;
		}
	}
	return true;
}

bool rest_parse(struct rest_arena *arena, const struct rest_table *table,
    struct slice query, struct rest_query *ret_query, struct rest_error *error)
{
	struct parser parser = { arena, table, error, ret_query, &ret_query->filter, 0 };
	struct scan nothing = { arena, table, error, "", SLICE(""), SLICE(""), NULL };

	*error = (struct rest_error){ 0 };
	*ret_query = (struct rest_query){ .table = table, .limit = -1 };
	ret_query->output =
	    rest_arena_get(arena, REST_OUTPUTS_MAX * sizeof(*ret_query->output));
	ret_query->order =
	    rest_arena_get(arena, REST_ORDERS_MAX * sizeof(*ret_query->order));
	if (!ret_query->output || !ret_query->order) {
		return rest_fail_memory(error);
	}
	if (!read_query(&parser, query)) {
		return false;
	}
	return ret_query->output_count > 0 || add_all(&parser, &nothing);
}

/* SPDX-License-Identifier: MIT */
#include "dashboard/rest_rows.h"

#include <string.h>

#include "dashboard/rest_json.h"
#include "dashboard/rest_value.h"

/* Without ?columns=: those of the first object, and all must have the same. */
static bool find_columns(
    struct rest_call *call, const struct rest_body *body, struct rest_rows *rows)
{
	const struct rest_table *table = call->query.table;
	const struct rest_object *first = body->first;
	const struct rest_column **columns;
	size_t count = 0;

	columns = rest_arena_get(&call->arena, (first->count + 1) * sizeof(*columns));
	if (!columns) {
		return rest_fail_memory(&call->error);
	}
	for (const struct rest_object *object = first; object; object = object->next) {
		bool same = object->count == first->count;

		for (const struct rest_member *member = first->first; member && same;
		     member = member->next) {
			same = object == first ||
			       rest_json_member(object, member->name) != NULL;
		}
		if (!same) {
			return rest_fail(
			    &call->error, 400, "PGRST102", "All object keys must match");
		}
	}
	for (const struct rest_member *member = first->first; member;
	     member = member->next) {
		columns[count] = rest_column_find(table, member->name);
		if (!columns[count++]) {
			return rest_fail(&call->error, 400, "PGRST204",
			    "Could not find the '%.*s' column of '%s' in the schema cache",
			    (int)(member->name.len < 100 ? member->name.len : 100),
			    member->name.ptr, table->name);
		}
	}
	rows->column = columns;
	rows->column_count = count;
	return true;
}

static bool read_value(struct rest_call *call, const struct rest_column *column,
    const struct rest_member *member, struct rest_value *value)
{
	if (!member) {
		/* PostgREST: null, unless missing=default */
		value->is_default = call->prefer.missing_default;
		return true;
	}
	if (member->kind == REST_JSON_NULL) {
		return true;
	}
	if (column->type == REST_JSON) {
		value->text = member->json;
		return true;
	}
	return rest_value_read(
	    &call->arena, column->type, member->text, &value->text, &call->error);
}

static bool read_row(struct rest_call *call, const struct rest_rows *rows,
    const struct rest_object *object, struct rest_row *row)
{
	row->value =
	    rest_arena_get(&call->arena, (rows->column_count + 1) * sizeof(*row->value));
	if (!row->value) {
		return rest_fail_memory(&call->error);
	}
	for (size_t i = 0; i < rows->column_count; i++) {
		const struct rest_column *column = rows->column[i];

		if (!read_value(call, column,
		        rest_json_member(object, slice_of(column->name)),
		        &row->value[i])) {
			return false;
		}
		if (column == rest_table_key(call->query.table)) {
			row->id = row->value[i].text;
		}
	}
	return true;
}

static bool check_type(struct rest_call *call)
{
	struct slice type = request_header(call->request, "Content-Type");
	struct slice rest = type;
	struct slice name = slice_trim(slice_cut(&rest, ';'));

	if (name.len == 0 || slice_ieq(name, SLICE("application/json")) ||
	    slice_ieq(name, SLICE("application/vnd.pgrst.object+json")) ||
	    slice_ieq(name, SLICE("application/vnd.pgrst.array+json"))) {
		return true;
	}
	return rest_fail(&call->error, 415, "PGRST107",
	    "Content-Type not acceptable: %.*s", (int)(name.len < 100 ? name.len : 100),
	    name.ptr);
}

bool rest_rows_read(struct rest_call *call, bool is_patch, struct rest_rows *ret_rows)
{
	struct rest_body body = { 0 };
	struct rest_rows rows = { 0 };
	struct rest_row **next = &rows.first;

	clock_format_us(wall_us(), rows.now);
	if (!check_type(call) ||
	    !rest_json_rows(&call->arena, call->request->body, &body, &call->error)) {
		return false;
	}
	if (is_patch && body.first) {
		body.first->next = NULL; /* PostgREST, too, takes the first */
	}
	rows.column = call->query.columns;
	rows.column_count = call->query.column_count;
	if (body.first && !call->query.columns && !find_columns(call, &body, &rows)) {
		return false;
	}
	for (const struct rest_object *object = body.first; object;
	     object = object->next) {
		struct rest_row *row = rest_arena_get(&call->arena, sizeof(*row));

		if (!row) {
			return rest_fail_memory(&call->error);
		}
		if (!read_row(call, &rows, object, row)) {
			return false;
		}
		*next = row;
		next = &row->next;
		rows.count++;
	}
	*ret_rows = rows;
	return true;
}

/* SPDX-License-Identifier: MIT */
#include "dashboard/rest_scan.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define SHOWN 150

bool scan_fail(struct scan *scan, const char *expected)
{
	struct slice whole = scan->whole;
	size_t column = (size_t)(scan->rest.ptr - scan->whole.ptr) + 1;
	int len = (int)utf8_prefix(scan->rest, 4);

	whole.len = utf8_prefix(whole, SHOWN);
	(void)rest_fail(scan->error, 400, "PGRST100",
	    "\"failed to parse %s (%.*s)\" (line 1, column %zu)", scan->what,
	    SLICE_ARG(whole), column);
	if (scan->rest.len == 0) {
		return rest_details(
		    scan->error, "unexpected end of input expecting %s", expected);
	}
	while (len > 1 && (scan->rest.ptr[0] & 0x80) == 0) {
		len--; /* one character */
	}
	return rest_details(scan->error, "unexpected \"%.*s\" expecting %s", len,
	    scan->rest.ptr, expected);
}

static void skip(struct scan *scan, size_t count)
{
	scan->rest.ptr += count;
	scan->rest.len -= count;
}

bool scan_take(struct scan *scan, struct slice text)
{
	if (!slice_starts(scan->rest, text)) {
		return false;
	}
	skip(scan, text.len);
	return true;
}

bool scan_at_end(const struct scan *scan)
{
	return scan->rest.len == 0;
}

void scan_blanks(struct scan *scan)
{
	while (scan->rest.len > 0 && scan->rest.ptr[0] == ' ') {
		skip(scan, 1);
	}
}

bool scan_quoted(struct scan *scan, struct slice *ret_text)
{
	char *out = rest_arena_get(scan->arena, scan->rest.len + 1);
	size_t len = 0;

	if (!out) {
		return rest_fail_memory(scan->error);
	}
	skip(scan, 1);
	while (scan->rest.len > 0 && scan->rest.ptr[0] != '"') {
		if (scan->rest.ptr[0] == '\\' && scan->rest.len > 1) {
			skip(scan, 1);
		}
		out[len++] = scan->rest.ptr[0];
		skip(scan, 1);
	}
	if (!scan_take(scan, SLICE("\""))) {
		return scan_fail(scan, "\"\\\"\"");
	}
	*ret_text = (struct slice){ out, len };
	return true;
}

static bool is_name_sign(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '$' || c == ' ' || (c & 0x80);
}

bool scan_name(struct scan *scan, struct slice *ret_name)
{
	struct slice name;
	size_t len = 0;

	if (scan->rest.len > 0 && scan->rest.ptr[0] == '"') {
		return scan_quoted(scan, ret_name);
	}
	while (len < scan->rest.len) {
		bool is_hyphen =
		    scan->rest.ptr[len] == '-' &&
		    !(len + 1 < scan->rest.len && scan->rest.ptr[len + 1] == '>');

		if (!is_hyphen && !is_name_sign(scan->rest.ptr[len])) {
			break;
		}
		len++;
	}
	name = slice_trim((struct slice){ scan->rest.ptr, len });
	if (name.len == 0) {
		return scan_fail(scan, "field name (* or [a..z0..9_$])");
	}
	skip(scan, len);
	*ret_name = name;
	return true;
}

bool scan_column(
    struct scan *scan, struct slice name, const struct rest_column **ret_column)
{
	*ret_column = rest_column_find(scan->table, name);
	if (!*ret_column) {
		name.len = utf8_prefix(name, SHOWN);
		return rest_fail(scan->error, 400, "42703",
		    "column %s.%.*s does not exist", scan->table->name, SLICE_ARG(name));
	}
	return true;
}

/* -5, 12: an index only where the step ends behind it. */
static bool take_index(struct scan *scan, int32_t *ret_index)
{
	size_t at = scan->rest.len > 0 && scan->rest.ptr[0] == '-' ? 1 : 0;
	size_t first = at;
	int64_t number = 0;

	while (at < scan->rest.len && at < first + 9 && scan->rest.ptr[at] >= '0' &&
	       scan->rest.ptr[at] <= '9') {
		number = number * 10 + (scan->rest.ptr[at] - '0');
		at++;
	}
	if (at == first ||
	    (at < scan->rest.len && !memchr("-:.,)(", scan->rest.ptr[at], 6))) {
		return false;
	}
	skip(scan, at);
	*ret_index = (int32_t)(first ? -number : number);
	return true;
}

bool scan_path(struct scan *scan, struct rest_field *field)
{
	struct rest_step steps[REST_STEPS_MAX];
	size_t count = 0;

	while (slice_starts(scan->rest, SLICE("->"))) {
		if (field->as_text) {
			return scan_fail(scan, "nothing after ->>, which gives text");
		}
		if (count == REST_STEPS_MAX) {
			return scan_fail(scan, "at most 16 steps into JSON");
		}
		skip(scan, 2);
		field->as_text = scan_take(scan, SLICE(">"));
		steps[count] = (struct rest_step){ 0 };
		steps[count].is_index = take_index(scan, &steps[count].index);
		if (!steps[count].is_index && !scan_name(scan, &steps[count].key)) {
			return false;
		}
		count++;
	}
	if (count > 0) {
		struct rest_step *copy = rest_arena_get(scan->arena, sizeof(steps));

		if (!copy) {
			return rest_fail_memory(scan->error);
		}
		memcpy(copy, steps, count * sizeof(steps[0]));
		field->step = copy;
		field->step_count = count;
	}
	if (count > 0 && field->column->type != REST_JSON) {
		return rest_fail(scan->error, 404, "42883",
		    "operator does not exist: %s %s unknown",
		    rest_type_words(field->column->type),
		    count == 1 && field->as_text ? "->>" : "->");
	}
	return true;
}

bool scan_field(struct scan *scan, struct rest_field *ret_field)
{
	struct rest_field field = { 0 };
	struct slice name = { NULL, 0 };

	scan_blanks(scan);
	if (!scan_name(scan, &name) || !scan_column(scan, name, &field.column) ||
	    !scan_path(scan, &field)) {
		return false;
	}
	scan_blanks(scan);
	*ret_field = field;
	return true;
}

enum rest_type rest_field_type(const struct rest_field *field)
{
	if (field->step_count == 0) {
		return field->column->type;
	}
	return field->as_text ? REST_TEXT : REST_JSON;
}

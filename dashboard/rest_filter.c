/* SPDX-License-Identifier: MIT */
/*
 * Conditions: column=operator.value, and groups of them.
 */
#include <string.h>

#include "dashboard/rest_scan.h"
#include "dashboard/rest_value.h"

#define VALUES_MAX 5000
#define DEPTH_MAX  16

/* SQLite takes an expression of 1000 levels, and a list of ORs is as deep as it is long.
 */
#define CONDITIONS_MAX 600

struct comparison {
	const char *name;
	enum rest_op op;
	bool takes_any; /* name(any).{…} */
};

static const struct comparison comparisons[] = {
	{ "eq", REST_EQ, true },
	{ "neq", REST_NEQ, false },
	{ "gt", REST_GT, true },
	{ "gte", REST_GTE, true },
	{ "lt", REST_LT, true },
	{ "lte", REST_LTE, true },
	{ "like", REST_LIKE, true },
	{ "ilike", REST_ILIKE, true },
	{ "isdistinct", REST_DISTINCT, false },
	{ "cs", REST_CONTAINS, false },
	{ "cd", REST_CONTAINED, false },
};

/* PostgREST's operators that are not here, so that the answer says which it is. */
static const char *const left_out[] = { "match", "imatch", "fts", "plfts", "phfts",
	"wfts", "ov", "sl", "sr", "nxr", "nxl", "adj" };

static bool not_here(struct scan *scan, struct slice name)
{
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
		if (slice_eq(name, slice_of(left_out[i]))) {
			(void)rest_fail(
			    scan->error, 400, "PGRST127", "Feature not implemented");
			return rest_details(scan->error,
			    "the operator %s is not offered here; see docs/rest.md",
			    left_out[i]);
		}
	}
	return scan_fail(scan, "operator (eq, gt, ...)");
}

/* The values while they are collected. */
struct values {
	struct slice *value;
	size_t count;
	size_t room;
};

static bool add_value(struct scan *scan, struct values *values, struct slice value)
{
	if (values->count == values->room) {
		size_t room = values->room ? values->room * 2 : 4;
		struct slice *more = rest_arena_get(scan->arena, room * sizeof(*more));

		if (!more) {
			return rest_fail_memory(scan->error);
		}
		if (values->count > 0) {
			memcpy(more, values->value, values->count * sizeof(*more));
		}
		values->value = more;
		values->room = room;
	}
	if (values->count == VALUES_MAX) {
		return scan_fail(scan, "at most 5000 values");
	}
	values->value[values->count++] = value;
	return true;
}

/* Up to one of the signs, or a quoted text before one of them. */
static bool take_element(struct scan *scan, const char *signs, struct slice *ret_value)
{
	struct slice before = scan->rest;
	size_t len = 0;

	if (scan->rest.len > 0 && scan->rest.ptr[0] == '"') {
		if (!scan_quoted(scan, ret_value)) {
			return false;
		}
		if (scan->rest.len == 0 || strchr(signs, scan->rest.ptr[0])) {
			return true;
		}
		scan->rest = before; /* the quotes are part of a longer value */
	}
	while (len < scan->rest.len && !strchr(signs, scan->rest.ptr[len])) {
		len++;
	}
	*ret_value = (struct slice){ scan->rest.ptr, len };
	scan->rest.ptr += len;
	scan->rest.len -= len;
	return true;
}

/* (1,"a,b",c) or {…}: open and close are one sign each. */
static bool take_list(
    struct scan *scan, struct slice open, struct slice close, struct values *values)
{
	char signs[3] = { ',', close.ptr[0], '\0' };

	if (!scan_take(scan, open)) {
		return scan_fail(scan, open.ptr[0] == '(' ? "\"(\"" : "\"{\"");
	}
	if (scan_take(scan, close)) {
		return true;
	}
	for (;;) {
		struct slice value;

		if (!take_element(scan, signs, &value) ||
		    !add_value(scan, values, value)) {
			return false;
		}
		if (scan_take(scan, close)) {
			return true;
		}
		if (!scan_take(scan, SLICE(","))) {
			return scan_fail(scan,
			    open.ptr[0] == '(' ? "\",\" or \")\"" : "\",\" or \"}\"");
		}
	}
}

/*
 * The value of an operator within a group: quoted, a {…} or […] whole, or up to a comma
 * or parenthesis.
 */
static bool take_grouped(struct scan *scan, struct slice *ret_value)
{
	size_t depth = 0;
	bool in_string = false;

	if (scan->rest.len == 0 || !strchr("{[", scan->rest.ptr[0])) {
		return take_element(scan, ",)", ret_value);
	}
	for (size_t i = 0; i < scan->rest.len; i++) {
		char c = scan->rest.ptr[i];

		if (in_string) {
			i += c == '\\';
			in_string = c != '"';
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if ((c == '}' || c == ']') && --depth == 0) {
			*ret_value = (struct slice){ scan->rest.ptr, i + 1 };
			scan->rest.ptr += i + 1;
			scan->rest.len -= i + 1;
			return true;
		}
	}
	return take_element(scan, ",)", ret_value);
}

static bool take_value(struct scan *scan, bool in_group, struct slice *ret_value)
{
	if (in_group) {
		return take_grouped(scan, ret_value);
	}
	*ret_value = scan->rest;
	scan->rest.ptr += scan->rest.len;
	scan->rest.len = 0;
	return true;
}

static const struct word {
	const char *word;
	const char *sql; /* NULL: it can be answered */
	enum rest_op op;
} words[] = {
	{ "not_null", NULL, REST_IS_NOT_NULL },
	{ "null", NULL, REST_IS_NULL },
	{ "true", "TRUE", REST_IS_NULL },
	{ "false", "FALSE", REST_IS_NULL },
	{ "unknown", "UNKNOWN", REST_IS_NULL },
};

/* is.null, is.not_null; PostgreSQL has no IS TRUE for what is no boolean. */
static bool take_is(struct scan *scan, struct rest_filter *filter)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct slice word = slice_of(words[i].word);

		if (!slice_istarts(scan->rest, word)) {
			continue;
		}
		scan->rest.ptr += word.len;
		scan->rest.len -= word.len;
		filter->op = words[i].op;
		return words[i].sql
		           ? rest_fail(scan->error, 400, "42804",
		                 "argument of IS %s must be type boolean, not type %s",
		                 words[i].sql,
		                 rest_field_type(&filter->field) == REST_JSON
		                     ? "jsonb"
		                     : rest_type_words(rest_field_type(&filter->field)))
		           : true;
	}
	return scan_fail(scan, "null or trilean value (unknown, true, false)");
}

/* PostgREST lets * stand for %, which would have to be escaped in a URL. */
static bool read_pattern(struct scan *scan, struct slice *value)
{
	struct slice copy = rest_arena_copy(scan->arena, *value);

	if (!copy.ptr) {
		return rest_fail_memory(scan->error);
	}
	for (size_t i = 0; i < copy.len; i++) {
		if (copy.ptr[i] == '*') {
			((char *)copy.ptr)[i] = '%';
		}
	}
	if (copy.len > 0 && copy.ptr[copy.len - 1] == '\\') {
		size_t before = copy.len - 1;

		while (before > 0 && copy.ptr[before - 1] == '\\') {
			before--;
		}
		if ((copy.len - before) % 2 == 1) {
			return rest_fail(scan->error, 400, "22025",
			    "LIKE pattern must not end with escape character");
		}
	}
	*value = copy;
	return true;
}

/* Brings the values into the form of the field's type. */
static bool read_values(
    struct scan *scan, struct rest_filter *filter, struct values *values)
{
	enum rest_type type = rest_field_type(&filter->field);
	bool is_like = filter->op == REST_LIKE || filter->op == REST_ILIKE;

	if ((filter->op == REST_CONTAINS || filter->op == REST_CONTAINED) &&
	    type != REST_JSON) {
		return rest_fail(scan->error, 404, "42883",
		    "operator does not exist: %s %s unknown", rest_type_words(type),
		    filter->op == REST_CONTAINS ? "@>" : "<@");
	}
	if (is_like && type != REST_TEXT) {
		return rest_fail(scan->error, 404, "42883",
		    "operator does not exist: %s %s unknown",
		    type == REST_JSON ? "jsonb" : rest_type_words(type),
		    filter->op == REST_LIKE ? "~~" : "~~*");
	}
	for (size_t i = 0; i < values->count; i++) {
		if (!rest_value_read(scan->arena, type, values->value[i],
		        &values->value[i], scan->error) ||
		    (is_like && !read_pattern(scan, &values->value[i]))) {
			return false;
		}
	}
	filter->value = values->value;
	filter->value_count = values->count;
	return true;
}

static const struct comparison *find_comparison(struct slice name)
{
	for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
		if (slice_eq(name, slice_of(comparisons[i].name))) {
			return &comparisons[i];
		}
	}
	return NULL;
}

static bool take_operator(struct scan *scan, bool in_group, struct rest_filter *filter)
{
	struct values values = { 0 };
	struct slice name = { scan->rest.ptr, 0 };
	const struct comparison *comparison;
	struct slice value;
	bool is_list = false;

	while (name.len < scan->rest.len && name.ptr[name.len] >= 'a' &&
	       name.ptr[name.len] <= 'z') {
		name.len++;
	}
	comparison = find_comparison(name);
	if (!comparison) {
		return not_here(scan, name);
	}
	scan->rest.ptr += name.len;
	scan->rest.len -= name.len;
	filter->op = comparison->op;
	if (comparison->takes_any && scan_take(scan, SLICE("(any)"))) {
		is_list = true;
	} else if (comparison->takes_any && scan_take(scan, SLICE("(all)"))) {
		is_list = true;
		filter->every = true;
	}
	if (!scan_take(scan, SLICE("."))) {
		return scan_fail(scan, "delimiter (.)");
	}
	if (is_list) {
		if (!take_list(scan, SLICE("{"), SLICE("}"), &values)) {
			return false;
		}
		if (filter->op == REST_EQ && !filter->every) {
			filter->op = REST_IN;
		} else {
			*scan->conditions += values.count;
		}
		return *scan->conditions > CONDITIONS_MAX
		           ? scan_fail(scan, "at most 600 conditions")
		           : read_values(scan, filter, &values);
	}
	return take_value(scan, in_group, &value) && add_value(scan, &values, value) &&
	       read_values(scan, filter, &values);
}

bool scan_test(struct scan *scan, bool in_group, struct rest_filter *filter)
{
	struct values values = { 0 };

	if (++*scan->conditions > CONDITIONS_MAX) {
		return scan_fail(scan, "at most 600 conditions");
	}
	if (scan_take(scan, SLICE("not."))) {
		filter->negated = true;
	}
	if (scan_take(scan, SLICE("is."))) {
		return take_is(scan, filter);
	}
	if (scan_take(scan, SLICE("in."))) {
		filter->op = REST_IN;
		return take_list(scan, SLICE("("), SLICE(")"), &values) &&
		       read_values(scan, filter, &values);
	}
	return take_operator(scan, in_group, filter);
}

/* and(…), or(…), not.and(…) */
static bool take_inner(
    struct scan *scan, struct rest_filter *filter, int depth, bool *ret_found)
{
	struct slice before = scan->rest;
	bool negated = scan_take(scan, SLICE("not."));

	*ret_found = true;
	if (scan_take(scan, SLICE("and("))) {
		filter->node = REST_AND;
	} else if (scan_take(scan, SLICE("or("))) {
		filter->node = REST_OR;
	} else {
		scan->rest = before;
		*ret_found = false;
		return true;
	}
	filter->negated = negated;
	scan->rest.ptr--; /* the parenthesis again */
	scan->rest.len++;
	return scan_group(scan, filter, depth + 1);
}

static bool take_condition(struct scan *scan, struct rest_filter *filter, int depth)
{
	bool found = false;
	bool good = take_inner(scan, filter, depth, &found);

	if (!good || found) {
		return good;
	}
	filter->node = REST_TEST;
	if (!scan_field(scan, &filter->field)) {
		return false;
	}
	if (!scan_take(scan, SLICE("."))) {
		return scan_fail(scan, "delimiter (.)");
	}
	return scan_test(scan, true, filter);
}

bool scan_group(struct scan *scan, struct rest_filter *group, int depth)
{
	struct rest_filter **next = &group->first;

	if (depth > DEPTH_MAX) {
		return scan_fail(scan, "at most 16 groups within each other");
	}
	if (!scan_take(scan, SLICE("("))) {
		return scan_fail(scan, "\"(\"");
	}
	for (;;) {
		struct rest_filter *filter = rest_arena_get(scan->arena, sizeof(*filter));

		if (!filter) {
			return rest_fail_memory(scan->error);
		}
		scan_blanks(scan);
		if (!take_condition(scan, filter, depth)) {
			return false;
		}
		*next = filter;
		next = &filter->next;
		scan_blanks(scan);
		if (scan_take(scan, SLICE(")"))) {
			return true;
		}
		if (!scan_take(scan, SLICE(","))) {
			return scan_fail(scan, "\",\" or \")\"");
		}
	}
}

/* SPDX-License-Identifier: MIT */
#include "dashboard/rest_json.h"

#include <stdio.h>
#include <yajl/yajl_parse.h>

#include "base/json.h"

/* What the parser's events build: rows of members, or one value. */
struct reader {
	struct rest_arena *arena;
	struct buf json; /* the value that is being read */
	bool is_rows;
	size_t depth;
	size_t base;   /* depth at which a member's value begins */
	bool is_after; /* a comma is needed before what comes next */
	bool is_name;  /* the name of a pair was just written */
	bool is_array;
	size_t count;
	struct rest_object **next_object;
	struct rest_object *object;
	struct rest_member **next_member;
	struct rest_member *member;
	const char *fault; /* why it is refused; NULL: yajl's own reason */
};

static int refuse(struct reader *reader, const char *why)
{
	reader->fault = why;
	return 0;
}

/* Before a value or a closing sign at the level of rows: only objects may stand there. */
static bool is_outside(const struct reader *reader)
{
	return reader->is_rows && !reader->member;
}

static void separate(struct reader *reader)
{
	if (reader->is_after && !reader->is_name) {
		buf_putc(&reader->json, ',');
	}
	reader->is_after = true;
	reader->is_name = false;
}

/* A value is whole: at the level of members it becomes the member's. */
static int finish_value(
    struct reader *reader, enum rest_json_kind kind, struct slice content)
{
	struct rest_member *member = reader->member;

	if (!reader->is_rows || reader->depth != reader->base) {
		return 1;
	}
	member->kind = kind;
	member->json = rest_arena_copy(reader->arena, buf_slice(&reader->json));
	member->text = kind == REST_JSON_STRING ? rest_arena_copy(reader->arena, content)
	                                        : member->json;
	reader->member = NULL;
	buf_truncate(&reader->json, 0);
	reader->is_after = false;
	return reader->json.failed || reader->arena->failed
	           ? refuse(reader, "out of memory")
	           : 1;
}

static int put_scalar(struct reader *reader, enum rest_json_kind kind, struct slice text)
{
	if (is_outside(reader)) {
		return refuse(reader, "not an object or an array of objects");
	}
	separate(reader);
	buf_put_slice(&reader->json, text);
	return finish_value(reader, kind, text);
}

static int on_null(void *arg)
{
	return put_scalar(arg, REST_JSON_NULL, SLICE("null"));
}

static int on_boolean(void *arg, int value)
{
	return put_scalar(arg, REST_JSON_SCALAR, value ? SLICE("true") : SLICE("false"));
}

static int on_number(void *arg, const char *digits, size_t len)
{
	return put_scalar(arg, REST_JSON_SCALAR, (struct slice){ digits, len });
}

static int on_string(void *arg, const unsigned char *text, size_t len)
{
	struct reader *reader = arg;
	struct slice content = { text ? (const char *)text : "", len };

	if (is_outside(reader)) {
		return refuse(reader, "not an object or an array of objects");
	}
	separate(reader);
	json_put_string(&reader->json, content);
	return finish_value(reader, REST_JSON_STRING, content);
}

static int start_row(struct reader *reader)
{
	struct rest_object *object = rest_arena_get(reader->arena, sizeof(*object));

	if (!object) {
		return refuse(reader, "out of memory");
	}
	if (++reader->count > REST_ROWS_MAX) {
		return refuse(reader, "more than 10000 rows");
	}
	*reader->next_object = object;
	reader->next_object = &object->next;
	reader->object = object;
	reader->next_member = &object->first;
	return 1;
}

static int open_level(struct reader *reader, char sign)
{
	if (++reader->depth > REST_JSON_DEPTH) {
		return refuse(reader, "nested too deeply");
	}
	if (!is_outside(reader)) {
		separate(reader);
		buf_putc(&reader->json, sign);
		reader->is_after = false;
		return 1;
	}
	if (sign == '[' && reader->depth == 1) {
		reader->is_array = true;
		reader->base = 2;
		return 1;
	}
	if (sign == '{' && reader->depth == (reader->is_array ? 2u : 1u)) {
		reader->base = reader->depth;
		return start_row(reader);
	}
	return refuse(reader, "not an object or an array of objects");
}

static int close_level(struct reader *reader, char sign)
{
	reader->depth--;
	if (is_outside(reader)) {
		reader->object = NULL;
		return 1;
	}
	buf_putc(&reader->json, sign);
	reader->is_after = true;
	return finish_value(reader, REST_JSON_NESTED, (struct slice){ NULL, 0 });
}

static int on_start_map(void *arg)
{
	return open_level(arg, '{');
}

static int on_end_map(void *arg)
{
	return close_level(arg, '}');
}

static int on_start_array(void *arg)
{
	return open_level(arg, '[');
}

static int on_end_array(void *arg)
{
	return close_level(arg, ']');
}

/* The last of two members of one name counts. */
static struct rest_member *find_member(
    const struct rest_object *object, struct slice name)
{
	for (struct rest_member *member = object->first; member; member = member->next) {
		if (slice_eq(member->name, name)) {
			return member;
		}
	}
	return NULL;
}

static int on_map_key(void *arg, const unsigned char *text, size_t len)
{
	struct reader *reader = arg;
	struct slice name = { text ? (const char *)text : "", len };
	struct rest_member *member;

	if (!is_outside(reader)) {
		separate(reader);
		json_put_string(&reader->json, name);
		buf_putc(&reader->json, ':');
		reader->is_name = true;
		return 1;
	}
	member = find_member(reader->object, name);
	if (!member) {
		if (reader->object->count == 200) {
			return refuse(reader, "an object has more than 200 members");
		}
		member = rest_arena_get(reader->arena, sizeof(*member));
		if (!member) {
			return refuse(reader, "out of memory");
		}
		member->name = rest_arena_copy(reader->arena, name);
		*reader->next_member = member;
		reader->next_member = &member->next;
		reader->object->count++;
	}
	reader->member = member;
	return member->name.ptr ? 1 : refuse(reader, "out of memory");
}

const struct rest_member *rest_json_member(
    const struct rest_object *object, struct slice name)
{
	return find_member(object, name);
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_map_key,
	.yajl_end_map = on_end_map,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* True: text is JSON, whole, and what the reader takes. */
static bool parse(struct reader *reader, struct slice text)
{
	yajl_handle handle = yajl_alloc(&callbacks, NULL, reader);
	yajl_status status;

	if (!handle) {
		return refuse(reader, "out of memory");
	}
	status = yajl_parse(handle, (const unsigned char *)text.ptr, text.len);
	if (status == yajl_status_ok) {
		status = yajl_complete_parse(handle);
	}
	yajl_free(handle);
	return status == yajl_status_ok && !reader->json.failed && !reader->arena->failed;
}

bool rest_json_rows(struct rest_arena *arena, struct slice text,
    struct rest_body *ret_body, struct rest_error *error)
{
	struct rest_object *first = NULL;
	struct reader reader = { .arena = arena, .is_rows = true, .next_object = &first };
	bool good = parse(&reader, text);

	buf_finish(&reader.json);
	if (!good) {
		(void)rest_fail(error, 400, "PGRST102", "Empty or invalid json");
		return reader.fault
		           ? rest_details(error, "The body is refused: %s", reader.fault)
		           : false;
	}
	*ret_body = (struct rest_body){ first, reader.count, reader.is_array };
	return true;
}

bool rest_json_clean(struct rest_arena *arena, struct slice text, struct slice *ret_json,
    struct rest_error *error)
{
	struct reader reader = { .arena = arena };
	bool good = parse(&reader, text);

	if (good) {
		*ret_json = rest_arena_copy(arena, buf_slice(&reader.json));
		good = ret_json->ptr != NULL;
	}
	buf_finish(&reader.json);
	return good
	           ? true
	           : rest_fail(error, 400, "22P02", "invalid input syntax for type json");
}

/* SPDX-License-Identifier: MIT */
#include "sql/jsonb.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "sql/jsonb_private.h"

#define DEPTH_MAX 1000

/* In the order of jsonb. Source: www.postgresql.org/docs/15/datatype-json.html 8.14.4 */
enum kind { KIND_NULL, KIND_STRING, KIND_NUMBER, KIND_BOOLEAN, KIND_ARRAY, KIND_OBJECT };

struct jsonb {
	enum kind kind;
	bool truth;
	struct buf text;     /* a string's content */
	struct slice digits; /* borrowed */
	struct jsonb **item; /* owned; elements or members */
	struct buf *name;    /* owned; of members */
	size_t count;
	size_t room;
};

void jsonb_free(struct jsonb *value)
{
	if (!value) {
		return;
	}
	for (size_t i = 0; i < value->count; i++) {
		jsonb_free(value->item[i]);
		if (value->name) {
			buf_finish(&value->name[i]);
		}
	}
	free(value->item);
	free(value->name);
	buf_finish(&value->text);
	free(value);
}

static bool make_room(struct jsonb *value)
{
	size_t room = value->room ? value->room * 2 : 4;
	struct jsonb **item;
	struct buf *name;

	if (value->count < value->room) {
		return true;
	}
	item = realloc(value->item, room * sizeof(struct jsonb *));
	if (!item) {
		return false;
	}
	value->item = item;
	if (value->kind == KIND_OBJECT) {
		name = realloc(value->name, room * sizeof(*name));
		if (!name) {
			return false;
		}
		value->name = name;
	}
	value->room = room;
	return true;
}

/* By length, then by bytes. */
static int compare_names(const struct buf *a, const struct buf *b)
{
	if (a->len != b->len) {
		return a->len < b->len ? -1 : 1;
	}
	return a->len ? memcmp(a->ptr, b->ptr, a->len) : 0;
}

/* Puts a member where it belongs; takes both. */
static void insert(struct jsonb *object, struct buf *name, struct jsonb *item)
{
	size_t low = 0;
	size_t high = object->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_names(&object->name[middle], name) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (low < object->count && compare_names(&object->name[low], name) == 0) {
		jsonb_free(object->item[low]); /* the last of a name counts */
		object->item[low] = item;
		buf_finish(name);
		return;
	}
	memmove(object->item + low + 1, object->item + low,
	    (object->count - low) * sizeof(struct jsonb *));
	memmove(object->name + low + 1, object->name + low,
	    (object->count - low) * sizeof(*object->name));
	object->item[low] = item;
	object->name[low] = *name;
	object->count++;
}

static bool take_sign(struct slice *text, char sign)
{
	jsonb_skip_blanks(text);
	if (text->len == 0 || text->ptr[0] != sign) {
		return false;
	}
	text->ptr++;
	text->len--;
	return true;
}

static struct jsonb *parse_value(struct slice *text, int depth);

static bool take_name(struct slice *text, struct buf *ret_name)
{
	struct slice string;

	jsonb_skip_blanks(text);
	if (text->len == 0 || text->ptr[0] != '"') {
		return false;
	}
	string = jsonb_take_string(text);
	if (!string.ptr) {
		return false;
	}
	jsonb_unescape(ret_name, (struct slice){ string.ptr + 1, string.len - 2 });
	return !ret_name->failed && take_sign(text, ':');
}

/* Takes the elements or members and the closing sign. */
static bool take_items(struct jsonb *value, struct slice *text, char close, int depth)
{
	if (take_sign(text, close)) {
		return true;
	}
	do {
		struct buf name = { 0 };
		struct jsonb *item;

		if (!make_room(value) ||
		    (value->kind == KIND_OBJECT && !take_name(text, &name))) {
			buf_finish(&name);
			return false;
		}
		item = parse_value(text, depth + 1);
		if (!item) {
			buf_finish(&name);
			return false;
		}
		if (value->kind == KIND_OBJECT) {
			insert(value, &name, item);
		} else {
			value->item[value->count++] = item;
		}
	} while (take_sign(text, ','));
	return take_sign(text, close);
}

static bool take_word(struct slice *text, struct slice word)
{
	if (!slice_starts(*text, word)) {
		return false;
	}
	text->ptr += word.len;
	text->len -= word.len;
	return true;
}

static bool take_scalar(struct jsonb *value, struct slice *text)
{
	struct slice string;
	size_t len = 0;

	if (text->len > 0 && text->ptr[0] == '"') {
		string = jsonb_take_string(text);
		value->kind = KIND_STRING;
		if (string.ptr) {
			jsonb_unescape(&value->text,
			    (struct slice){ string.ptr + 1, string.len - 2 });
		}
		return string.ptr && !value->text.failed;
	}
	if (take_word(text, SLICE("null"))) {
		return true;
	}
	value->truth = take_word(text, SLICE("true"));
	if (value->truth || take_word(text, SLICE("false"))) {
		value->kind = KIND_BOOLEAN;
		return true;
	}
	while (len < text->len && memchr("+-.0123456789eE", text->ptr[len], 15)) {
		len++;
	}
	value->kind = KIND_NUMBER;
	value->digits = (struct slice){ text->ptr, len };
	text->ptr += len;
	text->len -= len;
	return len > 0;
}

static struct jsonb *parse_value(struct slice *text, int depth)
{
	struct jsonb *value = depth > DEPTH_MAX ? NULL : calloc(1, sizeof(*value));
	bool good;

	if (!value) {
		return NULL;
	}
	if (take_sign(text, '{')) {
		value->kind = KIND_OBJECT;
		good = take_items(value, text, '}', depth);
	} else if (take_sign(text, '[')) {
		value->kind = KIND_ARRAY;
		good = take_items(value, text, ']', depth);
	} else {
		good = take_scalar(value, text);
	}
	if (!good) {
		jsonb_free(value);
		return NULL;
	}
	return value;
}

struct jsonb *jsonb_parse(struct slice text)
{
	return parse_value(&text, 0);
}

static int compare_texts(const struct buf *a, const struct buf *b)
{
	size_t shorter = a->len < b->len ? a->len : b->len;
	int order = shorter ? memcmp(a->ptr, b->ptr, shorter) : 0;

	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static int compare(const struct jsonb *a, const struct jsonb *b)
{
	int order = 0;

	if (a->kind != b->kind) {
		return a->kind < b->kind ? -1 : 1;
	}
	switch (a->kind) {
	case KIND_NULL:
		return 0;
	case KIND_STRING:
		return compare_texts(&a->text, &b->text);
	case KIND_NUMBER:
		return jsonb_compare_numbers(a->digits, b->digits);
	case KIND_BOOLEAN:
		return a->truth - b->truth;
	default:
		break;
	}
	if (a->count != b->count) {
		return a->count < b->count ? -1 : 1;
	}
	for (size_t i = 0; i < a->count && order == 0; i++) {
		if (a->kind == KIND_OBJECT) {
			order = compare_texts(&a->name[i], &b->name[i]);
		}
		if (order == 0) {
			order = compare(a->item[i], b->item[i]);
		}
	}
	return order;
}

static bool is_empty_array(const struct jsonb *value)
{
	return value->kind == KIND_ARRAY && value->count == 0;
}

/* An empty array at the top is less than anything else: an oddity that jsonb keeps. */
int jsonb_compare(const struct jsonb *a, const struct jsonb *b)
{
	return is_empty_array(a) || is_empty_array(b)
	           ? is_empty_array(b) - is_empty_array(a)
	           : compare(a, b);
}

static bool is_nested(const struct jsonb *value)
{
	return value->kind == KIND_ARRAY || value->kind == KIND_OBJECT;
}

static const struct jsonb *find(const struct jsonb *object, const struct buf *name)
{
	for (size_t i = 0; i < object->count; i++) {
		if (compare_names(&object->name[i], name) == 0) {
			return object->item[i];
		}
	}
	return NULL;
}

static bool deep_contains(const struct jsonb *a, const struct jsonb *b)
{
	if (a->kind != b->kind) {
		return false;
	}
	if (!is_nested(b)) {
		return compare(a, b) == 0;
	}
	for (size_t i = 0; i < b->count; i++) {
		bool found = false;

		if (b->kind == KIND_OBJECT) {
			const struct jsonb *mine = find(a, &b->name[i]);

			found = mine && deep_contains(mine, b->item[i]);
		}
		for (size_t j = 0; b->kind == KIND_ARRAY && j < a->count && !found; j++) {
			found = deep_contains(a->item[j], b->item[i]);
		}
		if (!found) {
			return false;
		}
	}
	return true;
}

bool jsonb_contains(const struct jsonb *a, const struct jsonb *b)
{
	/* An array may contain a scalar, but only at the top. */
	if (a->kind == KIND_ARRAY && !is_nested(b)) {
		for (size_t i = 0; i < a->count; i++) {
			if (deep_contains(a->item[i], b)) {
				return true;
			}
		}
		return false;
	}
	return deep_contains(a, b);
}

void jsonb_put(struct buf *out, const struct jsonb *value)
{
	switch (value->kind) {
	case KIND_NULL:
		buf_puts(out, "null");
		return;
	case KIND_BOOLEAN:
		buf_puts(out, value->truth ? "true" : "false");
		return;
	case KIND_NUMBER:
		jsonb_put_number(out, value->digits);
		return;
	case KIND_STRING:
		json_put_string(out, buf_slice(&value->text));
		return;
	default:
		break;
	}
	buf_putc(out, value->kind == KIND_ARRAY ? '[' : '{');
	for (size_t i = 0; i < value->count; i++) {
		buf_puts(out, i > 0 ? ", " : "");
		if (value->kind == KIND_OBJECT) {
			json_put_string(out, buf_slice(&value->name[i]));
			buf_puts(out, ": ");
		}
		jsonb_put(out, value->item[i]);
	}
	buf_putc(out, value->kind == KIND_ARRAY ? ']' : '}');
}

bool jsonb_put_text(struct buf *out, struct slice text)
{
	struct jsonb *value = jsonb_parse(text);
	bool is_there = value && value->kind != KIND_NULL;

	if (is_there && value->kind == KIND_STRING) {
		buf_put_slice(out, buf_slice(&value->text));
	} else if (is_there) {
		jsonb_put(out, value);
	}
	jsonb_free(value);
	return is_there;
}

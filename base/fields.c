/* SPDX-License-Identifier: MIT */
/*
 * fields: stepping through header lines.
 */
#include "base/fields.h"

bool fields_next(struct slice *rest, struct field *ret_field)
{
	struct slice line = { NULL, 0 };
	struct slice text = { NULL, 0 };

	if (!rest->ptr || rest->len == 0) {
		return false;
	}
	text.ptr = rest->ptr;
	line = slice_cut(rest, '\n');
	text.len = line.len;
	if (rest->ptr) {
		line.len++; /* with its LF */
	}
	if (text.len > 0 && text.ptr[text.len - 1] == '\r') {
		text.len--;
	}
	if (text.len == 0) { /* the empty line that ends a head */
		return false;
	}
	ret_field->line = line;
	ret_field->name = slice_cut(&text, ':');
	ret_field->value =
	    text.ptr ? slice_trim(text) : (struct slice){ line.ptr + line.len, 0 };
	return true;
}

struct slice fields_find(struct slice block, struct slice name)
{
	struct field field;

	while (fields_next(&block, &field)) {
		if (slice_ieq(field.name, name)) {
			return field.value;
		}
	}
	return (struct slice){ NULL, 0 };
}

/* Cuts the next member off a list. A comma inside a quoted string separates nothing. */
static struct slice cut_member(struct slice *list)
{
	struct slice member = { list->ptr, list->len };
	bool quoted = false;

	for (size_t i = 0; i < list->len; i++) {
		char c = list->ptr[i];

		if (quoted && c == '\\') {
			i++;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (c == ',' && !quoted) {
			member.len = i;
			list->ptr += i + 1;
			list->len -= i + 1;
			return member;
		}
	}
	*list = (struct slice){ NULL, 0 };
	return member;
}

bool fields_list_has(struct slice block, struct slice name, struct slice token)
{
	struct field field;

	while (fields_next(&block, &field)) {
		struct slice list = field.value;

		if (!slice_ieq(field.name, name)) {
			continue;
		}
		while (list.ptr) {
			struct slice member = cut_member(&list);

			if (slice_ieq(slice_trim(slice_cut(&member, ';')), token)) {
				return true;
			}
		}
	}
	return false;
}

/* SPDX-License-Identifier: MIT */
/*
 * form: reading and writing fields.
 */
#include "record/form.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/percent.h"
#include "record/json_redact.h"

void form_finish(struct form *form)
{
	free(form->field);
	buf_wipe(&form->text);
	*form = (struct form){ 0 };
}

static void decode(
    struct buf *out, struct slice text, size_t (*read)(struct slice rest, char *ret))
{
	if (!buf_reserve(out, text.len)) {
		return;
	}
	for (size_t i = 0; i < text.len;) {
		i += read(
		    (struct slice){ text.ptr + i, text.len - i }, &out->ptr[out->len++]);
	}
}

void form_decode(struct buf *out, struct slice text)
{
	decode(out, text, form_byte);
}

void percent_decode(struct buf *out, struct slice text)
{
	decode(out, text, percent_byte);
}

/* Room for one more field. */
static struct form_field *next_field(struct form *form)
{
	struct form_field *grown =
	    array_grow(form->field, form->count, &form->cap, sizeof(*grown));

	if (!grown) {
		form->failed = true;
		return NULL;
	}
	form->field = grown;
	return &form->field[form->count];
}

void form_add(struct form *form, struct slice name, struct slice value, bool is_json)
{
	struct form_field *field = next_field(form);

	if (!field) {
		return;
	}
	*field = (struct form_field){ .name_at = form->text.len,
		.name_len = name.len,
		.value_at = form->text.len + name.len,
		.value_len = value.len,
		.order = form->count,
		.is_json = is_json };
	buf_put_slice(&form->text, name);
	buf_put_slice(&form->text, value);
	form->failed = form->failed || form->text.failed;
	form->count++;
}

static void add_pair(struct form *form, struct slice name, struct slice value)
{
	struct form_field *field = next_field(form);
	size_t at = form->text.len;

	if (!field) {
		return;
	}
	form_decode(&form->text, name);
	*field = (struct form_field){ .name_at = at,
		.name_len = form->text.len - at,
		.value_at = form->text.len,
		.order = form->count };
	form_decode(&form->text, value);
	field->value_len = form->text.len - field->value_at;
	form->failed = form->failed || form->text.failed;
	form->count++;
}

void form_read(struct form *form, struct slice text, bool whole)
{
	while (text.ptr) {
		struct slice value = slice_cut(&text, '&');
		struct slice name = slice_cut(&value, '=');

		if (name.len == 0 && value.len == 0) {
			continue;
		}
		if (!whole && !text.ptr) {
			return; /* the last one: who knows how it went on */
		}
		add_pair(form, name, value);
	}
}

/* For qsort: the text of the form comes along. */
struct sorted {
	const struct form_field *field;
	struct slice name;
};

static int by_name(const void *a, const void *b)
{
	const struct sorted *left = a;
	const struct sorted *right = b;
	size_t len = left->name.len < right->name.len ? left->name.len : right->name.len;
	int diff = len ? memcmp(left->name.ptr, right->name.ptr, len) : 0;

	if (diff == 0) {
		diff = (left->name.len > right->name.len) -
		       (left->name.len < right->name.len);
	}
	if (diff == 0) {
		diff = (left->field->order > right->field->order) -
		       (left->field->order < right->field->order);
	}
	return diff;
}

static void write_value(
    const struct form *form, const struct form_field *field, struct json_redact *json)
{
	struct slice value = { form->text.ptr ? form->text.ptr + field->value_at : "",
		field->value_len };

	if (field->is_json) {
		(void)json_redact_parse(
		    json, value, true); /* our own text: it is whole */
	} else {
		json_redact_string(json, value);
	}
}

/* The run of one name, which begins at sorted[i]. */
static void write_run(const struct form *form, const struct sorted *sorted, size_t i,
    size_t n, struct json_redact *json)
{
	json_redact_name(json, sorted[i].name);
	if (n == 1) {
		write_value(form, sorted[i].field, json);
		return;
	}
	json_redact_open(json, false);
	for (size_t k = 0; k < n; k++) {
		write_value(form, sorted[i + k].field, json);
	}
	json_redact_close(json);
}

void form_write(const struct form *form, struct json_redact *json)
{
	struct sorted *sorted = calloc(form->count + 1, sizeof(*sorted));
	size_t *run =
	    calloc(form->count + 1, sizeof(*run)); /* by order: 1 + where it begins */
	size_t *length =
	    calloc(form->count + 1, sizeof(*length)); /* by where it begins */
	size_t begin = 0;

	if (!sorted || !run || !length || form->failed) {
		json->out->failed = true;
		goto out;
	}
	for (size_t i = 0; i < form->count; i++) {
		const struct form_field *field = &form->field[i];

		sorted[i] = (struct sorted){ field,
			{ form->text.ptr ? form->text.ptr + field->name_at : "",
			    field->name_len } };
	}
	qsort(sorted, form->count, sizeof(*sorted), by_name);
	for (size_t i = 0; i < form->count; i++) {
		if (i == 0 || !slice_eq(sorted[i].name, sorted[i - 1].name)) {
			begin = i;
			run[sorted[i].field->order] = i + 1;
		}
		length[begin]++;
	}
	json_redact_open(json, true);
	for (size_t i = 0; i < form->count; i++) {
		if (run[i] > 0) {
			write_run(form, sorted, run[i] - 1, length[run[i] - 1], json);
		}
	}
	json_redact_close(json);
out:
	free(sorted);
	free(run);
	free(length);
}

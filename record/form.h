/* SPDX-License-Identifier: MIT */
/*
 * form: fields with names, from an urlencoded body, a query or a multipart body, as an
 * object.
 */
#ifndef RECORD_FORM_H
#define RECORD_FORM_H

#include "base/buf.h"

struct json_redact;

struct form_field {
	size_t name_at; /* in form.text */
	size_t name_len;
	size_t value_at;
	size_t value_len;
	size_t order;
	bool
	    is_json; /* the value is JSON text that waybill wrote: a file's description */
};

/* A zeroed struct is empty. */
struct form {
	struct form_field *field; /* owned */
	size_t count;
	size_t cap;
	struct buf text; /* names and values, decoded; wiped */
	bool failed;
};

void form_finish(struct form *form);

/* Appends text with %XX and + undone (WHATWG URL 5.1); what is no %XX stays as it is. */
void form_decode(struct buf *out, struct slice text);

/* The same, but + stays (RFC 3986 2.1). */
void percent_decode(struct buf *out, struct slice text);

/* Adds a field (copied). */
void form_add(struct form *form, struct slice name, struct slice value, bool is_json);

/*
 * Adds the fields of an urlencoded body or a query. whole: it is all there; else the
 * value of the last field may be cut, and is left out.
 */
void form_read(struct form *form, struct slice text, bool whole);

/*
 * Writes an object: fields in the order in which their names first came, a repeated name
 * with an array of its values.
 */
void form_write(const struct form *form, struct json_redact *json);

#endif

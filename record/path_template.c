/* SPDX-License-Identifier: MIT */
#include "record/path_template.h"

#include <ctype.h>
#include <stdio.h>

#include "record/names.h"
#include "record/path_place.h"
#include "routes/path.h"
#include "routes/routes.h"

enum {
	TOKEN_MIN = 16, /* letters and digits so long are more likely a key than an id */
	NAME_SIZE = 40,
};

struct template
{
	const struct service *service;
	struct slice path;
	struct spans spans; /* of what is a secret somewhere in the call */
	struct buf *out;
	char name[ROUTE_PARAMS_MAX][NAME_SIZE]; /* used so far */
	size_t names;
};

/* A secret touches the segment. */
static bool is_masked(const struct template *t, struct slice segment)
{
	size_t begin = (size_t)(segment.ptr - t->path.ptr);

	for (size_t i = 0; i < t->spans.count; i++) {
		if (t->spans.item[i].begin < begin + segment.len &&
		    t->spans.item[i].end > begin) {
			return true;
		}
	}
	return t->spans.failed;
}

/* Long, of the letters of base64, with digits among them or big letters among small. */
static bool is_token(struct slice segment)
{
	size_t digits = 0;
	size_t changes = 0;

	for (size_t i = 0; i < segment.len; i++) {
		unsigned char c = (unsigned char)segment.ptr[i];

		if (!isalnum(c) && !(c && strchr("-_.=+~:", c))) {
			return false;
		}
		digits += isdigit(c) != 0;
		changes +=
		    i > 0 && isupper(c) && islower((unsigned char)segment.ptr[i - 1]);
	}
	return segment.len >= TOKEN_MIN && digits < segment.len &&
	       (digits > 0 || changes > 2);
}

/* 8-4-4-4-12 hexadecimal digits (RFC 9562 4). */
static bool is_uuid(struct slice segment)
{
	for (size_t i = 0; i < segment.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? segment.ptr[i] != '-'
		         : !isxdigit((unsigned char)segment.ptr[i])) {
			return false;
		}
	}
	return segment.len == 36;
}

static bool is_hex(struct slice segment)
{
	for (size_t i = 0; i < segment.len; i++) {
		if (!isxdigit((unsigned char)segment.ptr[i])) {
			return false;
		}
	}
	return true;
}

static bool is_used(const struct template *t, const char *name)
{
	for (size_t i = 0; i < t->names; i++) {
		if (strcmp(t->name[i], name) == 0) {
			return true;
		}
	}
	return false;
}

/* {name}, or {name2} … where that is taken. */
static void put_name(struct template *t, struct slice name)
{
	char *own = t->name[t->names];

	(void)snprintf(
	    own, NAME_SIZE, "%.*s", name.len < 30 ? (int)name.len : 30, name.ptr);
	for (int n = 2; is_used(t, own); n++) {
		(void)snprintf(own, NAME_SIZE, "%.*s%d",
		    name.len < 30 ? (int)name.len : 30, name.ptr, n);
	}
	t->names++;
	buf_printf(t->out, "{%s}", own);
}

static void put_segment(struct template *t, struct slice segment, size_t at)
{
	struct path_place place;
	struct slice before =
	    at > 0 ? path_segment_at(t->path, at - 1) : (struct slice){ "", 0 };

	if (path_place_find(t->service, t->path, at, &place)) {
		buf_put_slice(t->out, place.prefix);
		put_name(t, place.name);
		buf_put_slice(t->out, place.suffix);
	} else if (is_masked(t, segment) || name_kind(before, false) == NAME_SECRET) {
		put_name(t, SLICE("token"));
	} else if (path_word(segment)) {
		buf_put_slice(t->out, segment);
	} else if (is_uuid(segment) || is_hex(segment) || !is_token(segment)) {
		put_name(t, SLICE("id"));
	} else {
		put_name(t, SLICE("token"));
	}
}

void path_template_put(const struct service *service, struct secrets *secrets,
    struct slice path, struct buf *out)
{
	struct template t = { .service = service, .path = path, .out = out };
	size_t begin = out->len;
	struct slice segment;

	if (secrets->overflow) {
		buf_puts(out, "/*"); /* nobody knows what is a secret in it */
		return;
	}
	(void)secrets_find(secrets, path, &t.spans);
	for (size_t at = 0; (segment = path_segment_at(path, at)).len > 0; at++) {
		size_t end = out->len;

		if (at == PATH_SEGMENTS_MAX - 1 || t.names == ROUTE_PARAMS_MAX) {
			buf_puts(out, "/*");
			break;
		}
		buf_putc(out, '/');
		put_segment(&t, segment, at);
		if (out->len - begin > PATH_TEMPLATE_MAX - 2) {
			buf_truncate(out, end);
			buf_puts(out, "/*"); /* there is room for it */
			break;
		}
	}
	if (out->len == begin) {
		buf_putc(out, '/');
	}
	spans_finish(&t.spans);
}

/* SPDX-License-Identifier: MIT */
/*
 * multipart: one pass over the body, from boundary to boundary.
 */
#include "record/multipart.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/json.h"
#include "base/utf8.h"
#include "record/media.h"
#include "record/parameter.h"

enum {
	BOUNDARY_MAX = 200, /* RFC 2046 allows 70 */
	HEAD_MAX = 16384,   /* bytes of a part's fields that are read */
};

struct part {
	struct slice disposition;
	struct slice type;
	struct slice body;
	struct buf head; /* the fields once unfolded, if they came folded; wiped */
	bool unclear;    /* two fields say what it is */
};

bool sha256_hex(struct slice data, char ret_hex[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (EVP_Digest(data.ptr, data.len, digest, &len, EVP_sha256(), NULL) != 1 ||
	    len != 32) {
		return false;
	}
	for (unsigned int i = 0; i < len; i++) {
		(void)snprintf(ret_hex + (size_t)2 * i, 3, "%02x", digest[i]);
	}
	return true;
}

/* The first line, without its line feed; *body is then what follows it. */
static struct slice first_line(struct slice *body)
{
	while (slice_starts(*body, SLICE("\r\n"))) { /* some write one before it */
		body->ptr += 2;
		body->len -= 2;
	}
	return slice_cut(body, '\n');
}

bool multipart_begins(struct slice body)
{
	struct slice line = first_line(&body);

	if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
		line.len--;
	}
	return slice_starts(line, SLICE("--")) && line.len > 2 &&
	       line.len <= BOUNDARY_MAX + 2 && slice_istarts(body, SLICE("Content-"));
}

bool multipart_first_line(struct slice body, struct buf *ret_boundary)
{
	struct slice line = first_line(&body);

	buf_truncate(ret_boundary, 0);
	if (!slice_starts(line, SLICE("--")) || line.ptr[line.len - 1] != '\r') {
		return false;
	}
	buf_put_slice(ret_boundary, (struct slice){ line.ptr + 2, line.len - 3 });
	return ret_boundary->len > 0 && ret_boundary->len <= BOUNDARY_MAX;
}

bool multipart_boundary(struct slice content_type, struct buf *ret_boundary)
{
	struct slice rest = content_type;
	struct slice type = slice_trim(slice_cut(&rest, ';'));

	buf_truncate(ret_boundary, 0);
	return slice_ieq(type, SLICE("multipart/form-data")) &&
	       parameter_find(content_type, SLICE("boundary"), ret_boundary) &&
	       ret_boundary->len > 0 && ret_boundary->len <= BOUNDARY_MAX;
}

/* RFC 5322 2.2.3, which RFC 2046 5.1 follows: a line that begins with a blank goes on
 * with the one before it. */
static struct slice unfold(struct slice head, struct buf *out)
{
	if (!memmem(head.ptr, head.len, "\r\n ", 3) &&
	    !memmem(head.ptr, head.len, "\r\n\t", 3)) {
		return head;
	}
	for (size_t i = 0; i < head.len; i++) {
		struct slice rest = { head.ptr + i, head.len - i };

		if (slice_starts(rest, SLICE("\r\n ")) ||
		    slice_starts(rest, SLICE("\r\n\t"))) {
			i++;
		} else {
			buf_putc(out, *rest.ptr);
		}
	}
	return buf_slice(out);
}

static void read_fields(struct slice head, struct part *part)
{
	head = unfold(head, &part->head);
	while (head.ptr) {
		struct slice line = slice_cut(&head, '\n');
		struct slice name = { NULL, 0 };

		if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
			line.len--;
		}
		name = slice_trim(slice_cut(&line, ':'));
		if (slice_ieq(name, SLICE("Content-Disposition"))) {
			part->unclear = part->unclear || part->disposition.ptr;
			part->disposition = slice_trim(line);
		} else if (slice_ieq(name, SLICE("Content-Type"))) {
			part->type = slice_trim(line);
		}
	}
}

/* Reads the fields of a part; body keeps what follows the empty line. */
static void read_head(struct slice text, struct part *ret)
{
	const char *end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
	struct slice head = text;

	*ret = (struct part){ .body = { "", 0 } };
	if (text.len >= 2 && memcmp(text.ptr, "\r\n", 2) == 0) {
		ret->body = (struct slice){ text.ptr + 2, text.len - 2 };
		return; /* no fields at all */
	}
	if (!end || end - text.ptr > HEAD_MAX) {
		return;
	}
	head.len = (size_t)(end - text.ptr);
	ret->body = (struct slice){ end + 4, text.len - head.len - 4 };
	read_fields(head, ret);
}

static bool is_text(struct slice text)
{
	for (size_t i = 0; i < text.len;) {
		size_t len = utf8_length((struct slice){ text.ptr + i, text.len - i });

		if (len == 0 || text.ptr[i] == '\0') {
			return false;
		}
		i += len;
	}
	return true;
}

/* Describes a file part instead of keeping it. */
static void add_file(
    struct form *form, struct slice name, const struct buf *file, const struct part *part)
{
	struct slice type = part->type;
	char hex[65] = "";
	struct buf json = { 0 };

	type = slice_trim(slice_cut(&type, ';'));
	if (!sha256_hex(part->body, hex)) {
		form->failed = true;
		return;
	}
	buf_puts(&json, "{\"_file\":");
	if (file) {
		json_put_string(&json, buf_slice(file));
	} else {
		buf_puts(&json, "null");
	}
	buf_puts(&json, ",\"_type\":");
	json_put_string(&json, type.len ? type : SLICE("application/octet-stream"));
	buf_printf(&json, ",\"_bytes\":%zu,\"_sha256\":\"%s\"}", part->body.len, hex);
	form_add(form, name, buf_slice(&json), true);
	form->failed = form->failed || json.failed;
	buf_finish(&json);
}

/* Text under a name of its own. What may hold parts of its own, or is UTF-16, is not kept
 * as it came; without a name nobody can say whether it is a secret. */
static bool is_field(const struct part *part, struct slice name)
{
	return name.len > 0 && !part->unclear && is_text(part->body) &&
	       !slice_istarts(part->type, SLICE("multipart/")) &&
	       !media_wide(part->type, part->body);
}

static void add_part(struct form *form, struct slice text)
{
	struct part part;
	struct buf name = { 0 };
	struct buf file = { 0 };
	bool named = false;

	read_head(text, &part);
	(void)parameter_find(
	    part.disposition, SLICE("name"), &name); /* none: the name is "" */
	named = parameter_find(part.disposition, SLICE("filename"), &file);
	if (named || !is_field(&part, buf_slice(&name))) {
		add_file(form, buf_slice(&name), named ? &file : NULL, &part);
	} else {
		form_add(form, buf_slice(&name), part.body, false);
	}
	form->failed = form->failed || name.failed || file.failed || part.head.failed;
	buf_wipe(&name);
	buf_wipe(&file);
	buf_wipe(&part.head);
}

/* What follows a boundary: the end, or blanks and a line break; else it was none after
 * all. */
static bool after_boundary(struct slice *rest, bool *ret_last)
{
	struct slice s = *rest;

	*ret_last = slice_starts(s, SLICE("--"));
	if (*ret_last) {
		return true;
	}
	while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
		s.ptr++;
		s.len--;
	}
	if (!slice_starts(s, SLICE("\r\n"))) {
		return false;
	}
	*rest = (struct slice){ s.ptr + 2, s.len - 2 };
	return true;
}

/*
 * Finds the next boundary in *rest, which is then what follows it. Returns where its line
 * break begins, or NULL when there is none.
 */
static const char *next_boundary(struct slice *rest, struct slice mark, bool *ret_last)
{
	for (;;) {
		const char *at = memmem(rest->ptr, rest->len, mark.ptr, mark.len);

		if (!at) {
			return NULL;
		}
		rest->len -= (size_t)(at - rest->ptr) + mark.len;
		rest->ptr = at + mark.len;
		if (after_boundary(rest, ret_last)) {
			return at;
		}
	}
}

bool multipart_read(struct form *form, struct slice body, struct slice boundary)
{
	char line[BOUNDARY_MAX + 4] = "\r\n--";
	struct slice mark = { line, boundary.len + 4 };
	struct slice first = { line + 2, boundary.len + 2 };
	struct slice rest = body;
	const char *at = NULL;
	bool last = false;

	if (boundary.len == 0 || boundary.len > BOUNDARY_MAX) {
		return false;
	}
	memcpy(line + 4, boundary.ptr, boundary.len);
	/* the first boundary mostly stands at the very begin, without a line break before
	 * it */
	if (slice_starts(body, first)) {
		rest = (struct slice){ body.ptr + first.len, body.len - first.len };
		at = after_boundary(&rest, &last) ? body.ptr : NULL;
	}
	if (!at && !next_boundary(&rest, mark, &last)) {
		return false;
	}
	while (!last) {
		struct slice part = rest;

		at = next_boundary(&rest, mark, &last);
		if (!at) {
			return false;
		}
		part.len = (size_t)(at - part.ptr);
		add_part(form, part);
	}
	return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * redact_tag: secrets in elements and attributes of XML and HTML.
 */
#include "record/text_scan.h"

#include <string.h>

#include "record/names.h"

enum {
	TAG_BYTES = 512, /* of a tag that are looked at for attributes */
	TAG_LEAST = 10,  /* key="pin" and a blank: a shorter one has no pair */
};

#define CDATA_BEGIN "<![CDATA["
#define CDATA_END   "]]>"

static size_t find(struct slice text, size_t i, size_t end, char c)
{
	const char *at = i < end ? memchr(text.ptr + i, c, end - i) : NULL;

	return at ? (size_t)(at - text.ptr) : end;
}

static bool names_pair(struct slice name)
{
	return slice_ieq(name, SLICE("name")) || slice_ieq(name, SLICE("key")) ||
	       slice_ieq(name, SLICE("property"));
}

static bool holds_value(struct slice name)
{
	return slice_ieq(name, SLICE("value")) || slice_ieq(name, SLICE("content"));
}

/* Does </name begin at i? */
static bool ends_element(const struct text_scan *scan, size_t i, struct slice name)
{
	struct slice rest = text_part(scan, i, scan->text.len);

	return rest.len > 2 + name.len && rest.ptr[1] == '/' &&
	       slice_istarts((struct slice){ rest.ptr + 2, rest.len - 2 }, name);
}

/* The attributes in [i, end): one says whose the value is, another one holds it, or what
 * stands behind the tag. */
static void tag_pair(
    const struct text_scan *scan, struct slice element, size_t i, size_t end)
{
	struct slice text = scan->text;
	struct slice value = { NULL, 0 };
	bool secret = false;

	for (i = find(text, i, end, '='); i + 1 < end; i = find(text, i + 1, end, '=')) {
		char quote = text.ptr[i + 1];
		size_t name = i;
		size_t close = 0;
		struct slice held;

		if (quote != '"' && quote != '\'') {
			continue;
		}
		while (i - name < NAME_BYTES && name > 0 &&
		       text_is(text.ptr[name - 1], BYTE_NAME)) {
			name--;
		}
		close = find(text, i + 2, end, quote);
		held = text_part(scan, i + 2, close);
		if (names_pair(text_part(scan, name, i))) {
			secret = secret || name_kind(held, false) == NAME_SECRET;
		} else if (holds_value(text_part(scan, name, i))) {
			value = held;
		}
		i = close;
	}
	if (secret && value.ptr) {
		i = (size_t)(value.ptr - text.ptr);
		text_add(scan, i, i + value.len);
	} else if (secret && end < text.len) {
		i = find(text, end, text.len, '<');
		if (i < text.len && ends_element(scan, i, element)) {
			text_add(scan, end + 1, i);
		}
	}
}

/* What a secret element holds is looked for elsewhere too, without the tags in it. */
static void note_inner(const struct text_scan *scan, size_t i, size_t end)
{
	while (i < end) {
		struct slice rest = text_part(scan, i, end);
		size_t stop = 0;

		if (slice_starts(rest, SLICE(CDATA_BEGIN))) {
			i += strlen(CDATA_BEGIN);
			stop = i;
			while (stop < end && !slice_starts(text_part(scan, stop, end),
			                         SLICE(CDATA_END))) {
				stop = find(scan->text, stop + 1, end, ']');
			}
		} else if (*rest.ptr == '<') {
			i = find(scan->text, i, end, '>') + 1;
			continue;
		} else {
			stop = find(scan->text, i, end, '<');
		}
		secrets_add(
		    &scan->redaction->secrets, slice_trim(text_part(scan, i, stop)));
		i = stop;
	}
}

/* The content of <name …>, whose tag ends at i, up to its own end tag. */
static void content(struct text_scan *scan, struct slice name, size_t i)
{
	struct slice text = scan->text;
	size_t begin = i + 1;
	size_t end = find(text, begin, text.len, '<');
	bool plain = true;

	while (end < text.len && !ends_element(scan, end, name)) {
		end = find(text, end + 1, text.len, '<');
		plain = false;
	}
	text_add(scan, begin, end);
	if (!plain) {
		note_inner(scan, begin, end);
	}
	scan->content_begin = begin;
	scan->content_end = end;
}

size_t text_tag(struct text_scan *scan, size_t i)
{
	struct slice text = scan->text;
	size_t end = i + 1;
	size_t close = 0;
	size_t most = 0;
	struct slice name;

	while (end < text.len && end - i <= NAME_BYTES &&
	       text_is(text.ptr[end], BYTE_NAME | BYTE_COLON)) {
		end++;
	}
	if (end == i + 1) {
		return end;
	}
	name = text_part(scan, i + 1, end);
	most = text.len - end < TAG_BYTES ? text.len : end + TAG_BYTES;
	close = find(text, end, most, '>');
	if (close < most && close - end >= TAG_LEAST) {
		tag_pair(scan, name, end, close);
	}
	if (name_kind(name, false) != NAME_SECRET) {
		return end;
	}
	for (close = end; close < text.len && text.ptr[close] != '<'; close++) {
		if (text.ptr[close] == '>') {
			if (text.ptr[close - 1] != '/') {
				content(scan, name, close);
			}
			break;
		}
	}
	return end; /* its attributes are looked at like any text */
}

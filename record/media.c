/* SPDX-License-Identifier: MIT */
/*
 * media: names of types, and a look at the bytes.
 */
#include "record/media.h"

#include <stdlib.h>

#include "base/utf8.h"
#include "record/names.h"
#include "record/parameter.h"

enum {
	TITLE_WITHIN = 65536, /* bytes of a page that are looked through */
	TITLE_MAX = 512,
	WIDE_LOOK = 64, /* bytes in which zeros are counted */
};

struct slice media_type(struct slice content_type)
{
	struct slice type = slice_trim(slice_cut(&content_type, ';'));

	return type.len > 0 ? type : SLICE("application/octet-stream");
}

static bool ends_with(struct slice s, struct slice end)
{
	return s.len >= end.len &&
	       slice_ieq((struct slice){ s.ptr + s.len - end.len, end.len }, end);
}

static bool in_list(struct slice type, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct slice name = slice_of(list[i]);
		bool family = ends_with(name, SLICE("/"));

		if (family ? slice_istarts(type, name) : slice_ieq(type, name)) {
			return true;
		}
	}
	return false;
}

enum media media_of(struct slice content_type)
{
	static const char *const json[] = { "application/json", "text/json",
		"application/x-json", "text/x-json" };
	static const char *const text[] = { "text/", "application/xml",
		"application/javascript", "application/x-javascript",
		"application/ecmascript", "application/graphql", "application/sql",
		"application/yaml", "application/x-yaml", "application/toml",
		"application/x-ndjson", "application/jsonl", "application/json-seq" };
	static const char *const binary[] = { "image/", "audio/", "video/", "font/",
		"multipart/", "application/octet-stream", "application/pdf",
		"application/zip", "application/gzip", "application/x-protobuf",
		"application/grpc", "application/msgpack", "application/x-msgpack",
		"application/cbor" };
	struct slice type = slice_trim(slice_cut(&content_type, ';'));

	if (in_list(type, json, sizeof(json) / sizeof(json[0])) ||
	    ends_with(type, SLICE("+json"))) {
		return MEDIA_JSON;
	}
	if (slice_ieq(type, SLICE("application/x-www-form-urlencoded"))) {
		return MEDIA_FORM;
	}
	if (slice_ieq(type, SLICE("multipart/form-data"))) {
		return MEDIA_MULTIPART;
	}
	if (in_list(type, text, sizeof(text) / sizeof(text[0])) ||
	    ends_with(type, SLICE("+xml"))) {
		return MEDIA_TEXT;
	}
	if (in_list(type, binary, sizeof(binary) / sizeof(binary[0]))) {
		return MEDIA_BINARY;
	}
	return MEDIA_UNKNOWN;
}

/* Their names in MIME, of Java, of Windows … */
static bool wide_charset(struct slice name)
{
	static const char *const wide[] = { "utf-16", "utf-16le", "utf-16be", "utf-32",
		"utf-32le", "utf-32be", "utf-7", "unicode-1-1-utf-7", "ucs-2", "ucs-2le",
		"ucs-2be", "ucs-4", "ucs-4le", "ucs-4be", "iso-10646-ucs-2",
		"iso-10646-ucs-4", "unicode", "unicodefffe", "unicodefeff", "csunicode",
		"csucs4", "csutf7", "csutf16", "csutf16le", "csutf16be", "csutf32",
		"csutf32le", "csutf32be" };

	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		if (name_same(name, slice_of(wide[i]))) {
			return true;
		}
	}
	return false;
}

bool media_wide(struct slice content_type, struct slice body)
{
	size_t len = body.len < WIDE_LOOK ? body.len : WIDE_LOOK;
	struct buf charset = { 0 };
	size_t zeros = 0;
	bool wide = false;

	for (size_t i = 0; i < len; i++) {
		zeros += body.ptr[i] == '\0';
	}
	wide = slice_starts(body, SLICE("\xFF\xFE")) ||
	       slice_starts(body, SLICE("\xFE\xFF")) || (zeros > 0 && zeros * 3 >= len);
	if (!wide && parameter_find(content_type, SLICE("charset"), &charset)) {
		wide = wide_charset(slice_trim(buf_slice(&charset)));
	}
	buf_finish(&charset);
	return wide;
}

bool media_wide_within(struct slice text)
{
	const char *end = text.ptr + text.len;
	const char *at = text.len > 0 ? memchr(text.ptr, '\0', text.len) : NULL;

	while (at && end - at > 4) {
		if (at[2] == '\0' && at[4] == '\0') {
			return true;
		}
		at = memchr(at + 1, '\0', (size_t)(end - at - 1));
	}
	return false;
}

bool media_looks_text(struct slice body, bool cut)
{
	for (size_t i = 0; i < body.len;) {
		unsigned char c = (unsigned char)body.ptr[i];
		size_t len = utf8_length((struct slice){ body.ptr + i, body.len - i });

		if (len == 0) {
			return cut && body.len - i < 4 && c >= 0xC2;
		}
		if (c == 0x7F || (c < 0x20 && !memchr("\t\n\f\r", c, 4))) {
			return false;
		}
		i += len;
	}
	return true;
}

/* Finds text in s, any case. Returns its place, or s.len. */
static size_t find(struct slice s, size_t from, struct slice text)
{
	for (size_t i = from; i + text.len <= s.len; i++) {
		if (slice_istarts((struct slice){ s.ptr + i, s.len - i }, text)) {
			return i;
		}
	}
	return s.len;
}

struct entity {
	const char *name;
	char c;
};

/* &amp; and its kin; anything else stays as it is. Returns bytes read. */
static size_t put_entity(struct slice rest, struct buf *out)
{
	static const struct entity entities[] = { { "&amp;", '&' }, { "&lt;", '<' },
		{ "&gt;", '>' }, { "&quot;", '"' }, { "&#39;", '\'' }, { "&apos;", '\'' },
		{ "&nbsp;", ' ' } };

	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
		struct slice name = slice_of(entities[i].name);

		if (slice_istarts(rest, name)) {
			buf_putc(out, entities[i].c);
			return name.len;
		}
	}
	buf_putc(out, '&');
	return 1;
}

static void put_title(struct slice title, struct buf *out)
{
	size_t begin = out->len;
	bool blank = false;

	for (size_t i = 0; i < title.len && out->len - begin < TITLE_MAX;) {
		char c = title.ptr[i];

		if ((unsigned char)c <= ' ') {
			blank = true;
			i++;
			continue;
		}
		if (blank && out->len > begin) {
			buf_putc(out, ' ');
		}
		blank = false;
		if (c == '&') {
			i += put_entity(
			    (struct slice){ title.ptr + i, title.len - i }, out);
		} else {
			buf_putc(out, c);
			i++;
		}
	}
}

bool html_title(struct slice body, struct buf *out)
{
	size_t begin = 0;
	size_t end = 0;
	size_t before = out->len;

	if (body.len > TITLE_WITHIN) {
		body.len = TITLE_WITHIN;
	}
	begin = find(body, 0, SLICE("<title"));
	begin = find(body, begin, SLICE(">"));
	end = find(body, begin, SLICE("</title"));
	if (begin < body.len && end < body.len) {
		put_title((struct slice){ body.ptr + begin + 1, end - begin - 1 }, out);
	}
	return out->len > before;
}

/* SPDX-License-Identifier: MIT */
/*
 * decode: which codings there are, and undoing them last to first.
 */
#include "record/decode.h"

#include "base/fields.h"
#include "record/inflate.h"

enum {
	CODINGS_MAX = 4, /* stacked */
	LOOKS_BYTES = 256,
};

struct coding {
	const char *name;
	inflate_function *undo;
};

static const struct coding codings[] = {
	{ "br", inflate_brotli },
	{ "deflate", inflate_deflate },
	{ "gzip", inflate_gzip },
	{ "x-gzip", inflate_gzip }, /* RFC 9110 8.4.1.3 */
	{ "zstd", inflate_zstd },
};

static inflate_function *find_coding(struct slice name)
{
	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
		if (slice_ieq(name, slice_of(codings[i].name))) {
			return codings[i].undo;
		}
	}
	return NULL;
}

/* Lists the codings in the order applied. Returns how many, or -1: one is unknown. */
static int list_codings(struct slice fields, inflate_function *ret[CODINGS_MAX])
{
	struct field field;
	int count = 0;

	while (fields_next(&fields, &field)) {
		if (!slice_ieq(field.name, SLICE("Content-Encoding"))) {
			continue;
		}
		while (field.value.ptr) {
			struct slice name = slice_trim(slice_cut(&field.value, ','));
			inflate_function *undo = find_coding(name);

			if (name.len == 0 || slice_ieq(name, SLICE("identity"))) {
				continue;
			}
			if (!undo || count == CODINGS_MAX) {
				return -1;
			}
			ret[count++] = undo;
		}
	}
	return count;
}

/* Some servers name a coding that they did not apply: then the bytes are text already. */
static bool looks_plain(struct slice body)
{
	size_t len = body.len < LOOKS_BYTES ? body.len : LOOKS_BYTES;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)body.ptr[i];

		if (c == 0x7F || (c < 0x20 && !memchr("\t\n\f\r", c, 4))) {
			return false;
		}
	}
	return len > 0;
}

/* Undoes them one by one. Returns how the last one ended. */
static enum inflate_end undo_all(inflate_function *const *undo, int count, size_t keep,
    bool whole, struct decoding *ret)
{
	enum inflate_end end = INFLATE_WHOLE;

	for (int i = count; i-- > 0;) {
		struct buf out = { 0 };

		ret->bytes = 0;
		end = undo[i](ret->body, keep, &out, &ret->bytes);
		if (out.failed) {
			end = INFLATE_BROKEN;
		}
		if (end != INFLATE_WHOLE || ret->bytes > out.len) {
			whole = false;
		}
		buf_wipe(&ret->out);
		ret->out = out;
		ret->out.failed = false;
		ret->body = buf_slice(&ret->out);
		if (end == INFLATE_BROKEN && out.len == 0) {
			break;
		}
	}
	ret->whole = whole;
	return end;
}

void decode_body(
    const struct capture *capture, struct slice fields, size_t keep, struct decoding *ret)
{
	inflate_function *undo[CODINGS_MAX];
	struct slice wire = buf_slice(&capture->bytes);
	int count = list_codings(fields, undo);
	enum inflate_end end = INFLATE_WHOLE;

	*ret = (struct decoding){ .body = wire,
		.bytes = capture->total,
		.whole = capture_whole(capture),
		.clear = count >= 0,
		.coded = count != 0 };
	if (count < 0) {
		ret->body = (struct slice){ "", 0 };
		return;
	}
	if (count == 0 || capture->total == 0) {
		return;
	}
	end = undo_all(undo, count, keep, ret->whole, ret);
	if (end == INFLATE_BROKEN && ret->body.len == 0) {
		ret->clear = looks_plain(wire);
		ret->body = ret->clear ? wire : ret->body;
		ret->bytes = capture->total;
		ret->whole = ret->clear && capture_whole(capture);
	} else if (end != INFLATE_WHOLE && ret->bytes < capture->total) {
		ret->bytes = capture->total;
	}
}

void decode_finish(struct decoding *decoding)
{
	buf_wipe(&decoding->out);
	*decoding = (struct decoding){ 0 };
}

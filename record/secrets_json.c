/* SPDX-License-Identifier: MIT */
/*
 * secrets_json: masking values in JSON text, string by string, so that it stays JSON.
 */
#include <stdlib.h>

#include "base/json.h"
#include "record/secrets.h"

/* Walks the tokens of one text. */
struct walk {
	struct secrets *secrets;
	struct slice text;
	struct buf out; /* what is masked so far; text before copied is in it */
	size_t copied;
	struct buf plain; /* a string without its escapes; wiped */
};

/* The end of the string that begins (with its quote) at i: one past its quote, or
 * text.len. */
static size_t string_end(struct slice text, size_t i, bool *ret_escapes)
{
	*ret_escapes = false;
	for (i++; i < text.len; i++) {
		if (text.ptr[i] == '"') {
			return i + 1;
		}
		if (text.ptr[i] == '\\') {
			*ret_escapes = true;
			i++;
		}
	}
	return text.len;
}

static size_t token_end(struct slice text, size_t i)
{
	while (i < text.len && !strchr(",:]}[{\" \n", text.ptr[i])) {
		i++;
	}
	return i;
}

/* Undoes the escapes that json_put_string writes. */
static void unescape(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c != '\\' || i + 1 >= text.len) {
			buf_putc(out, c);
			continue;
		}
		c = text.ptr[++i];
		if (c == 'u' && i + 4 < text.len) {
			char hex[3] = { text.ptr[i + 3], text.ptr[i + 4], '\0' };

			buf_putc(out, (char)strtol(hex, NULL, 16));
			i += 4;
		} else {
			const char *at = strchr("b\bf\fn\nr\rt\t", c);

			buf_putc(out, at ? at[1] : c);
		}
	}
}

/* Puts what is masked in place of text[begin, end). */
static void replace(struct walk *walk, size_t begin, size_t end,
    const struct spans *spans, struct slice plain)
{
	struct buf masked = { 0 };

	buf_put(&walk->out, walk->text.ptr + walk->copied, begin - walk->copied);
	spans_put(spans, plain, &masked);
	walk->out.failed = walk->out.failed || masked.failed;
	json_put_string(&walk->out, buf_slice(&masked));
	walk->copied = end;
	buf_wipe(&masked);
}

static void walk_string(struct walk *walk, size_t begin, size_t end, bool escapes)
{
	struct slice inner = { walk->text.ptr + begin + 1, end - begin - 2 };
	struct spans spans = { 0 };

	if (escapes) {
		buf_truncate(&walk->plain, 0);
		unescape(&walk->plain, inner);
		inner = buf_slice(&walk->plain);
	}
	if (secrets_find(walk->secrets, inner, &spans)) {
		replace(walk, begin, end, &spans, inner);
	}
	spans_finish(&spans);
}

static void walk_scalar(struct walk *walk, size_t begin, size_t end)
{
	struct slice token = { walk->text.ptr + begin, end - begin };
	struct spans spans = { 0 };

	if (token.len >= SECRET_MIN_BYTES && secrets_find(walk->secrets, token, &spans)) {
		replace(walk, begin, end, &spans, token);
	}
	spans_finish(&spans);
}

void secrets_mask_json(struct secrets *secrets, struct buf *json)
{
	struct walk walk = { .secrets = secrets, .text = buf_slice(json) };
	size_t i = 0;

	if (!secrets_may_be_in_json(secrets, walk.text)) {
		return;
	}
	while (i < walk.text.len) {
		char c = walk.text.ptr[i];
		bool escapes = false;
		size_t end = i + 1;

		if (c == '"') {
			end = string_end(walk.text, i, &escapes);
			if (end - i >= 2) {
				walk_string(&walk, i, end, escapes);
			}
		} else if (c == '-' || (c >= '0' && c <= '9')) {
			end = token_end(walk.text, i);
			walk_scalar(&walk, i, end);
		}
		i = end;
	}
	if (walk.copied > 0) {
		buf_put(
		    &walk.out, walk.text.ptr + walk.copied, walk.text.len - walk.copied);
		walk.out.failed = walk.out.failed || walk.plain.failed;
		buf_wipe(json);
		*json = walk.out;
	}
	json->failed = json->failed || walk.plain.failed;
	buf_wipe(&walk.plain);
}

/* SPDX-License-Identifier: MIT */
#include "routes/pointer.h"

#include <errno.h>

/* Replaces ~1 by / and ~0 by ~ in place (RFC 6901 4). False: a ~ that is neither. */
static bool unescape(char *text, size_t *len)
{
	size_t out = 0;

	for (size_t i = 0; i < *len; i++, out++) {
		text[out] = text[i];
		if (text[i] != '~') {
			continue;
		}
		if (i + 1 == *len || (text[i + 1] != '0' && text[i + 1] != '1')) {
			return false;
		}
		text[out] = text[++i] == '1' ? '/' : '~';
	}
	*len = out;
	return true;
}

static size_t count_tokens(struct slice text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++) {
		count += text.ptr[i] == '/';
	}
	return count;
}

int pointer_parse(struct arena *arena, struct slice text, struct pointer *ret_pointer,
    const char **ret_why)
{
	struct pointer pointer = { .count = count_tokens(text) };
	struct slice rest = text;
	struct slice *tokens;

	if (text.len > 0 && text.ptr[0] != '/') {
		*ret_why = "a JSON Pointer begins with \"/\"";
		return -EINVAL;
	}
	if (pointer.count > POINTER_TOKENS_MAX) {
		*ret_why = "a JSON Pointer here has at most 32 parts";
		return -EINVAL;
	}
	pointer.text = arena_text(arena, text);
	tokens = arena_array(arena, pointer.count, sizeof(*tokens));
	if (!pointer.text || !tokens) {
		return -ENOMEM;
	}
	(void)slice_cut(&rest, '/'); /* what is before the first "/" is empty */
	for (size_t i = 0; i < pointer.count; i++) {
		struct slice token = slice_cut(&rest, '/');
		char *copy = arena_text(arena, token);

		if (!copy) {
			return -ENOMEM;
		}
		if (slice_eq(token, SLICE("**")) && i + 1 < pointer.count) {
			*ret_why = "\"**\" can only be the last part of a JSON Pointer";
			return -EINVAL;
		}
		if (!unescape(copy, &token.len)) {
			*ret_why =
			    "\"~\" is written \"~0\" in a JSON Pointer, and \"/\" is \"~1\"";
			return -EINVAL;
		}
		tokens[i] = (struct slice){ copy, token.len };
	}
	pointer.tokens = tokens;
	if (pointer.count > 0 && slice_eq(tokens[pointer.count - 1], SLICE("**"))) {
		pointer.first_text = true;
		pointer.count--;
	}
	*ret_pointer = pointer;
	return 0;
}

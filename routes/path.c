/* SPDX-License-Identifier: MIT */
#include "routes/path.h"

#include "base/percent.h"

#include <errno.h>

static bool is_name(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!(c >= 'a' && c <= 'z') && c != '_' &&
		    !(i > 0 && c >= '0' && c <= '9')) {
			return false;
		}
	}
	return text.len > 0;
}

static struct slice find_char(struct slice text, char c)
{
	const char *at = text.len ? memchr(text.ptr, c, text.len) : NULL;

	return at ? (struct slice){ at, text.len - (size_t)(at - text.ptr) }
	          : (struct slice){ NULL, 0 };
}

/* Literal text of a pattern, copied. Returns false when there is no memory. */
static bool literal(struct arena *arena, struct slice text, bool fold, struct slice *ret)
{
	char *copy = arena_text(arena, text);

	for (size_t i = 0; copy && fold && i < text.len; i++) {
		if (copy[i] >= 'A' && copy[i] <= 'Z') {
			copy[i] = (char)(copy[i] - 'A' + 'a');
		}
	}
	*ret = (struct slice){ copy, text.len };
	return copy;
}

/* pre{name}suf: the name goes to the pattern, prefix and suffix to the segment. */
static const char *parse_param(struct arena *arena, struct slice prefix,
    struct slice braced, struct path_pattern *pattern, struct slice *ret_suffix)
{
	struct slice close = find_char(braced, '}');
	struct slice name;
	const char *copy;

	if (!close.ptr) {
		return "\"{\" without its \"}\"";
	}
	name = (struct slice){ braced.ptr + 1, braced.len - close.len - 1 };
	*ret_suffix = (struct slice){ close.ptr + 1, close.len - 1 };
	if (!is_name(name)) {
		return "a {name} is made of a to z, 0 to 9 and _, and begins with a letter";
	}
	if (find_char(*ret_suffix, '{').ptr || find_char(*ret_suffix, '}').ptr ||
	    find_char(prefix, '}').ptr) {
		return "one {name} at most between two slashes";
	}
	if (pattern->name_count == ROUTE_PARAMS_MAX) {
		return "at most 16 {names} in a path";
	}
	for (size_t i = 0; i < pattern->name_count; i++) {
		if (slice_eq(slice_of(pattern->name[i]), name)) {
			return "the same {name} twice";
		}
	}
	copy = arena_text(arena, name);
	if (!copy) {
		return ""; /* no memory */
	}
	pattern->name[pattern->name_count++] = copy;
	return NULL;
}

static const char *parse_segment(struct arena *arena, struct slice text, bool fold,
    bool last, struct path_pattern *pattern)
{
	struct path_segment *segment = &pattern->segment[pattern->count++];
	struct slice brace = find_char(text, '{');
	struct slice star = find_char(text, '*');
	struct slice prefix = text;
	struct slice suffix = { "", 0 };
	const char *why = NULL;

	*segment = (struct path_segment){ .kind = SEGMENT_LITERAL };
	if (star.ptr && (star.len > 1 || !last || brace.ptr)) {
		return "\"*\" can only be the last character of a path, not beside a {name}";
	}
	if (star.ptr) {
		segment->kind = SEGMENT_REST;
		prefix.len -= 1;
	} else if (brace.ptr) {
		segment->kind = SEGMENT_PARAM;
		prefix.len -= brace.len;
		why = parse_param(arena, prefix, brace, pattern, &suffix);
	} else if (find_char(text, '}').ptr) {
		why = "\"}\" without its \"{\"";
	}
	if (why) {
		return why;
	}
	return literal(arena, prefix, fold, &segment->prefix) &&
	               literal(arena, suffix, fold, &segment->suffix)
	           ? NULL
	           : "";
}

static const char *parse_segments(
    struct arena *arena, struct slice rest, bool fold, struct path_pattern *pattern)
{
	while (rest.ptr) {
		struct slice text = slice_cut(&rest, '/');
		const char *why;

		if (text.len == 0) {
			return "\"//\" or a \"/\" at the end: paths are matched without them";
		}
		if (pattern->count == PATH_SEGMENTS_MAX) {
			return "at most 32 parts in a path";
		}
		why = parse_segment(arena, text, fold, rest.ptr == NULL, pattern);
		if (why) {
			return why;
		}
	}
	return NULL;
}

int path_pattern_parse(struct arena *arena, struct slice text, bool fold,
    struct path_pattern *ret_pattern, const char **ret_why)
{
	struct path_pattern pattern;
	const char *why = NULL;

	pattern.count = 0;
	pattern.name_count = 0;
	if (text.len == 0 || text.ptr[0] != '/') {
		why = "a path begins with \"/\"";
	} else if (find_char(text, '?').ptr || find_char(text, '#').ptr) {
		why = "a path is matched without its query";
	} else if (find_char(text, '%').ptr) {
		why = "paths are matched percent-decoded: write the character itself";
	} else if (text.len > 1) {
		why = parse_segments(
		    arena, (struct slice){ text.ptr + 1, text.len - 1 }, fold, &pattern);
	}
	if (why) {
		*ret_why = why;
		return *why ? -EINVAL : -ENOMEM;
	}
	*ret_pattern = pattern;
	return 0;
}

size_t path_normalise(struct slice target, char *out)
{
	size_t len = 0;
	size_t at = 0;

	out[len++] = '/';
	while (at < target.len && target.ptr[at] != '?' && target.ptr[at] != '#') {
		char c = 0;

		at +=
		    percent_byte((struct slice){ target.ptr + at, target.len - at }, &c);
		if (c != '/' || out[len - 1] != '/') {
			out[len++] = c;
		}
	}
	if (len > 1 && out[len - 1] == '/') {
		len--;
	}
	return len;
}

size_t path_split(struct slice path, struct path_segment ret_segments[PATH_SEGMENTS_MAX],
    bool *ret_more)
{
	struct slice rest = { path.ptr + 1, path.len - 1 };
	size_t count = 0;

	if (rest.len == 0) {
		rest.ptr = NULL;
	}
	while (rest.ptr && count < PATH_SEGMENTS_MAX) {
		ret_segments[count].kind = SEGMENT_LITERAL;
		ret_segments[count++].prefix = slice_cut(&rest, '/');
	}
	*ret_more = rest.ptr != NULL;
	return count;
}

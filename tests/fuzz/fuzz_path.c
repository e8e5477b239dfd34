/* SPDX-License-Identifier: MIT */
/*
 * fuzz_path: patterns, an empty line, a request target. The index must say what trying
 * one pattern after the other says, and a pattern refused as covered must never be the
 * first.
 */
#include "routes/index.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define PATTERNS_MAX 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool segment_fits(const struct path_segment *pattern, struct slice text)
{
	struct slice tail = { text.ptr + text.len - pattern->suffix.len,
		pattern->suffix.len };

	if (pattern->kind == SEGMENT_LITERAL) {
		return slice_eq(pattern->prefix, text);
	}
	return text.len > pattern->prefix.len + pattern->suffix.len &&
	       slice_starts(text, pattern->prefix) && slice_eq(tail, pattern->suffix);
}

/* The plain way: segment by segment. The path is normalised. */
static bool pattern_fits(const struct path_pattern *pattern, struct slice path)
{
	struct slice rest = { path.ptr + 1, path.len - 1 };
	bool more = rest.len > 0;

	for (size_t i = 0; i < pattern->count; i++) {
		const struct path_segment *segment = &pattern->segment[i];

		if (segment->kind == SEGMENT_REST) {
			return more ? slice_starts(rest, segment->prefix)
			            : segment->prefix.len == 0;
		}
		if (!more || !segment_fits(segment, slice_cut(&rest, '/'))) {
			return false;
		}
		more = rest.ptr != NULL;
	}
	return !more;
}

static void compare(const struct index *index, const struct path_pattern *pattern,
    const size_t *covered_by, size_t count, struct slice target)
{
	char *out = malloc(target.len + 1);
	struct index_hit hit;
	struct slice path;
	size_t expected = INDEX_NO_ROUTE;

	if (!out) {
		return;
	}
	path = (struct slice){ out, path_normalise(target, out) };
	for (size_t i = 0; i < count; i++) {
		if (!pattern_fits(&pattern[i], path)) {
			continue;
		}
		if (covered_by[i] == INDEX_NO_ROUTE) {
			expected = expected == INDEX_NO_ROUTE ? i : expected;
		} else if (!pattern_fits(&pattern[covered_by[i]], path)) {
			abort();
		}
	}
	index_find(index, SLICE("GET"), path, &hit);
	if (hit.order != expected) {
		abort();
	}
	if (expected != INDEX_NO_ROUTE &&
	    hit.value_count != pattern[expected].name_count) {
		abort();
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct path_pattern pattern[PATTERNS_MAX];
	size_t covered_by[PATTERNS_MAX];
	struct slice rest = { (const char *)data, size };
	struct arena arena = { NULL };
	struct index *index = index_create(false);
	size_t count = 0;

	while (index && rest.ptr && rest.len > 0 && rest.ptr[0] != '\n') {
		struct slice line = slice_cut(&rest, '\n');
		const char *why = NULL;

		if (count == PATTERNS_MAX ||
		    path_pattern_parse(&arena, line, false, &pattern[count], &why) < 0) {
			continue;
		}
		covered_by[count] = INDEX_NO_ROUTE;
		if (index_add(index, &pattern[count], METHODS_ANY, count,
		        &covered_by[count]) == -ENOMEM) {
			abort();
		}
		count++;
	}
	if (index && rest.ptr && rest.len > 0) {
		compare(index, pattern, covered_by, count,
		    (struct slice){ rest.ptr + 1, rest.len - 1 });
	}
	index_destroy(index);
	arena_finish(&arena);
	return 0;
}

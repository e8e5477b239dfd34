/* SPDX-License-Identifier: MIT */
/*
 * spans: a growing array.
 */
#include "record/spans.h"

#include <stdlib.h>

#include "base/array.h"

void spans_finish(struct spans *spans)
{
	free(spans->item);
	*spans = (struct spans){ 0 };
}

void spans_add(struct spans *spans, size_t begin, size_t end)
{
	struct span *grown;
	struct span *last = spans->count ? &spans->item[spans->count - 1] : NULL;

	if (begin >= end || spans->failed) {
		return;
	}
	if (last && begin <= last->end && end >= last->begin) {
		last->begin = begin < last->begin ? begin : last->begin;
		last->end = end > last->end ? end : last->end;
		return;
	}
	grown = array_grow(spans->item, spans->count, &spans->cap, sizeof(*grown));
	if (!grown) {
		spans->failed = true;
		return;
	}
	spans->item = grown;
	spans->item[spans->count++] = (struct span){ begin, end };
}

static int compare(const void *a, const void *b)
{
	const struct span *left = a;
	const struct span *right = b;

	return (left->begin > right->begin) - (left->begin < right->begin);
}

/* Do they stand in order, with a gap between any two? */
static bool joined(const struct spans *spans)
{
	for (size_t i = 1; i < spans->count; i++) {
		if (spans->item[i].begin <= spans->item[i - 1].end) {
			return false;
		}
	}
	return true;
}

void spans_join(struct spans *spans)
{
	size_t kept = 0;

	if (joined(spans)) {
		return; /* mostly, as they are found from left to right */
	}
	qsort(spans->item, spans->count, sizeof(*spans->item), compare);
	for (size_t i = 1; i < spans->count; i++) {
		struct span *last = &spans->item[kept];

		if (spans->item[i].begin <= last->end) {
			if (spans->item[i].end > last->end) {
				last->end = spans->item[i].end;
			}
		} else {
			spans->item[++kept] = spans->item[i];
		}
	}
	spans->count = kept + 1;
}

void spans_put(const struct spans *spans, struct slice text, struct buf *out)
{
	size_t at = 0;

	if (spans->failed) {
		buf_put_slice(out, SLICE(REDACTED));
		return;
	}
	for (size_t i = 0; i < spans->count; i++) {
		buf_put(out, text.ptr + at, spans->item[i].begin - at);
		buf_put_slice(out, SLICE(REDACTED));
		at = spans->item[i].end;
	}
	if (text.len > at) {
		buf_put(out, text.ptr + at, text.len - at);
	}
}

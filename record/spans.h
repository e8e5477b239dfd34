/* SPDX-License-Identifier: MIT */
/*
 * spans: which parts of a text are to be masked.
 */
#ifndef RECORD_SPANS_H
#define RECORD_SPANS_H

#include "base/buf.h"

/* What stands where a secret stood. */
#define REDACTED "[redacted]"

struct span {
	size_t begin;
	size_t end;
};

/* A zeroed struct is empty. */
struct spans {
	struct span *item; /* owned */
	size_t count;
	size_t cap;
	bool failed; /* an allocation failed: mask all */
};

void spans_finish(struct spans *spans);

/* Empties them, to be used again. */
static inline void spans_clear(struct spans *spans)
{
	spans->count = 0;
	spans->failed = false;
}

/* Adds one, in any order; one that touches the last is joined with it. Empty ones are
 * left out. */
void spans_add(struct spans *spans, size_t begin, size_t end);

/* Sorts and joins them. */
void spans_join(struct spans *spans);

/* Appends text with REDACTED in place of each span (after spans_join). Failed: REDACTED
 * alone. */
void spans_put(const struct spans *spans, struct slice text, struct buf *out);

#endif

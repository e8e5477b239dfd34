/* SPDX-License-Identifier: MIT */
/*
 * buf: bytes that grow. A zeroed struct is an empty one.
 *
 * Out of memory is sticky: `failed` is set, later puts do nothing, and the owner looks
 * once at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

#include <stdarg.h>
#include <stdint.h>

struct buf {
	char *ptr; /* owned; NULL while empty */
	size_t len;
	size_t cap;
	bool failed; /* an allocation failed: the content is not whole */
};

/* Frees the content and makes b empty again. Zeroed memory is fine. */
void buf_finish(struct buf *b);

/* Overwrites the content before it frees it: for what held a secret. */
void buf_wipe(struct buf *b);

/* Makes room for extra more bytes. Returns false when it cannot (b->failed is then set).
 */
bool buf_reserve(struct buf *b, size_t extra);

void buf_put(struct buf *b, const void *data, size_t len);
void buf_put_slice(struct buf *b, struct slice s);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* One byte, where there is no room. */
void buf_grow_putc(struct buf *b, char c);

/* Once for each token of a payload: so here, where it costs no call. */
static inline void buf_putc(struct buf *b, char c)
{
	if (b->len < b->cap && !b->failed) {
		b->ptr[b->len++] = c;
		return;
	}
	buf_grow_putc(b, c);
}

/* Cuts the content to len bytes, at most what is there. */
void buf_truncate(struct buf *b, size_t len);

/* The content, borrowed until b changes. */
static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ b->ptr ? b->ptr : "", b->len };
}

/*
 * Gives the content as a NUL-terminated string (free() it) and makes b empty.
 * Returns NULL when b->failed or there is no memory for the terminator.
 */
char *buf_steal(struct buf *b);

#endif

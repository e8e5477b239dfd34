/* SPDX-License-Identifier: MIT */
/*
 * buf: bytes that grow, by doubling.
 */
#include "base/buf.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

void buf_finish(struct buf *b)
{
	if (b) {
		free(b->ptr);
		*b = (struct buf){ 0 };
	}
}

void buf_wipe(struct buf *b)
{
	if (b && b->ptr) {
		/* not memset: a compiler may drop a write to memory that is freed next */
		OPENSSL_cleanse(b->ptr, b->cap);
	}
	buf_finish(b);
}

bool buf_reserve(struct buf *b, size_t extra)
{
	size_t cap = b->cap ? b->cap : FIRST_CAPACITY;
	char *grown = NULL;

	if (b->failed) {
		return false;
	}
	if (extra <= b->cap - b->len) {
		return true;
	}
	if (extra > SIZE_MAX / 2 - b->len) {
		b->failed = true;
		return false;
	}
	while (cap < b->len + extra) {
		cap *= 2;
	}
	grown = realloc(b->ptr, cap);
	if (!grown) {
		b->failed = true;
		return false;
	}
	b->ptr = grown;
	b->cap = cap;
	return true;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
	if (len > 0 && buf_reserve(b, len)) {
		memcpy(b->ptr + b->len, data, len);
		b->len += len;
	}
}

void buf_grow_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_put_slice(struct buf *b, struct slice s)
{
	buf_put(b, s.ptr, s.len);
}

void buf_puts(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_list again;
	int len = 0;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	if (len < 0) {
		b->failed = true;
	} else if (buf_reserve(b, (size_t)len + 1)) {
		(void)vsnprintf(b->ptr + b->len, (size_t)len + 1, format, again);
		b->len += (size_t)len;
	}
	va_end(again);
	va_end(args);
}

void buf_truncate(struct buf *b, size_t len)
{
	if (len < b->len) {
		b->len = len;
	}
}

char *buf_steal(struct buf *b)
{
	char *text = NULL;

	if (!buf_reserve(b, 1)) {
		buf_finish(b);
		return NULL;
	}
	text = b->ptr;
	text[b->len] = '\0';
	*b = (struct buf){ 0 };
	return text;
}

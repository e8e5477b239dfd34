/* SPDX-License-Identifier: MIT */
/*
 * slice: a borrowed run of bytes. Not NUL-terminated; valid as long as what it points
 * into.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct slice {
	const char *ptr;
	size_t len;
};

/* A slice over a string literal. */
#define SLICE(literal) ((struct slice){ "" literal, sizeof(literal) - 1 })

/* printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) (int)(s).len, (s).ptr

static inline struct slice slice_of(const char *text)
{
	return (struct slice){ text, text ? strlen(text) : 0 };
}

/* A NUL-terminated copy, to free; NULL: no memory. (strndup(3) may look past the end.) */
static inline char *slice_dup(struct slice s)
{
	char *copy = malloc(s.len + 1);

	if (copy) {
		if (s.len > 0) {
			memcpy(copy, s.ptr, s.len);
		}
		copy[s.len] = '\0';
	}
	return copy;
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Equal but for ASCII case. */
static inline bool slice_ieq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool slice_istarts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len &&
	       (prefix.len == 0 || strncasecmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/* Without blanks (SP, HTAB) at both ends: RFC 9110 5.6.3, OWS. */
static inline struct slice slice_trim(struct slice s)
{
	while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
		s.len--;
	}
	return s;
}

/* Cuts s at the first c: returns what stands before it, leaves in *s what follows.
 * Without a c the whole of *s is returned and *s becomes empty (ptr NULL). */
static inline struct slice slice_cut(struct slice *s, char c)
{
	const char *at = s->len ? memchr(s->ptr, c, s->len) : NULL;
	struct slice head = *s;

	if (!at) {
		*s = (struct slice){ NULL, 0 };
		return head;
	}
	head.len = (size_t)(at - s->ptr);
	s->len -= head.len + 1;
	s->ptr = at + 1;
	return head;
}

#endif

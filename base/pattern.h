/* SPDX-License-Identifier: MIT */
/*
 * pattern: a compiled regular expression (PCRE2, JIT where there is one).
 *
 * Matching is bounded: past the step limit the answer is PATTERN_LIMIT, and the caller
 * must take the safe side. Immutable after compile; any thread may match.
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include "base/err.h"
#include "base/slice.h"

struct pattern;

enum pattern_result { PATTERN_NONE, PATTERN_FOUND, PATTERN_LIMIT };

struct pattern_match {
	struct slice all;  /* the whole match, borrowed from the subject */
	struct slice type; /* group (?<type>…), ptr NULL when absent */
	struct slice id;   /* group (?<id>…), ptr NULL when absent */
};

/* Returns 0 or -EINVAL with the library's words and the offset in err. */
MUST_CHECK int pattern_compile(
    const char *text, struct pattern **ret_pattern, struct err *err);

/* NULL is fine. */
void pattern_destroy(struct pattern *pattern);

/* No match is shorter. */
size_t pattern_shortest(const struct pattern *pattern);

/* A byte that every match has, or -1 where none is known. */
int pattern_needs(const struct pattern *pattern);

/* Memory for the matches of one pattern, so that not each asks for its own. Thread: one.
 */
struct pattern_room;
struct pattern_room *pattern_room_create(const struct pattern *pattern); /* NULL: none */
void pattern_room_destroy(struct pattern_room *room); /* NULL is fine */

/* As pattern_find. room may be NULL: then the answer is PATTERN_LIMIT. */
enum pattern_result pattern_find_in(const struct pattern *pattern, struct slice subject,
    size_t from, struct pattern_room *room, struct pattern_match *ret_match);

/* Looks for the first match at or after offset from. The subject may hold any bytes. */
enum pattern_result pattern_find(const struct pattern *pattern, struct slice subject,
    size_t from, struct pattern_match *ret_match);

#endif

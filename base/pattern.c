/* SPDX-License-Identifier: MIT */
/*
 * pattern: PCRE2 on bytes.
 *
 * Bytes, not UTF-8: what a peer sends need not be text, and a check of each subject would
 * cost more than most matches. (*UTF) in a pattern is refused for the same reason.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "base/pattern.h"

#include <ctype.h>
#include <errno.h>
#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>

enum {
	MATCH_LIMIT = 200000,   /* steps of backtracking */
	HEAP_LIMIT_KIB = 16384, /* for the interpreter, where there is no JIT */
	LENGTH_LIMIT = 16384,   /* bytes of pattern */
};

struct pattern {
	pcre2_code *code;             /* owned */
	pcre2_match_context *context; /* owned; only read while matching */
	bool jit;                     /* compiled to machine code */
	uint32_t type;                /* group numbers, 0: the pattern has none */
	uint32_t id;
};

/* Looks up a named group: 0 or -EINVAL when two groups have the name. */
static int find_group(
    const pcre2_code *code, const char *name, uint32_t *ret, struct err *err)
{
	int n = pcre2_substring_number_from_name(code, (PCRE2_SPTR)name);

	if (n == PCRE2_ERROR_NOUNIQUESUBSTRING) {
		return err_set(
		    err, EINVAL, "the group name '%s' is used more than once", name);
	}
	*ret = n > 0 ? (uint32_t)n : 0;
	return 0;
}

static int compile_error(int code, size_t offset, struct err *err)
{
	char words[256] = "";

	(void)pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof(words));
	return err_set(err, EINVAL, "bad pattern: %s at offset %zu", words, offset);
}

int pattern_compile(const char *text, struct pattern **ret_pattern, struct err *err)
{
	struct pattern *pattern = calloc(1, sizeof(*pattern));
	pcre2_compile_context *limits = pcre2_compile_context_create(NULL);
	PCRE2_SIZE offset = 0;
	int code = 0;
	int r = 0;

	if (!pattern || !limits) {
		r = err_set(err, ENOMEM, "out of memory for a pattern");
		goto out;
	}
	(void)pcre2_set_max_pattern_length(limits, LENGTH_LIMIT);
	pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
	    PCRE2_NEVER_UTF, &code, &offset, limits);
	if (!pattern->code) {
		r = compile_error(code, offset, err);
		goto out;
	}
	pattern->context = pcre2_match_context_create(NULL);
	if (!pattern->context) {
		r = err_set(err, ENOMEM, "out of memory for a pattern");
		goto out;
	}
	(void)pcre2_set_match_limit(pattern->context, MATCH_LIMIT);
	(void)pcre2_set_heap_limit(pattern->context, HEAP_LIMIT_KIB);
	/* no JIT here is no error: the interpreter takes over */
	pattern->jit = pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE) == 0;
	r = find_group(pattern->code, "type", &pattern->type, err);
	if (r == 0) {
		r = find_group(pattern->code, "id", &pattern->id, err);
	}
	if (r == 0) {
		*ret_pattern = pattern;
		pattern = NULL;
	}
out:
	pcre2_compile_context_free(limits);
	pattern_destroy(pattern);
	return r;
}

void pattern_destroy(struct pattern *pattern)
{
	if (pattern) {
		pcre2_match_context_free(pattern->context);
		pcre2_code_free(pattern->code);
		free(pattern);
	}
}

size_t pattern_shortest(const struct pattern *pattern)
{
	uint32_t length = 0;

	return pcre2_pattern_info(pattern->code, PCRE2_INFO_MINLENGTH, &length) == 0
	           ? length
	           : 0;
}

int pattern_needs(const struct pattern *pattern)
{
	uint32_t known = 0;
	uint32_t byte = 0;

	if (pcre2_pattern_info(pattern->code, PCRE2_INFO_LASTCODETYPE, &known) != 0 ||
	    pcre2_pattern_info(pattern->code, PCRE2_INFO_LASTCODEUNIT, &byte) != 0 ||
	    known != 1 || byte >= 0x80 || isalpha((int)byte)) {
		return -1; /* of a letter the other case may do as well */
	}
	return (int)byte;
}

static struct slice group(struct slice subject, const PCRE2_SIZE *vector, uint32_t n)
{
	PCRE2_SIZE begin = vector[2 * (size_t)n];
	PCRE2_SIZE end = vector[2 * (size_t)n + 1];

	if (begin == PCRE2_UNSET || begin > end || end > subject.len) {
		return (struct slice){ NULL, 0 };
	}
	return (struct slice){ subject.ptr + begin, end - begin };
}

/* One struct under two names: the library's header stays in this file. */
struct pattern_room *pattern_room_create(const struct pattern *pattern)
{
	return (struct pattern_room *)pcre2_match_data_create_from_pattern(
	    pattern->code, NULL);
}

void pattern_room_destroy(struct pattern_room *room)
{
	pcre2_match_data_free((pcre2_match_data *)room);
}

enum pattern_result pattern_find_in(const struct pattern *pattern, struct slice subject,
    size_t from, struct pattern_room *room, struct pattern_match *ret_match)
{
	pcre2_match_data *data = (pcre2_match_data *)room;
	const PCRE2_SIZE *vector = NULL;
	PCRE2_SPTR text = NULL;
	int n = 0;

	if (from > subject.len) {
		return PATTERN_NONE;
	}
	if (!data) {
		return PATTERN_LIMIT;
	}
	text = (PCRE2_SPTR)(subject.ptr ? subject.ptr : "");
	/* pcre2_jit_match leaves out checks of its arguments that pcre2_match makes */
	n = pattern->jit ? pcre2_jit_match(pattern->code, text, subject.len, from, 0,
	                       data, pattern->context)
	                 : pcre2_match(pattern->code, text, subject.len, from, 0, data,
	                       pattern->context);
	if (n == PCRE2_ERROR_JIT_STACKLIMIT) {
		/* JIT has 32 KiB of stack; the interpreter has the heap, within the same
		 * limits */
		n = pcre2_match(pattern->code, text, subject.len, from, PCRE2_NO_JIT,
		    data, pattern->context);
	}
	if (n <= 0) {
		return n == PCRE2_ERROR_NOMATCH ? PATTERN_NONE : PATTERN_LIMIT;
	}
	subject.ptr = (const char *)text;
	vector = pcre2_get_ovector_pointer(data);
	*ret_match = (struct pattern_match){ .all = group(subject, vector, 0) };
	if (pattern->type) {
		ret_match->type = group(subject, vector, pattern->type);
	}
	if (pattern->id) {
		ret_match->id = group(subject, vector, pattern->id);
	}
	return ret_match->all.ptr ? PATTERN_FOUND : PATTERN_LIMIT;
}

enum pattern_result pattern_find(const struct pattern *pattern, struct slice subject,
    size_t from, struct pattern_match *ret_match)
{
	struct pattern_room *room = pattern_room_create(pattern);
	enum pattern_result result =
	    pattern_find_in(pattern, subject, from, room, ret_match);

	pattern_room_destroy(room);
	return result;
}

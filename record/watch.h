/* SPDX-License-Identifier: MIT */
/*
 * watch: many JSON Pointers evaluated while a payload is read, in the same pass.
 *
 * For each depth there is a set of those pointers that agree so far; a member's name or
 * an element's index makes the set of the next depth.
 */
#ifndef RECORD_WATCH_H
#define RECORD_WATCH_H

#include "base/buf.h"
#include "routes/service.h"

enum {
	WATCH_DEPTH = 128, /* containers within containers */
	WATCH_STARS = 4,   /* "*" tokens of one pointer whose places are kept */
	WATCH_NONE = -1,
};

enum watch_kind {
	WATCH_VALUE,  /* tests, codes, messages */
	WATCH_SECRET, /* what is found there is masked */
	WATCH_ALL,    /* every scalar is kept, with the places of its stars */
};

/* A piece of watch.text. */
struct watch_text {
	bool found;
	bool secret; /* it stood in a secret place */
	size_t at;
	size_t len;
};

struct watch_result {
	bool present;             /* a value that is not null */
	bool filled;              /* one that is not null, "", [] or {} either */
	bool equal;               /* a scalar whose text is the expected one */
	struct watch_text scalar; /* the first that is not empty */
	struct watch_text string; /* the first string that is not empty */
};

/* A scalar that a WATCH_ALL pointer found. */
struct watch_hit {
	int watch;
	uint32_t star[WATCH_STARS]; /* which member or element each "*" stood for */
	struct watch_text text;
};

struct watched;

/* A zeroed struct is empty. */
struct watch {
	struct watched *item; /* owned */
	size_t count;
	size_t cap;
	struct buf text;       /* copies of what was found; wiped */
	struct watch_hit *hit; /* owned */
	size_t hit_count;
	bool failed; /* no memory: the results are not whole */

	/* private: sets of pointers, `words` words each */
	size_t words;
	uint64_t *live;    /* by depth: agree with the path to this container, and go on
	                      below it */
	uint64_t *reached; /* by depth: point at this container */
	uint64_t *started; /* by depth: "**" pointers that look for a string since this
	                      container */
	uint64_t
	    *more; /* agree with the path to the value that comes now, and go on below */
	uint64_t *here;    /* point at the value that comes now */
	uint64_t *hunting; /* "**": look for a string */
	uint64_t *texts;   /* all "**" pointers */
	uint64_t *secrets; /* all WATCH_SECRET */
	uint64_t *alls;    /* all WATCH_ALL */
	uint64_t *fits;    /* by token and enum watch_row: whose token fits */
	/* which of those sets are not empty: mostly they all are */
	bool coming;             /* more or here */
	bool coming_secret;      /* a WATCH_SECRET pointer is in here */
	bool hunts;              /* hunting */
	bool lives[WATCH_DEPTH]; /* live, by depth */
};

void watch_finish(struct watch *watch);

/*
 * Adds a pointer, borrowed. expected (may be NULL) is what result.equal compares with.
 * Returns its number, or WATCH_NONE without memory (watch.failed is set).
 */
int watch_add(struct watch *watch, const struct pointer *pointer, enum watch_kind kind,
    const char *expected);

/* All are added; a payload begins (anew: what was found is forgotten). */
void watch_begin(struct watch *watch);

/*
 * The next value is the whole payload (depth 0), or the member or element number
 * `ordinal` of the container at depth - 1. name is the member's; its ptr is NULL for an
 * element.
 */
void watch_next(struct watch *watch, size_t depth, struct slice name, uint32_t ordinal);

/* For each token of the pointers there are sets of those … */
enum watch_row {
	WATCH_NAMES = 64,   /* … whose token may fit a name, by its first byte, and */
	WATCH_ELEMENT = 64, /* an element of an array, */
	WATCH_STAR,         /* or anything; */
	WATCH_END,          /* and whose last token it is. */
	WATCH_ROWS,
};

static inline const uint64_t *watch_row(
    const struct watch *watch, size_t token, unsigned int row)
{
	return watch->fits + (token * WATCH_ROWS + row) * watch->words;
}

/* The row for a name. */
static inline unsigned int watch_name_row(struct slice name)
{
	return name.len > 0 ? (unsigned char)name.ptr[0] % WATCH_NAMES : 0;
}

/* False: watch_next for this member would change nothing, as mostly. Asked before it,
 * where it costs no call. */
static inline bool watch_wants_member(
    const struct watch *watch, size_t depth, struct slice name)
{
	if (!watch || watch->coming || !watch->lives[depth - 1]) {
		return watch && watch->coming;
	}
	return watch->words > 1 || (watch->live[depth - 1] & *watch_row(watch, depth - 1,
	                                                         watch_name_row(name)));
}

/* Likewise for an element, or the whole payload. */
static inline bool watch_wants(const struct watch *watch, size_t depth)
{
	return watch && (depth == 0 || watch->coming || watch->lives[depth - 1]);
}

/* Likewise for watch_scalar. */
static inline bool watch_wants_scalar(const struct watch *watch, bool is_string)
{
	return watch && (watch->coming || (is_string && watch->hunts));
}

/* Does a WATCH_SECRET pointer point at the value that comes now? */
static inline bool watch_is_secret(const struct watch *watch)
{
	return watch && watch->coming && watch->coming_secret;
}

/* The value is a scalar. is_string, is_null; secret: it stands in a secret place. */
void watch_scalar(
    struct watch *watch, struct slice text, bool is_string, bool is_null, bool secret);

/* Does a pointer agree with the value that comes? If not, and it is a container, nothing
 * in it is of concern until it ends. */
static inline bool watch_comes(const struct watch *watch)
{
	return watch && watch->coming;
}

/* The value, which comes, is a container that is then at `depth`; it has a member; it
 * ends. Returns whether pointers point at it: only then the other two are called. */
bool watch_open(struct watch *watch, size_t depth, bool is_map);
void watch_filled(struct watch *watch, size_t depth);
void watch_close(struct watch *watch, size_t depth);

/* What a pointer found. An unknown number finds nothing. */
const struct watch_result *watch_result(const struct watch *watch, int number);

/* The text of a find, borrowed until the watch ends. */
struct slice watch_slice(const struct watch *watch, const struct watch_text *text);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * watch_find: keeping what pointers find.
 */
#include "record/watch_private.h"

#include <stdlib.h>

enum {
	TEXT_MAX = 16384,        /* bytes kept of one find */
	TEXTS_MAX = 1024 * 1024, /* bytes kept of all finds */
	HITS_MAX = 1024,         /* of all WATCH_ALL pointers */
};

static void keep(
    struct watch *watch, struct watch_text *text, struct slice value, bool secret)
{
	if (value.len > TEXT_MAX) {
		value.len = TEXT_MAX;
	}
	if (watch->text.len + value.len > TEXTS_MAX) {
		return;
	}
	*text = (struct watch_text){
		.found = true, .secret = secret, .at = watch->text.len, .len = value.len
	};
	buf_put_slice(&watch->text, value);
	watch->failed = watch->failed || watch->text.failed;
}

static void keep_hit(struct watch *watch, size_t i, struct slice value, bool secret)
{
	struct watch_hit *hit = NULL;

	if (!watch->hit) {
		watch->hit = calloc(HITS_MAX, sizeof(*watch->hit));
		watch->failed = watch->failed || !watch->hit;
	}
	if (!watch->hit || watch->hit_count == HITS_MAX) {
		return;
	}
	hit = &watch->hit[watch->hit_count];
	hit->watch = (int)i;
	memcpy(hit->star, watch->item[i].star, sizeof(hit->star));
	keep(watch, &hit->text, value, secret);
	watch->hit_count += hit->text.found;
}

/* A string below a "**" pointer, or at it: the first that is not empty is kept. */
static void hunt(struct watch *watch, struct slice text, bool secret)
{
	for (size_t i = 0; watch_next_bit(watch, watch->hunting, &i); i++) {
		struct watch_result *result = &watch->item[i].result;

		if (!result->string.found) {
			keep(watch, &result->string, text, secret);
		}
	}
	for (size_t w = 0; w < watch->words; w++) {
		watch->hunting[w] = 0;
	}
	watch->hunts = false;
}

void watch_scalar(
    struct watch *watch, struct slice text, bool is_string, bool is_null, bool secret)
{
	for (size_t i = 0; watch_next_bit(watch, watch->here, &i); i++) {
		struct watched *item = &watch->item[i];
		struct watch_result *result = &item->result;

		if (is_null || item->kind == WATCH_SECRET) {
			continue;
		}
		result->present = true;
		result->filled = result->filled || !is_string || text.len > 0;
		result->equal = result->equal ||
		                (item->expected.ptr && slice_eq(item->expected, text));
		if (text.len > 0 && !result->scalar.found && item->kind == WATCH_VALUE) {
			keep(watch, &result->scalar, text, secret);
		}
		if (text.len > 0 && is_string && !result->string.found &&
		    item->kind == WATCH_VALUE) {
			keep(watch, &result->string, text, secret);
		}
		if (item->kind == WATCH_ALL) {
			keep_hit(watch, i, text, secret);
		}
	}
	if (is_string && text.len > 0 && watch->hunts) {
		hunt(watch, text, secret);
	}
}

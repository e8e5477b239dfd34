/* SPDX-License-Identifier: MIT */
#include "record/path_place.h"

struct slice path_segment_at(struct slice path, size_t at)
{
	struct slice rest = path;

	if (rest.len > 0 && rest.ptr[0] == '/') {
		rest.ptr++;
		rest.len--;
	}
	while (at-- > 0 && rest.ptr) {
		(void)slice_cut(&rest, '/');
	}
	return rest.ptr ? slice_cut(&rest, '/') : rest;
}

/* False: the text has no {name}. */
static bool take_apart(struct slice text, struct path_place *ret_place)
{
	struct slice rest = text;
	struct slice prefix = slice_cut(&rest, '{');

	if (!rest.ptr) {
		return false;
	}
	ret_place->prefix = prefix;
	ret_place->name = slice_cut(&rest, '}');
	ret_place->suffix = rest.ptr ? rest : (struct slice){ "", 0 };
	return true;
}

static bool same(struct slice a, struct slice b, bool fold)
{
	return fold ? slice_ieq(a, b) : slice_eq(a, b);
}

static bool fits_place(const struct path_place *place, struct slice segment, bool fold)
{
	size_t ends = place->prefix.len + place->suffix.len;
	struct slice head = { segment.ptr, place->prefix.len };
	struct slice tail = { segment.ptr + segment.len - place->suffix.len,
		place->suffix.len };

	return segment.len > ends && same(head, place->prefix, fold) &&
	       same(tail, place->suffix, fold);
}

static bool fits(struct slice pattern, struct slice segment, bool fold)
{
	struct path_place place;

	if (!pattern.ptr || !segment.ptr) {
		return false;
	}
	return take_apart(pattern, &place) ? fits_place(&place, segment, fold)
	                                   : same(pattern, segment, fold);
}

static bool is_secret(const struct route *route, struct slice name)
{
	const struct names *names = &route->secrets->path;

	for (size_t i = 0; i < names->count; i++) {
		if (slice_eq(slice_of(names->item[i]), name)) {
			return true;
		}
	}
	return false;
}

/* The beginning of the path is that of the pattern. */
static bool begins_alike(struct slice pattern, struct slice path, size_t at, bool fold)
{
	for (size_t i = 0; i < at; i++) {
		if (!fits(path_segment_at(pattern, i), path_segment_at(path, i), fold)) {
			return false;
		}
	}
	return true;
}

/* The secret stands after a word after which one stands in the pattern, anywhere. */
static bool find_after_word(const struct route *route, struct slice path, size_t at,
    bool fold, struct path_place *ret_place)
{
	struct slice pattern = slice_of(route->pattern);
	struct slice word =
	    at > 0 ? path_segment_at(path, at - 1) : (struct slice){ NULL, 0 };
	struct slice before = { NULL, 0 };
	struct slice text;

	for (size_t i = 0; word.ptr && (text = path_segment_at(pattern, i)).ptr; i++) {
		if (before.ptr && same(before, word, fold) &&
		    take_apart(text, ret_place) && is_secret(route, ret_place->name) &&
		    fits_place(ret_place, path_segment_at(path, at), fold)) {
			return true;
		}
		before = text;
	}
	return false;
}

bool path_place_find(const struct service *service, struct slice path, size_t at,
    struct path_place *ret_place)
{
	struct slice segment = path_segment_at(path, at);
	bool fold = service->ignore_case;

	for (size_t i = 0; segment.ptr && i < service->route_count; i++) {
		const struct route *route = &service->routes[i];
		struct slice pattern = slice_of(route->pattern);
		struct slice text;

		if (!route->secrets || route->secrets->path.count == 0) {
			continue;
		}
		text = path_segment_at(pattern, at);
		if (text.ptr && take_apart(text, ret_place) &&
		    is_secret(route, ret_place->name) &&
		    fits_place(ret_place, segment, fold) &&
		    begins_alike(pattern, path, at, fold)) {
			return true;
		}
		if (find_after_word(route, path, at, fold, ret_place)) {
			return true;
		}
	}
	return false;
}

/* SPDX-License-Identifier: MIT */
#include "dashboard/rest_private.h"

#include <stdio.h>

enum preference { IS_COUNT, IS_RETURN, IS_RESOLUTION, IS_MISSING, IS_HANDLING, IS_OTHER };

struct choice {
	const char *text;
	enum preference what;
	int value;
};

static const struct choice choices[] = {
	{ "count=exact", IS_COUNT, REST_COUNT_EXACT },
	{ "count=planned", IS_COUNT, REST_COUNT_PLANNED },
	{ "count=estimated", IS_COUNT, REST_COUNT_ESTIMATED },
	{ "return=representation", IS_RETURN, REST_RETURN_ROWS },
	{ "return=minimal", IS_RETURN, REST_RETURN_MINIMAL },
	{ "return=headers-only", IS_RETURN, REST_RETURN_HEADERS },
	{ "resolution=merge-duplicates", IS_RESOLUTION, REST_RESOLVE_MERGE },
	{ "resolution=ignore-duplicates", IS_RESOLUTION, REST_RESOLVE_IGNORE },
	{ "missing=default", IS_MISSING, 1 }, { "missing=null", IS_MISSING, 0 },
	{ "handling=strict", IS_HANDLING, 1 }, { "handling=lenient", IS_HANDLING, 0 },
	{ "tx=commit", IS_OTHER, 0 },   /* a server that does not offer */
	{ "tx=rollback", IS_OTHER, 0 }, /* them ignores them */
};

static void choose(struct rest_prefer *prefer, const struct choice *choice)
{
	switch (choice->what) {
	case IS_COUNT:
		prefer->count = (enum rest_count)choice->value;
		break;
	case IS_RETURN:
		prefer->give = (enum rest_return)choice->value;
		break;
	case IS_RESOLUTION:
		prefer->resolution = (enum rest_resolution)choice->value;
		break;
	case IS_MISSING:
		prefer->missing_default = choice->value;
		prefer->missing_given = true;
		break;
	case IS_HANDLING:
		prefer->strict = choice->value;
		prefer->handling_given = true;
		break;
	case IS_OTHER:
		break;
	}
}

static bool take_max_affected(struct rest_prefer *prefer, struct slice text)
{
	struct slice name = SLICE("max-affected=");
	int64_t number = 0;

	if (!slice_starts(text, name) || text.len == name.len ||
	    text.len > name.len + 15) {
		return false;
	}
	for (size_t i = name.len; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9') {
			return false;
		}
		number = number * 10 + (text.ptr[i] - '0');
	}
	prefer->max_affected = number;
	return true;
}

static bool take_preference(struct rest_prefer *prefer, struct slice text)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (slice_eq(text, slice_of(choices[i].text))) {
			choose(prefer, &choices[i]);
			return true;
		}
	}
	return take_max_affected(prefer, text) || slice_starts(text, SLICE("timezone="));
}

bool rest_read_prefer(struct rest_call *call)
{
	struct slice rest = request_header(call->request, "Prefer");
	struct buf wrong = { 0 };
	bool good = true;

	call->prefer = (struct rest_prefer){ .max_affected = -1 };
	while (rest.len > 0) {
		struct slice one = slice_trim(slice_cut(&rest, ','));

		if (one.len > 0 && !take_preference(&call->prefer, one)) {
			buf_puts(&wrong, wrong.len > 0 ? ", " : "");
			buf_put_slice(&wrong, one);
		}
	}
	if (call->prefer.strict && wrong.len > 0) {
		(void)rest_fail(&call->error, 400, "PGRST122",
		    "Invalid preferences given with handling=strict");
		good = rest_details(&call->error, "Invalid preferences: %.*s",
		    (int)(wrong.len < 300 ? wrong.len : 300), wrong.ptr);
	}
	if (!call->prefer.strict) {
		call->prefer.max_affected = -1; /* only counts with it */
	}
	buf_finish(&wrong);
	return good;
}

void rest_applied(struct rest_call *call, const char *preference)
{
	struct buf *applied = &call->prefer.applied;

	buf_puts(applied, applied->len > 0 ? ", " : "");
	buf_puts(applied, preference);
}

/* One of Accept's ranges. False: it is not offered. */
static bool accept_one(struct rest_call *call, struct slice range)
{
	static const struct {
		const char *type;
		enum rest_format format;
	} offered[] = {
		{ "application/json", REST_ARRAY },
		{ "application/vnd.pgrst.object+json", REST_OBJECT },
		{ "application/vnd.pgrst.object", REST_OBJECT },
		{ "application/vnd.pgrst.array+json", REST_ARRAY },
		{ "application/vnd.pgrst.array", REST_ARRAY },
		{ "text/csv", REST_CSV },
		{ "*/*", REST_ARRAY },
		{ "application/*", REST_ARRAY },
	};
	struct slice type = slice_trim(slice_cut(&range, ';'));

	for (size_t i = 0; i < sizeof(offered) / sizeof(offered[0]); i++) {
		if (!slice_ieq(type, slice_of(offered[i].type))) {
			continue;
		}
		call->format = offered[i].format;
		call->strip_nulls = false;
		while (range.len > 0) {
			struct slice parameter = slice_trim(slice_cut(&range, ';'));

			call->strip_nulls = call->strip_nulls ||
			                    slice_ieq(parameter, SLICE("nulls=stripped"));
		}
		return true;
	}
	return false;
}

bool rest_read_accept(struct rest_call *call)
{
	struct slice accept = request_header(call->request, "Accept");
	struct slice rest = accept;

	while (rest.len > 0) {
		struct slice one = slice_trim(slice_cut(&rest, ','));

		if (one.len > 0 && accept_one(call, one)) {
			return true;
		}
	}
	if (accept.len == 0) {
		return true; /* an array of JSON */
	}
	return rest_fail(&call->error, 406, "PGRST107",
	    "None of these media types are available: %.*s",
	    (int)(accept.len < 300 ? accept.len : 300), accept.ptr);
}

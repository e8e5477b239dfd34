/* SPDX-License-Identifier: MIT */
/*
 * yajl_parse: json_redact_parse by yajl, to compare with. It overlooks a last string that
 * has no end where that stands outside of containers, takes a vertical tab and a
 * form feed for blanks, which RFC 8259 does not, and writes half a surrogate pair in
 * other ways: texts with those are not for it.
 */
#ifndef TESTS_FUZZ_YAJL_PARSE_H
#define TESTS_FUZZ_YAJL_PARSE_H

#include <yajl/yajl_parse.h>

#include "record/json_redact.h"

static int yajl_on_null(void *arg)
{
	json_redact_null(arg);
	return 1;
}

static int yajl_on_boolean(void *arg, int value)
{
	json_redact_bool(arg, value != 0);
	return 1;
}

static int yajl_on_number(void *arg, const char *digits, size_t len)
{
	json_redact_number(arg, (struct slice){ digits, len });
	return 1;
}

/* What yajl hands over for an empty string may be NULL. */
static int yajl_on_string(void *arg, const unsigned char *text, size_t len)
{
	json_redact_string(arg, (struct slice){ text ? (const char *)text : "", len });
	return 1;
}

static int yajl_on_name(void *arg, const unsigned char *name, size_t len)
{
	json_redact_name(arg, (struct slice){ name ? (const char *)name : "", len });
	return 1;
}

static int yajl_on_map(void *arg)
{
	json_redact_open(arg, true);
	return 1;
}

static int yajl_on_array(void *arg)
{
	json_redact_open(arg, false);
	return 1;
}

static int yajl_on_end(void *arg)
{
	json_redact_close(arg);
	return 1;
}

static enum json_state yajl_redact_parse(
    struct json_redact *json, struct slice text, bool whole)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = yajl_on_null,
		.yajl_boolean = yajl_on_boolean,
		.yajl_number = yajl_on_number,
		.yajl_string = yajl_on_string,
		.yajl_start_map = yajl_on_map,
		.yajl_map_key = yajl_on_name,
		.yajl_end_map = yajl_on_end,
		.yajl_start_array = yajl_on_array,
		.yajl_end_array = yajl_on_end,
	};
	yajl_handle handle = yajl_alloc(&callbacks, NULL, json);
	yajl_status status = yajl_status_error;

	if (!handle) {
		json->out->failed = true;
		return JSON_NOTHING;
	}
	(void)yajl_config(handle, yajl_dont_validate_strings, 1);
	(void)yajl_config(handle, yajl_allow_multiple_values, 1);
	if (slice_starts(text, SLICE("\xEF\xBB\xBF"))) {
		text.ptr += 3;
		text.len -= 3;
	}
	status = yajl_parse(handle, (const unsigned char *)text.ptr, text.len);
	if (status == yajl_status_ok && whole) {
		status = yajl_complete_parse(handle); /* a number may end with the text */
	}
	yajl_free(handle);
	if (json->tops == 0) {
		return JSON_NOTHING;
	}
	if (status != yajl_status_ok || !whole || json->depth > 0 || json->skipped > 0) {
		return JSON_BROKEN;
	}
	return json->tops > 1 ? JSON_LINES : JSON_WHOLE;
}

#endif

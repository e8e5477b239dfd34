/* SPDX-License-Identifier: MIT */
/*
 * json_parse: yajl's events for json_redact. Numbers come as their digits, strings as
 * bytes.
 */
#include <yajl/yajl_parse.h>

#include "record/json_redact.h"

/* What yajl hands over for an empty string may be NULL. */
static struct slice bytes(const unsigned char *text, size_t len)
{
	return (struct slice){ text ? (const char *)text : "", len };
}

static int on_null(void *arg)
{
	json_redact_null(arg);
	return 1;
}

static int on_boolean(void *arg, int value)
{
	json_redact_bool(arg, value != 0);
	return 1;
}

static int on_number(void *arg, const char *digits, size_t len)
{
	json_redact_number(arg, (struct slice){ digits, len });
	return 1;
}

static int on_string(void *arg, const unsigned char *text, size_t len)
{
	json_redact_string(arg, bytes(text, len));
	return 1;
}

static int on_start_map(void *arg)
{
	json_redact_open(arg, true);
	return 1;
}

static int on_map_key(void *arg, const unsigned char *name, size_t len)
{
	json_redact_name(arg, bytes(name, len));
	return 1;
}

static int on_start_array(void *arg)
{
	json_redact_open(arg, false);
	return 1;
}

static int on_end(void *arg)
{
	json_redact_close(arg);
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_map_key,
	.yajl_end_map = on_end,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end,
};

enum json_state json_redact_parse(struct json_redact *json, struct slice text, bool whole)
{
	yajl_handle handle = yajl_alloc(&callbacks, NULL, json);
	yajl_status status = yajl_status_error;

	if (!handle) {
		json->out->failed = true;
		return JSON_NOTHING;
	}
	/* invalid UTF-8 is replaced by the writer, not refused */
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

/* SPDX-License-Identifier: MIT */
/*
 * One value of an answer. Both databases' texts come out in one form; SQLite has no types
 * to cast to, so that is done here.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "dashboard/rest_private.h"
#include "dashboard/rest_value.h"

/* A time as one of the databases writes it. What is no time stays as it is. */
static void put_time(struct buf *out, struct slice text, bool as_sql)
{
	int64_t us;

	if (rest_time_read(text, &us) == TIME_GOOD) {
		rest_time_put(out, us, as_sql);
	} else {
		buf_put_slice(out, text);
	}
}

static bool is_number(struct slice text)
{
	size_t digits = 0;
	size_t at = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+') ? 1 : 0;

	for (; at < text.len && strchr("0123456789.eE+-", text.ptr[at]); at++) {
		digits += text.ptr[at] >= '0' && text.ptr[at] <= '9';
	}
	return digits > 0 && at == text.len;
}

/* The shortest digits that give the number again, as PostgreSQL prints one. */
static bool put_float(struct buf *out, struct slice text)
{
	char digits[64];
	char copy[400];
	char *end = NULL;
	double number;

	if (text.len >= sizeof(copy) || !is_number(text)) {
		return false;
	}
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	number = strtod(copy, &end);
	if (*end || !isfinite(number)) {
		return false;
	}
	for (int precision = 15; precision <= 17; precision++) {
		(void)snprintf(digits, sizeof(digits), "%.*g", precision, number);
		if (strtod(digits, NULL) == number) {
			break;
		}
	}
	buf_puts(out, digits);
	return true;
}

/* Casts what SQLite gave as one of its own types to what was asked for. */
static bool cast(struct rest_call *call, struct buf *out,
    const struct rest_output *output, struct slice text)
{
	enum rest_type from = rest_field_type(&output->field);
	struct slice value;

	if (from == REST_TIME) {
		put_time(out, text, true);
		if (output->cast == REST_DATE) {
			buf_truncate(out, 10);
		}
		return true;
	}
	switch (output->cast) {
	case REST_TEXT:
		buf_put_slice(out, text);
		return true;
	case REST_FLOAT:
	case REST_NUMERIC:
		if (output->cast == REST_NUMERIC && is_number(text)) {
			buf_put_slice(out, text);
			return true;
		}
		return put_float(out, text)
		           ? true
		           : rest_fail(&call->error, 400, "22P02",
		                 "invalid input syntax for type %s: \"%.*s\"",
		                 rest_type_words(output->cast),
		                 (int)utf8_prefix(text, 200), text.ptr);
	default:
		break;
	}
	if (!rest_value_read(&call->arena,
	        output->cast == REST_DATE ? REST_TIME : output->cast, text, &value,
	        &call->error)) {
		return false;
	}
	buf_put_slice(out, value);
	if (output->cast == REST_DATE) {
		buf_truncate(out, 10);
	}
	return true;
}

static void put_typed(
    struct buf *out, enum rest_type type, struct slice text, bool as_json)
{
	switch (type) {
	case REST_INTEGER:
	case REST_BIGINT:
	case REST_NUMERIC:
	case REST_FLOAT:
		/* NaN and its like are no JSON */
		if (as_json && !is_number(text)) {
			json_put_string(out, text);
		} else {
			buf_put_slice(out, text);
		}
		return;
	case REST_JSON:
		buf_put_slice(out, text);
		return;
	case REST_TIME:
		buf_puts(out, as_json ? "\"" : "");
		put_time(out, text, !as_json);
		buf_puts(out, as_json ? "\"" : "");
		return;
	default:
		break;
	}
	if (as_json) {
		json_put_string(out, text);
	} else {
		buf_put_slice(out, text);
	}
}

bool rest_put_cell(struct rest_call *call, struct buf *out,
    const struct rest_output *output, struct slice text, bool as_json)
{
	enum rest_type type =
	    output->is_cast ? output->cast : rest_field_type(&output->field);
	struct buf casted = { 0 };
	bool good = true;

	if (output->is_cast && ask_pool_dialect(call->pool) == ASK_SQLITE) {
		good = cast(call, &casted, output, text);
		text = buf_slice(&casted);
	}
	if (good) {
		put_typed(out, type, text, as_json);
	}
	out->failed = out->failed || casted.failed;
	buf_finish(&casted);
	return good;
}

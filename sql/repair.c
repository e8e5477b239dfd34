/* SPDX-License-Identifier: MIT */
#include "sql/repair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/uuid7.h"
#include "sql/insert.h"

/* Bytes of a text that PostgreSQL's b-tree takes with others in one index entry
 * (2704 in all, nbtree.h: BTMaxItemSize). */
#define INDEXED_BYTES 400

void repair_note(struct repair_hint *hint, const char *sqlstate, const char *message,
    const char *column)
{
	const char *width = strstr(message, "character varying(");
	size_t max = width ? strtoul(width + strlen("character varying("), NULL, 10) : 0;

	if (max > 0 && (hint->max_chars == 0 || max < hint->max_chars)) {
		hint->max_chars = max;
	}
	if (strcmp(sqlstate, "22003") == 0) {
		hint->small_numbers = true;
	}
	if (strcmp(sqlstate, "22007") == 0 || strcmp(sqlstate, "22008") == 0) {
		hint->bad_time = true;
	}
	if (strcmp(sqlstate, "54000") == 0) {
		hint->long_index = true;
	}
	if (strcmp(sqlstate, "23502") == 0) {
		(void)snprintf(
		    hint->null_column, sizeof(hint->null_column), "%s", column);
	}
}

/* Puts {"_repaired": true, "_text": "payload"} in place of the payload. */
static int wrap_payload(struct shipment *batch, struct shipment_value *value)
{
	struct buf json = { 0 };
	int result;

	buf_puts(&json, "{\"_repaired\": true, \"_text\": ");
	json_put_string(&json, shipment_text(batch, value));
	buf_putc(&json, '}');
	result = json.failed ? -ENOMEM : shipment_set(batch, value, buf_slice(&json));
	buf_finish(&json);
	return result;
}

/* Adds "_repaired": true to a payload; what is no object becomes "_value" of one. */
static int flag_payload(struct shipment *batch, struct shipment_value *value)
{
	struct slice payload = shipment_text(batch, value);
	struct buf json = { 0 };
	size_t at = 0;
	int result;

	buf_puts(&json, "{\"_repaired\": true");
	while (at < payload.len && strchr(" \t\r\n", payload.ptr[at])) {
		at++;
	}
	if (!payload.ptr) {
		buf_putc(&json, '}');
	} else if (at < payload.len && payload.ptr[at] == '{') {
		size_t next = at + 1;

		while (next < payload.len && strchr(" \t\r\n", payload.ptr[next])) {
			next++;
		}
		if (next < payload.len && payload.ptr[next] != '}') {
			buf_puts(&json, ", ");
		}
		buf_put(&json, payload.ptr + at + 1, payload.len - at - 1);
	} else {
		buf_puts(&json, ", \"_value\": ");
		buf_put_slice(&json, payload);
		buf_putc(&json, '}');
	}
	result = json.failed ? -ENOMEM : shipment_set(batch, value, buf_slice(&json));
	buf_finish(&json);
	return result;
}

static size_t most_bytes(enum column column, const struct repair_hint *hint)
{
	size_t max = SIZE_MAX;

	if (hint->max_chars) {
		max = hint->max_chars;
	}
	if (hint->long_index && max > INDEXED_BYTES && column != COLUMN_ERROR_MESSAGE) {
		max = INDEXED_BYTES;
	}
	return max;
}

/* Returns 1 when the text is another one now, 0, or -ENOMEM. */
static int repair_text(struct shipment *batch, struct shipment_row *row,
    enum column column, const struct repair_hint *hint)
{
	struct shipment_value *value = &row->value[column];
	struct slice text = shipment_text(batch, value);
	struct buf clean = { 0 };
	int result = 0;

	if (!text.ptr) {
		if (strcmp(hint->null_column, column_name(column)) != 0) {
			return 0;
		}
		return shipment_set(batch, value, SLICE("unknown")) < 0 ? -ENOMEM : 1;
	}
	utf8_put_clean(&clean, text);
	buf_truncate(&clean, utf8_prefix(buf_slice(&clean), most_bytes(column, hint)));
	if (clean.failed) {
		result = -ENOMEM;
	} else if (!slice_eq(buf_slice(&clean), text)) {
		result = shipment_set(batch, value, buf_slice(&clean)) < 0 ? -ENOMEM : 1;
	}
	buf_finish(&clean);
	return result;
}

/* Keeps an integer within low and high; one that cannot be read becomes NULL. */
static int repair_number(
    struct shipment *batch, struct shipment_value *value, int64_t low, int64_t high)
{
	struct slice text = shipment_text(batch, value);
	char digits[24];
	int64_t number = 0;

	if (!text.ptr) {
		return 0;
	}
	if (!insert_integer(text, &number)) {
		value->present = false;
		return 1;
	}
	if (number >= low && number <= high) {
		return 0;
	}
	(void)snprintf(
	    digits, sizeof(digits), "%lld", (long long)(number < low ? low : high));
	return shipment_set(batch, value, slice_of(digits)) < 0 ? -ENOMEM : 1;
}

/* The date that the row's id was made at (RFC 9562 5.7), or NULL where it is another kind
 * of id. */
static int repair_time(
    struct shipment *batch, struct shipment_row *row, struct shipment_value *value)
{
	struct uuid id;
	char text[CLOCK_TEXT_SIZE];
	int64_t ms = 0;

	if (!uuid_parse(shipment_text(batch, &row->value[COLUMN_ID]), &id) ||
	    id.byte[6] >> 4 != 7) {
		value->present = false;
		return 1;
	}
	for (int i = 0; i < 6; i++) {
		ms = ms * 256 + id.byte[i];
	}
	clock_format_us(ms * 1000, text);
	return shipment_set(batch, value, slice_of(text)) < 0 ? -ENOMEM : 1;
}

static int repair_column(struct shipment *batch, struct shipment_row *row,
    enum column column, const struct repair_hint *hint)
{
	struct shipment_value *value = &row->value[column];

	switch (column) {
	case COLUMN_SERVICE_NAME:
	case COLUMN_ACTION:
	case COLUMN_RELATED_ENTITY_TYPE:
	case COLUMN_ERROR_MESSAGE:
	case COLUMN_ERROR_CODE:
		return repair_text(batch, row, column, hint);
	case COLUMN_DURATION_MS:
	case COLUMN_RETRY_COUNT:
		if (!value->present &&
		    strcmp(hint->null_column, column_name(column)) == 0) {
			return shipment_set(batch, value, SLICE("0")) < 0 ? -ENOMEM : 1;
		}
		return hint->small_numbers
		           ? repair_number(batch, value, INT16_MIN, INT16_MAX)
		           : 0;
	case COLUMN_REQUEST_PAYLOAD:
	case COLUMN_RESPONSE_PAYLOAD:
		if (!value->present &&
		    strcmp(hint->null_column, column_name(column)) == 0) {
			return flag_payload(batch, value) < 0 ? -ENOMEM : 1;
		}
		return 0;
	case COLUMN_CREATED_AT:
	case COLUMN_UPDATED_AT:
		return hint->bad_time ? repair_time(batch, row, value) : 0;
	default:
		return 0;
	}
}

static int repair_texts(
    struct shipment *batch, struct shipment_row *row, const struct repair_hint *hint)
{
	int changed = 0;

	for (int i = 0; i < COLUMN_COUNT; i++) {
		int result = repair_column(batch, row, (enum column)i, hint);

		if (result < 0) {
			return result;
		}
		changed |= result;
	}
	return changed;
}

int repair_row(struct shipment *batch, struct shipment_row *row,
    const struct shipment_row *original, unsigned repairs, const struct repair_hint *hint)
{
	struct shipment_value *request = &row->value[COLUMN_REQUEST_PAYLOAD];
	struct shipment_value *response = &row->value[COLUMN_RESPONSE_PAYLOAD];
	int changed = 0;
	bool flagged = false;
	int result = 0;

	*row = *original;
	if (repairs & REPAIR_TEXTS) {
		changed = repair_texts(batch, row, hint);
	}
	if (changed >= 0 && (repairs & REPAIR_REQUEST) && request->present) {
		result = wrap_payload(batch, request);
		changed |= 1;
		flagged = true;
	}
	if (changed >= 0 && result == 0 && (repairs & REPAIR_RESPONSE) &&
	    response->present) {
		result = wrap_payload(batch, response);
		changed |= 1;
		flagged = true;
	}
	if (changed > 0 && result == 0 && !flagged) {
		result = flag_payload(batch, request);
	}
	return changed < 0 || result < 0 ? -ENOMEM : changed;
}

int repair_fit(struct shipment *batch, struct shipment_row *row)
{
	struct shipment_value *entity = &row->value[COLUMN_RELATED_ENTITY_ID];
	struct slice entity_id = shipment_text(batch, entity);
	struct uuid id;
	int changed;
	int other;

	if (!uuid_parse(shipment_text(batch, &row->value[COLUMN_ID]), &id)) {
		return -EINVAL;
	}
	changed =
	    repair_number(batch, &row->value[COLUMN_DURATION_MS], INT32_MIN, INT32_MAX);
	other =
	    repair_number(batch, &row->value[COLUMN_RETRY_COUNT], INT32_MIN, INT32_MAX);
	if (changed < 0 || other < 0) {
		return -ENOMEM;
	}
	changed |= other;
	if (entity_id.ptr && !uuid_parse(entity_id, &id)) {
		entity->present = false;
		row->value[COLUMN_RELATED_ENTITY_TYPE].present = false;
		changed = 1;
	}
	if (changed && flag_payload(batch, &row->value[COLUMN_REQUEST_PAYLOAD]) < 0) {
		return -ENOMEM;
	}
	return changed;
}

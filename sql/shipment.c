/* SPDX-License-Identifier: MIT */
#include "sql/shipment.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

#define KEEP_TEXT_BYTES ((size_t)16 << 20)

void shipment_finish(struct shipment *batch)
{
	free(batch->row);
	buf_finish(&batch->text);
	*batch = (struct shipment){ 0 };
}

void shipment_clear(struct shipment *batch)
{
	batch->count = 0;
	if (batch->text.failed || batch->text.cap > KEEP_TEXT_BYTES) {
		buf_finish(&batch->text);
	} else {
		buf_truncate(&batch->text, 0);
	}
}

struct shipment_row *shipment_add(struct shipment *batch, int64_t log_rowid, int64_t rev)
{
	struct shipment_row *row;
	struct shipment_row *grown =
	    array_grow(batch->row, batch->count, &batch->cap, sizeof(*grown));

	if (!grown) {
		return NULL;
	}
	batch->row = grown;
	row = &batch->row[batch->count++];
	*row = (struct shipment_row){ .log_rowid = log_rowid, .rev = rev };
	return row;
}

int shipment_set(struct shipment *batch, struct shipment_value *value, struct slice text)
{
	size_t at = batch->text.len;

	buf_put(&batch->text, text.ptr, text.len);
	if (batch->text.failed) {
		return -ENOMEM;
	}
	*value = (struct shipment_value){ .at = at, .len = text.len, .present = true };
	return 0;
}

struct slice shipment_text(
    const struct shipment *batch, const struct shipment_value *value)
{
	if (!value->present) {
		return (struct slice){ NULL, 0 };
	}
	return (
	    struct slice){ value->len ? batch->text.ptr + value->at : "", value->len };
}

bool shipment_has(const struct shipment *batch, int64_t log_rowid)
{
	size_t low = 0;
	size_t high = batch->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (batch->row[middle].log_rowid == log_rowid) {
			return true;
		}
		if (batch->row[middle].log_rowid < log_rowid) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return false;
}

/* SPDX-License-Identifier: MIT */
#include "sql/row.h"

#include <stdlib.h>
#include <string.h>

static const char *const status_texts[] = {
	[ROW_SUCCESS] = "success",
	[ROW_FAILED] = "failed",
	[ROW_PENDING] = "pending",
	[ROW_RETRYING] = "retrying",
};

const char *row_status_text(enum row_status status)
{
	return status_texts[status];
}

bool row_status_parse(struct slice text, enum row_status *ret_status)
{
	for (size_t i = 0; i < sizeof(status_texts) / sizeof(status_texts[0]); i++) {
		if (slice_eq(text, slice_of(status_texts[i]))) {
			*ret_status = (enum row_status)i;
			return true;
		}
	}
	return false;
}

void row_finish(struct row *row)
{
	free(row->service_name);
	free(row->action);
	free(row->related_entity_type);
	free(row->request_payload);
	free(row->response_payload);
	free(row->error_code);
	free(row->error_message);
	memset(row, 0, sizeof(*row));
}

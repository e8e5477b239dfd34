/* SPDX-License-Identifier: MIT */
/*
 * row: the 14 columns of integration_logs. Redacted; safe to write anywhere.
 */
#ifndef SQL_ROW_H
#define SQL_ROW_H

#include "base/uuid7.h"

#include <stdbool.h>
#include <stdint.h>

enum row_status { ROW_SUCCESS, ROW_FAILED, ROW_PENDING, ROW_RETRYING };

/* "success", "failed", "pending", "retrying" */
const char *row_status_text(enum row_status status);

/* Reads one of those words exactly. False: it is none of them. */
bool row_status_parse(struct slice text, enum row_status *ret_status);

/* All strings are owned, UTF-8 without U+0000, NULL for SQL NULL. */
struct row {
	struct uuid id;
	char *service_name;
	char *action;
	enum row_status status;
	char *related_entity_type; /* NULL exactly when there is no entity */
	struct uuid related_entity_id;
	char *request_payload; /* JSON text */
	char *response_payload;
	char *error_code;
	char *error_message;
	int64_t duration_ms; /* -1: NULL */
	int32_t retry_count;
	int64_t created_us; /* wall clock, Unix microseconds */
	int64_t updated_us;
};

/* Frees the strings; zeroed memory is fine. */
void row_finish(struct row *row);

#endif

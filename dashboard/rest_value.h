/* SPDX-License-Identifier: MIT */
/*
 * rest_value: values of clients, checked and brought into one form before either database
 * sees them, so that both take and refuse the same ones, in the same words.
 */
#ifndef DASHBOARD_REST_VALUE_H
#define DASHBOARD_REST_VALUE_H

#include "base/buf.h"
#include "dashboard/rest_arena.h"
#include "dashboard/rest_error.h"
#include "dashboard/rest_tables.h"

#include <stdint.h>

/*
 * Gives text as a value of the type: uuids in lower case, times in UTC with six digits,
 * integers without what may surround them. False: PostgreSQL's own error.
 */
bool rest_value_read(struct rest_arena *arena, enum rest_type type, struct slice text,
    struct slice *ret_value, struct rest_error *error);

enum time_fault { TIME_GOOD, TIME_SYNTAX, TIME_RANGE };

/* Reads a date or a time of ISO 8601 in any zone (UTC where there is none). */
enum time_fault rest_time_read(struct slice text, int64_t *ret_us);

/* 2026-11-25T06:38:39.12+00:00, or with as_sql 2026-11-25 06:38:39.12+00 */
void rest_time_put(struct buf *out, int64_t us, bool as_sql);

#endif

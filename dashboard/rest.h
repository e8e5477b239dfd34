/* SPDX-License-Identifier: MIT */
/*
 * rest: /rest/v1/, the rows in PostgREST's grammar, so that supabase-js reads and writes
 * them. What of PostgREST is there: docs/rest.md.
 *
 *   rest.c            which table or function, which method, who may
 *   rest_parse.c      the query string as a rest_query; rest_scan.c and rest_filter.c
 * help rest_sql.c        a rest_query as SQL rest_read.c       GET and HEAD rest_insert.c
 * POST and PUT; rest_rows.c: their bodies rest_change.c     PATCH and DELETE rest_reply.c
 * answers; rest_cell.c: their values
 */
#ifndef DASHBOARD_REST_H
#define DASHBOARD_REST_H

#include "dashboard/http.h"
#include "sql/ask.h"

#define REST_PREFIX "/rest/v1/"

/* The handler for paths that begin with REST_PREFIX. */
void rest_handle(const struct request *request, struct reply *reply);

/* Answers a request whose path begins with REST_PREFIX. */
void rest_answer(
    struct ask_pool *pool, const struct request *request, struct reply *reply);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * rest_private: one request and its answer, for the files of rest*.c.
 */
#ifndef DASHBOARD_REST_PRIVATE_H
#define DASHBOARD_REST_PRIVATE_H

#include "dashboard/http.h"
#include "dashboard/rest_query.h"
#include "dashboard/rest_sql.h"

#define REST_RETURN_MAX 10000                      /* rows in one answer */
#define REST_BYTES_MAX  ((size_t)64 * 1024 * 1024) /* of an answer */

enum rest_format { REST_ARRAY, REST_OBJECT, REST_CSV };

enum rest_count {
	REST_COUNT_NONE,
	REST_COUNT_EXACT,
	REST_COUNT_PLANNED,
	REST_COUNT_ESTIMATED
};

enum rest_return {
	REST_RETURN_NONE,
	REST_RETURN_MINIMAL,
	REST_RETURN_HEADERS,
	REST_RETURN_ROWS
};

enum rest_resolution { REST_RESOLVE_NONE, REST_RESOLVE_MERGE, REST_RESOLVE_IGNORE };

/* The field Prefer. Source: docs.postgrest.org/en/stable/references/api/preferences.html
 */
struct rest_prefer {
	enum rest_count count;
	enum rest_return give;
	enum rest_resolution resolution;
	bool missing_default;
	bool missing_given;
	bool strict;
	bool handling_given;
	int64_t max_affected; /* -1: any number */
	struct buf applied;   /* for Preference-Applied */
};

struct rest_call {
	const struct request *request;
	struct reply *reply;
	struct ask_pool *pool;
	struct rest_arena arena;
	struct rest_error error;
	struct rest_prefer prefer;
	enum rest_format format;
	bool strip_nulls;
	struct rest_query query;

	/* the answer while it grows */
	struct buf out;
	int64_t rows;
};

/* rest_prefer.c: Prefer and Accept. */
bool rest_read_prefer(struct rest_call *call);
bool rest_read_accept(struct rest_call *call);
/* Notes a preference that was followed. */
void rest_applied(struct rest_call *call, const char *preference);

/* rest_reply.c */
/* An ask_visit: appends a row to call->out. Cells past the outputs are not looked at. */
int rest_put_row(void *arg, const struct ask_cell *cells, size_t count);
/* Ends call->out and makes it the reply's body, or leaves the body empty. */
void rest_give_rows(struct rest_call *call, bool with_body);
/* PGRST116 for an object where rows is not 1. */
bool rest_check_single(struct rest_call *call, int64_t rows);
void rest_give_error(struct rest_call *call);
/* "0-9/100"; total -1: unknown. */
void rest_content_range(
    struct rest_call *call, int64_t offset, int64_t rows, int64_t total);

/* rest_cell.c: appends a value as JSON, or as the text of a CSV. False: call->error. */
bool rest_put_cell(struct rest_call *call, struct buf *out,
    const struct rest_output *output, struct slice text, bool as_json);

/* rest_read.c: GET and HEAD */
bool rest_read(struct rest_call *call);
/* rest_insert.c: POST and PUT */
bool rest_insert(struct rest_call *call, bool is_put);
/* rest_change.c: PATCH and DELETE, and the function that deletes old rows */
bool rest_change(struct rest_call *call, bool is_delete);
bool rest_cleanup(struct rest_call *call);

/* Runs a statement that is built. False: call->error. */
bool rest_run(struct rest_call *call, struct ask *ask, struct rest_sql *sql,
    ask_visit visit, void *arg, int64_t *ret_changed);

/*
 * Between two steps that write to the SQLite store: leaves the lock to the recorder for
 * twice as long as the step kept it. Who waits for SQLite's lock looks now and then, and
 * rarer each time.
 */
void rest_leave_lock(int64_t took_ns);

/* How long a step may keep the lock. */
#define REST_STEP_NS INT64_C(3000000)

/* Takes a handle. False: call->error. */
bool rest_take(struct rest_call *call, enum ask_right right, struct ask **ret_ask);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * rest_query: a request in PostgREST's grammar as plain data. Every name in it is a
 * pointer into the allow-list (rest_tables.h); what a client wrote is only ever a value.
 *
 * All memory is the arena's of the query.
 */
#ifndef DASHBOARD_REST_QUERY_H
#define DASHBOARD_REST_QUERY_H

#include "base/slice.h"
#include "dashboard/rest_arena.h"
#include "dashboard/rest_error.h"
#include "dashboard/rest_tables.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One -> or ->> and what follows it. */
struct rest_step {
	bool is_index;
	int32_t index;
	struct slice key; /* where it is no index */
};

#define REST_STEPS_MAX 16

/* A column, or a place within its JSON. */
struct rest_field {
	const struct rest_column *column;
	const struct rest_step *step;
	size_t step_count;
	bool as_text; /* the last arrow is ->> */
};

/* What a field's values are: the column's type, or that of the place. */
enum rest_type rest_field_type(const struct rest_field *field);

struct rest_output {
	struct rest_field field;
	bool is_cast;
	enum rest_type cast;
	struct slice name; /* of the member, or the CSV's column */
};

enum rest_op {
	REST_EQ,
	REST_NEQ,
	REST_GT,
	REST_GTE,
	REST_LT,
	REST_LTE,
	REST_LIKE,
	REST_ILIKE,
	REST_IN,
	REST_IS_NULL,
	REST_IS_NOT_NULL,
	REST_DISTINCT,
	REST_CONTAINS,
	REST_CONTAINED,
};

enum rest_node { REST_TEST, REST_AND, REST_OR };

/* A condition: a test, or a group of conditions. */
struct rest_filter {
	struct rest_filter *next; /* in its group */
	enum rest_node node;
	bool negated;

	struct rest_filter *first; /* of a group */

	struct rest_field field; /* of a test */
	enum rest_op op;
	bool every;                /* of several values: all of them, not any */
	const struct slice *value; /* normalised; NULL ptr never */
	size_t value_count;
};

struct rest_order {
	struct rest_field field;
	bool descending;
	bool nulls_first;
};

#define REST_OUTPUTS_MAX 60
#define REST_ORDERS_MAX  16

struct rest_query {
	const struct rest_table *table;
	struct rest_output *output; /* REST_OUTPUTS_MAX at most */
	size_t output_count;
	struct rest_filter *filter; /* all of this list must hold; NULL: none */
	struct rest_order *order;
	size_t order_count;
	int64_t limit; /* -1: none */
	int64_t offset;
	bool paged;                               /* limit, offset or a Range was given */
	const struct rest_column *const *columns; /* ?columns= of an insert; NULL: none */
	size_t column_count;
	bool conflict_on_id; /* ?on_conflict=id */
};

/*
 * Reads the query string. Returns false with the error filled in: PGRST100 for what
 * cannot be read, 42703 for a column that is not there, and PostgreSQL's own code for a
 * value that is none of the column's type.
 */
bool rest_parse(struct rest_arena *arena, const struct rest_table *table,
    struct slice query, struct rest_query *ret_query, struct rest_error *error);

#endif

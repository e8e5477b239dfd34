/* SPDX-License-Identifier: MIT */
#include "dashboard/overview.h"

#include "base/json.h"
#include "dashboard/logrow.h"

#include <errno.h>
#include <stdio.h>

#define SECOND_US INT64_C(1000000)

enum {
	SERIES_MAX = 400,
	TALLY_MAX = 2000, /* different actions, or errors; the rest is only in the sums */
	MESSAGES_MAX = 50, /* errors that are shown with a message */
	MESSAGE_BYTES = 299,
};

static int status_of(struct slice text)
{
	static const char *const names[OVERVIEW_STATUSES] = { "success", "failed",
		"pending", "retrying" };

	for (int i = 0; i < OVERVIEW_STATUSES; i++) {
		if (slice_eq(text, slice_of(names[i]))) {
			return i;
		}
	}
	return -1; /* the table lets no other in */
}

static void add_sums(
    struct overview_sums *sums, int status, const struct fact *fact, bool long_poll)
{
	sums->count[status] += fact->count;
	if (!long_poll) {
		histogram_merge(&sums->histogram, fact->durations);
	}
}

static bool is_long_poll(const struct overview *overview, const struct fact *fact)
{
	char service[128];
	char action[256];

	if (!overview->is_long_poll || fact->field[FACT_SERVICE].len >= sizeof(service) ||
	    fact->field[FACT_ACTION].len >= sizeof(action)) {
		return false;
	}
	(void)snprintf(
	    service, sizeof(service), "%.*s", SLICE_ARG(fact->field[FACT_SERVICE]));
	(void)snprintf(
	    action, sizeof(action), "%.*s", SLICE_ARG(fact->field[FACT_ACTION]));
	return overview->is_long_poll(overview->arg, service, action);
}

/* The entry of (service, action); NULL without an error: there are too many already. */
static struct tally_entry *action_of(struct overview *overview, const struct fact *fact)
{
	size_t known = overview->actions.count;
	struct tally_entry *entry = tally_at(&overview->actions, fact->field, 2);

	if (entry && overview->actions.count > known) {
		entry->long_poll = is_long_poll(overview, fact);
	}
	return entry;
}

static int add_error(struct overview *overview, const struct fact *fact)
{
	struct slice field[3] = { fact->field[FACT_SERVICE], fact->field[FACT_ACTION],
		fact->field[FACT_CODE] };
	struct tally_entry *entry = tally_at(&overview->errors, field, 3);

	if (!entry) {
		return overview->errors.over ? 0 : -ENOMEM;
	}
	entry->count += fact->count;
	tally_span(entry, fact->first, fact->last);
	return 0;
}

static void add_to_series(
    struct overview *overview, int status, const struct fact *fact, bool long_poll)
{
	int64_t at =
	    (fact->bucket_s - overview->series_from_s) / overview->filter->step_s;

	if (fact->bucket_s >= overview->series_from_s &&
	    at < (int64_t)overview->series_count) { /* always: facts are of the range */
		add_sums(&overview->series[at], status, fact, long_poll);
	}
}

static int on_now(void *arg, const struct fact *fact)
{
	struct overview *overview = arg;
	int status = status_of(fact->field[FACT_STATUS]);
	struct tally_entry *action = action_of(overview, fact);
	bool long_poll = action ? action->long_poll : is_long_poll(overview, fact);

	if (status < 0 || (!action && !overview->actions.over)) {
		return status < 0 ? 0 : -ENOMEM;
	}
	add_sums(&overview->now, status, fact, long_poll);
	add_to_series(overview, status, fact, long_poll);
	if (action) {
		action->count += fact->count;
		action->failed += status == OVERVIEW_FAILED ? fact->count : 0;
	}
	if (action && !long_poll) {
		action->duration_sum += fact->duration_sum;
		histogram_merge(&action->histogram, fact->durations);
	}
	return status == OVERVIEW_FAILED || status == OVERVIEW_RETRYING
	           ? add_error(overview, fact)
	           : 0;
}

static int on_before(void *arg, const struct fact *fact)
{
	struct overview *overview = arg;
	int status = status_of(fact->field[FACT_STATUS]);
	/* counts nothing there: it remembers what is a long poll */
	struct tally_entry *action = action_of(overview, fact);
	bool long_poll = action ? action->long_poll : is_long_poll(overview, fact);

	if (status >= 0) {
		add_sums(&overview->before, status, fact, long_poll);
	}
	return 0;
}

static int on_count(void *arg, const struct ask_cell *cell, size_t count)
{
	(void)count;
	*(uint64_t *)arg = (uint64_t)logrow_number(cell);
	return 0;
}

/* Calls that are under way now, whenever they began. */
static int read_in_flight(
    struct overview *overview, struct ask *ask, struct ask_fault *fault)
{
	struct query query = { .dialect = ask_dialect(ask) };
	struct filter lists = *overview->filter;
	int rc;

	lists.count[FILTER_STATUS] = 0;
	lists.count[FILTER_CODE] = 0;
	buf_printf(&query.sql, "SELECT count(*) FROM integration_logs%s",
	    query.dialect == ASK_SQLITE ? " INDEXED BY idx_integration_logs_in_flight"
	                                : "");
	buf_puts(&query.sql, " WHERE status = 'pending' AND duration_ms IS NULL");
	query_lists(&query, &lists);
	if (lists.entity_type.ptr) {
		buf_puts(&query.sql, " AND related_entity_type = ");
		query_param(&query, lists.entity_type, "text");
	}
	if (lists.entity_id.ptr) {
		buf_puts(&query.sql, " AND related_entity_id = ");
		query_param(&query, lists.entity_id, "uuid");
	}
	rc = query_run(&query, ask, on_count, &overview->in_flight, fault);
	query_finish(&query);
	return rc;
}

static int on_message(void *arg, const struct ask_cell *cell, size_t count)
{
	char(*message)[300] = arg;
	size_t len = utf8_prefix(cell->text, MESSAGE_BYTES);

	(void)count;
	(void)snprintf(*message, sizeof(*message), "%.*s", (int)len, cell->text.ptr);
	return 0;
}

/* The message that came with the last of an error's rows. */
static int read_message(const struct tally_entry *entry, struct ask *ask,
    char (*ret_message)[300], struct ask_fault *fault)
{
	struct query query = { .dialect = ask_dialect(ask) };
	int rc;

	buf_printf(&query.sql,
	    "SELECT error_message FROM integration_logs%s WHERE created_at = ",
	    query.dialect == ASK_SQLITE ? " INDEXED BY idx_integration_logs_created_at"
	                                : "");
	query_param(&query, slice_of(entry->last), "timestamptz");
	buf_puts(&query.sql, " AND service_name = ");
	query_param(&query, entry->field[0], "text");
	buf_puts(&query.sql, " AND action = ");
	query_param(&query, entry->field[1], "text");
	buf_puts(&query.sql, " AND coalesce(error_code, '') = ");
	query_param(&query, entry->field[2], "text");
	buf_puts(&query.sql, " AND error_message IS NOT NULL LIMIT 1");
	rc = query_run(&query, ask, on_message, ret_message, fault);
	query_finish(&query);
	return rc;
}

static int read_messages(
    struct overview *overview, struct ask *ask, struct ask_fault *fault)
{
	size_t count =
	    overview->errors.count < MESSAGES_MAX ? overview->errors.count : MESSAGES_MAX;
	int rc = 0;

	overview->message = calloc(count ? count : 1, sizeof(*overview->message));
	if (!overview->message) {
		return -ENOMEM;
	}
	overview->message_count = count;
	for (size_t i = 0; i < count && rc == 0; i++) {
		rc = read_message(
		    overview->errors.entry[i], ask, &overview->message[i], fault);
	}
	return rc;
}

/* Buckets from the one that holds `from` to the one that holds the end. */
static int make_series(struct overview *overview)
{
	const struct filter *filter = overview->filter;
	int64_t from_s = filter->from_us / SECOND_US / filter->step_s * filter->step_s;
	int64_t last_s =
	    (filter->to_us - 1) / SECOND_US / filter->step_s * filter->step_s;
	int64_t count = (last_s - from_s) / filter->step_s + 1;

	if (count < 1 || count > SERIES_MAX) {
		return -EINVAL; /* cannot be: see filter.c */
	}
	overview->series = calloc((size_t)count, sizeof(*overview->series));
	overview->series_count = (size_t)count;
	overview->series_from_s = from_s;
	return overview->series ? 0 : -ENOMEM;
}

static int read_all(struct overview *overview, struct ask *ask, struct ask_fault *fault)
{
	const struct filter *filter = overview->filter;
	int64_t before_us = filter->from_us - (filter->to_us - filter->from_us);
	int64_t *dirty = NULL;
	size_t dirty_count = 0;
	bool have = false;
	int rc = facts_have_rollups(ask, &have, fault);

	if (rc == 0 && have) {
		rc = facts_marks(
		    ask, before_us, filter->to_us, &dirty, &dirty_count, fault);
	}
	if (rc == 0) {
		rc = facts_read(ask, filter, filter->from_us, filter->to_us,
		    filter->step_s, dirty, dirty_count, on_now, overview, fault);
	}
	if (rc == 0) {
		rc = facts_read(ask, filter, before_us, filter->from_us, 0, dirty,
		    dirty_count, on_before, overview, fault);
	}
	free(dirty);
	if (rc == 0) {
		rc = read_in_flight(overview, ask, fault);
	}
	tally_sort(&overview->actions);
	tally_sort(&overview->errors);
	return rc == 0 ? read_messages(overview, ask, fault) : rc;
}

int overview_read(struct overview *overview, struct ask *ask, struct ask_fault *fault)
{
	int rc = make_series(overview);

	overview->actions.max = TALLY_MAX;
	overview->errors.max = TALLY_MAX;
	if (rc == 0) {
		rc = ask_begin(ask, fault);
	}
	if (rc == 0) {
		rc = read_all(overview, ask, fault);
	}
	return rc == 0 ? ask_commit(ask, fault) : rc;
}

void overview_finish(struct overview *overview)
{
	free(overview->series);
	free(overview->message);
	tally_finish(&overview->actions);
	tally_finish(&overview->errors);
}

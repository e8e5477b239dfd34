/* SPDX-License-Identifier: MIT */
/*
 * facets: GET /api/facets: what the filters can be set to: whatever occurs in the rows
 * that there are.
 */
#include "base/clock.h"
#include "base/json.h"
#include "dashboard/admin.h"
#include "dashboard/facts.h"
#include "dashboard/fault.h"
#include "dashboard/handlers.h"
#include "dashboard/logrow.h"
#include "dashboard/tally.h"

#include <errno.h>

#define SLOT_US (COVER_SLOT_S * INT64_C(1000000))
#define DAY_S   INT64_C(86400)

enum {
	NAMES_MAX = 2000, /* of each kind: a list that long is none to choose from */
	/* Slots not summed up whose rows are read: two days. After an upgrade there are
	 * more: for the minutes that summing them up takes, names of old rows may be
	 * missing. */
	DIRTY_MAX = 576,
};

struct facets {
	struct tally actions; /* service, action */
	struct tally codes;
	struct tally entity_types;
};

static bool note(struct tally *names, const struct slice *field, size_t count)
{
	return tally_at(names, field, count) || names->over;
}

static int on_fact(void *arg, const struct fact *fact)
{
	struct facets *facets = arg;

	if (!note(&facets->actions, &fact->field[FACT_SERVICE], 2)) {
		return -ENOMEM;
	}
	if (fact->field[FACT_CODE].len > 0 &&
	    !note(&facets->codes, &fact->field[FACT_CODE], 1)) {
		return -ENOMEM;
	}
	return 0;
}

static int on_entity_type(void *arg, const struct ask_cell *cells, size_t count)
{
	struct facets *facets = arg;

	(void)count;
	return note(&facets->entity_types, &cells[0].text, 1) ? 0 : -ENOMEM;
}

struct span {
	int64_t from_us;
	int64_t to_us;
};

static int on_span(void *arg, const struct ask_cell *cells, size_t count)
{
	struct span *span = arg;

	(void)count;
	if (!cells[0].null && !cells[1].null) {
		span->from_us = logrow_number(&cells[0]) * 1000000;
		span->to_us = (logrow_number(&cells[1]) + 1) * 1000000;
	}
	return 0;
}

/* From the first row to the last, in whole seconds: two looks at an index. */
static int read_span(struct ask *ask, struct span *ret_span, struct ask_fault *fault)
{
	static const char sqlite[] =
	    "SELECT (SELECT unixepoch(min(created_at)) FROM integration_logs),"
	    " (SELECT unixepoch(max(created_at)) FROM integration_logs)";
	static const char postgres[] =
	    "SELECT (SELECT floor(extract(epoch FROM min(created_at)))::bigint"
	    " FROM integration_logs),"
	    " (SELECT floor(extract(epoch FROM max(created_at)))::bigint"
	    " FROM integration_logs)";

	return ask_run(ask, ask_dialect(ask) == ASK_POSTGRES ? postgres : sqlite, NULL, 0,
	    on_span, ret_span, NULL, fault);
}

static int read_facts(struct ask *ask, struct facets *facets, struct ask_fault *fault)
{
	const struct filter everything = { 0 };
	struct span span = { 0, 0 };
	int64_t *dirty = NULL;
	size_t count = 0;
	bool have = false;
	int rc = read_span(ask, &span, fault);

	if (rc == 0) {
		rc = facts_have_rollups(ask, &have, fault);
	}
	if (rc == 0 && have) {
		rc = facts_marks(ask, span.from_us, span.to_us, &dirty, &count, fault);
	}
	if (rc == 0 && count > DIRTY_MAX) {
		/* before that, from the days that are summed up */
		int64_t from_us = dirty[count - DIRTY_MAX] * SLOT_US;

		rc = facts_of_rollups(
		    ask, &everything, DAY_S, 0, from_us, on_fact, facets, fault);
		span.from_us = span.from_us > from_us ? span.from_us : from_us;
	} else if (rc == 0 && !have) {
		int64_t from_us = span.to_us - DIRTY_MAX * SLOT_US;

		span.from_us = span.from_us > from_us ? span.from_us : from_us;
	}
	if (rc == 0) {
		rc = facts_read(ask, &everything, span.from_us, span.to_us, 0, dirty,
		    count, on_fact, facets, fault);
	}
	free(dirty);
	return rc;
}

/* Steps along the index, one look for each type. */
static int read_entity_types(
    struct ask *ask, struct facets *facets, struct ask_fault *fault)
{
	static const char sql[] =
	    "WITH RECURSIVE each_type (name) AS ("
	    "SELECT min(related_entity_type) FROM integration_logs UNION ALL "
	    "SELECT (SELECT min(related_entity_type) FROM integration_logs "
	    "WHERE related_entity_type > each_type.name) FROM each_type "
	    "WHERE each_type.name IS NOT NULL) "
	    "SELECT name FROM each_type WHERE name IS NOT NULL LIMIT 2000";

	return ask_run(ask, sql, NULL, 0, on_entity_type, facets, NULL, fault);
}

static int compare(const void *a, const void *b)
{
	const struct tally_entry *one = *(struct tally_entry *const *)a;
	const struct tally_entry *other = *(struct tally_entry *const *)b;

	for (int i = 0; i < 2; i++) {
		struct slice x = one->field[i];
		struct slice y = other->field[i];
		size_t len = x.len < y.len ? x.len : y.len;
		int order = len > 0 ? memcmp(x.ptr, y.ptr, len) : 0;

		if (order != 0 || x.len != y.len) {
			return order != 0 ? order : (x.len < y.len ? -1 : 1);
		}
	}
	return 0;
}

static void sort(struct tally *names)
{
	if (names->count > 0) {
		qsort(names->entry, names->count, sizeof(struct tally_entry *), compare);
	}
}

static bool is_new_service(const struct tally *actions, size_t i)
{
	return i == 0 ||
	       !slice_eq(actions->entry[i]->field[0], actions->entry[i - 1]->field[0]);
}

static void put_services(struct buf *out, const struct tally *actions)
{
	buf_puts(out, "\"services\":[");
	for (size_t i = 0; i < actions->count; i++) {
		if (is_new_service(actions, i)) {
			buf_puts(out, i > 0 ? "," : "");
			json_put_string(out, actions->entry[i]->field[0]);
		}
	}
	buf_puts(out, "],\"actions\":{");
	for (size_t i = 0; i < actions->count; i++) {
		if (is_new_service(actions, i)) {
			buf_puts(out, i > 0 ? "]," : "");
			json_put_string(out, actions->entry[i]->field[0]);
			buf_puts(out, ":[");
		} else {
			buf_putc(out, ',');
		}
		json_put_string(out, actions->entry[i]->field[1]);
	}
	buf_puts(out, actions->count > 0 ? "]}" : "}");
}

static void put_names(struct buf *out, const char *name, const struct tally *names)
{
	buf_printf(out, ",\"%s\":[", name);
	for (size_t i = 0; i < names->count; i++) {
		buf_puts(out, i > 0 ? "," : "");
		json_put_string(out, names->entry[i]->field[0]);
	}
	buf_putc(out, ']');
}

static int read_all(
    const struct request *request, struct facets *facets, struct ask_fault *fault)
{
	struct ask *ask = NULL;
	int rc = ask_take(admin_rows(request->admin), ASK_READ, &ask, fault);

	if (rc != 0) {
		return rc;
	}
	rc = ask_begin(ask, fault);
	if (rc == 0) {
		rc = read_facts(ask, facets, fault);
	}
	if (rc == 0) {
		rc = read_entity_types(ask, facets, fault);
	}
	if (rc == 0) {
		rc = ask_commit(ask, fault);
	}
	ask_give(ask);
	return rc;
}

void facets_handle(const struct request *request, struct reply *reply)
{
	struct facets facets = { { .max = NAMES_MAX }, { .max = NAMES_MAX },
		{ .max = NAMES_MAX } };
	struct ask_fault fault = { "", "", "", "" };

	if (read_all(request, &facets, &fault) != 0) {
		reply_fault(reply, &fault);
	} else {
		sort(&facets.actions);
		sort(&facets.codes);
		sort(&facets.entity_types);
		buf_putc(&reply->body, '{');
		put_services(&reply->body, &facets.actions);
		put_names(&reply->body, "codes", &facets.codes);
		put_names(&reply->body, "entity_types", &facets.entity_types);
		buf_puts(&reply->body, "}\n");
	}
	tally_finish(&facets.actions);
	tally_finish(&facets.codes);
	tally_finish(&facets.entity_types);
}

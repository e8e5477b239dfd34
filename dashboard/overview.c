/* SPDX-License-Identifier: MIT */
#include "dashboard/overview.h"

#include "base/clock.h"
#include "base/json.h"
#include "dashboard/admin.h"
#include "dashboard/fault.h"
#include "dashboard/handlers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define SECOND_US INT64_C(1000000)

enum { ROWS_SHOWN = 200 }; /* of the tables of actions and of errors */

static void put_number(struct buf *out, const char *name, int64_t value)
{
	buf_printf(out, "\"%s\":", name);
	if (value < 0) {
		buf_puts(out, "null");
	} else {
		buf_printf(out, "%" PRId64, value);
	}
}

static void put_text(struct buf *out, const char *name, struct slice text)
{
	buf_printf(out, "\"%s\":", name);
	json_put_string(out, text);
}

static void put_time(struct buf *out, const char *name, int64_t us)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_us(us, text);
	put_text(out, name, slice_of(text));
}

static void put_percentiles(struct buf *out, const struct histogram *histogram)
{
	put_number(out, "p50", histogram_percentile(histogram, 0.50));
	buf_putc(out, ',');
	put_number(out, "p95", histogram_percentile(histogram, 0.95));
	buf_putc(out, ',');
	put_number(out, "p99", histogram_percentile(histogram, 0.99));
}

static void put_counts(struct buf *out, const struct overview_sums *sums)
{
	buf_printf(out,
	    "\"success\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"pending\":%" PRIu64
	    ",\"retrying\":%" PRIu64 ",",
	    sums->count[OVERVIEW_SUCCESS], sums->count[OVERVIEW_FAILED],
	    sums->count[OVERVIEW_PENDING], sums->count[OVERVIEW_RETRYING]);
}

static void put_period(
    struct buf *out, const char *name, const struct overview_sums *sums)
{
	uint64_t judged = sums->count[OVERVIEW_SUCCESS] + sums->count[OVERVIEW_FAILED];
	uint64_t calls =
	    judged + sums->count[OVERVIEW_PENDING] + sums->count[OVERVIEW_RETRYING];

	buf_printf(out, "\"%s\":{\"calls\":%" PRIu64 ",", name, calls);
	put_counts(out, sums);
	if (judged > 0) {
		buf_printf(out, "\"failure_rate\":%.6f,",
		    (double)sums->count[OVERVIEW_FAILED] / (double)judged);
	} else {
		buf_puts(out, "\"failure_rate\":null,");
	}
	put_percentiles(out, &sums->histogram);
	buf_putc(out, '}');
}

static void put_series(struct buf *out, const struct overview *overview)
{
	buf_puts(out, "\"series\":[");
	for (size_t i = 0; i < overview->series_count; i++) {
		int64_t at_s =
		    overview->series_from_s + (int64_t)i * overview->filter->step_s;

		buf_puts(out, i > 0 ? ",{" : "{");
		put_time(out, "t", at_s * SECOND_US);
		buf_putc(out, ',');
		put_counts(out, &overview->series[i]);
		put_percentiles(out, &overview->series[i].histogram);
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}

static void put_actions(struct buf *out, const struct overview *overview)
{
	buf_puts(out, "\"actions\":[");
	for (size_t i = 0; i < overview->actions.count && i < ROWS_SHOWN; i++) {
		const struct tally_entry *entry = overview->actions.entry[i];

		if (entry->count == 0) {
			break; /* was there only in the period before */
		}
		buf_puts(out, i > 0 ? ",{" : "{");
		put_text(out, "service_name", entry->field[0]);
		buf_putc(out, ',');
		put_text(out, "action", entry->field[1]);
		buf_printf(out,
		    ",\"count\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"total_ms\":%" PRId64
		    ",",
		    entry->count, entry->failed, entry->duration_sum);
		put_percentiles(out, &entry->histogram);
		buf_printf(
		    out, ",\"long_poll\":%s}", entry->long_poll ? "true" : "false");
	}
	buf_putc(out, ']');
}

static void put_errors(struct buf *out, const struct overview *overview)
{
	buf_puts(out, "\"errors\":[");
	for (size_t i = 0; i < overview->errors.count && i < ROWS_SHOWN; i++) {
		const struct tally_entry *entry = overview->errors.entry[i];

		buf_puts(out, i > 0 ? ",{" : "{");
		put_text(out, "service_name", entry->field[0]);
		buf_putc(out, ',');
		put_text(out, "action", entry->field[1]);
		buf_putc(out, ',');
		put_text(out, "error_code", entry->field[2]);
		buf_printf(out, ",\"count\":%" PRIu64 ",", entry->count);
		put_text(out, "first_seen", slice_of(entry->first));
		buf_putc(out, ',');
		put_text(out, "last_seen", slice_of(entry->last));
		buf_puts(out, ",\"message\":");
		if (i < overview->message_count && overview->message[i][0]) {
			json_put_string(out, slice_of(overview->message[i]));
		} else {
			buf_puts(out, "null");
		}
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}

void overview_put(const struct overview *overview, struct buf *out)
{
	const struct filter *filter = overview->filter;

	buf_putc(out, '{');
	put_time(out, "from", filter->from_us);
	buf_putc(out, ',');
	put_time(out, "to", filter->to_us);
	buf_printf(out,
	    ",\"bucket_s\":%" PRId64 ",\"exact\":true,\"percentile_error\":%.3f,",
	    filter->step_s, HISTOGRAM_ERROR);
	put_period(out, "now", &overview->now);
	buf_putc(out, ',');
	put_period(out, "before", &overview->before);
	buf_printf(out, ",\"still_failed\":%" PRIu64 ",\"in_flight\":%" PRIu64 ",",
	    overview->now.count[OVERVIEW_FAILED], overview->in_flight);
	put_series(out, overview);
	buf_putc(out, ',');
	put_actions(out, overview);
	buf_putc(out, ',');
	put_errors(out, overview);
	buf_puts(out, "}\n");
}

static int read_and_put(const struct request *request, const struct filter *filter,
    struct reply *reply, struct ask_fault *fault)
{
	const struct admin_parts *parts = admin_parts(request->admin);
	struct overview *overview = calloc(1, sizeof(*overview)); /* large */
	struct ask *ask = NULL;
	int rc;

	if (!overview) {
		return -ENOMEM;
	}
	overview->filter = filter;
	overview->is_long_poll = parts->is_long_poll;
	overview->arg = parts->arg;
	rc = ask_take(admin_rows(request->admin), ASK_READ, &ask, fault);
	if (rc == 0) {
		rc = overview_read(overview, ask, fault);
		ask_give(ask);
	}
	if (rc == 0) {
		overview_put(overview, &reply->body);
	}
	overview_finish(overview);
	free(overview);
	return rc;
}

void overview_handle(const struct request *request, struct reply *reply)
{
	struct filter filter = { 0 };
	struct ask_fault fault = { 0 };
	struct err err;
	int rc = filter_read(&filter, request->query, wall_us(), &err);

	if (rc != 0) {
		reply_error(
		    reply, rc == -EINVAL ? 400 : 503, "BAD_FILTER", "%s", err.text);
		return;
	}
	rc = read_and_put(request, &filter, reply, &fault);
	filter_finish(&filter);
	if (rc != 0) {
		reply_fault(reply, &fault);
	}
}

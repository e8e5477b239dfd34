/* SPDX-License-Identifier: MIT */
#include "dashboard/filter.h"

#include "base/uuid7.h"
#include "dashboard/http.h"

#include <ctype.h>
#include <errno.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)
#define DAY_S     INT64_C(86400)
/* the longest that is kept, and some room */
#define RANGE_MAX_S (INT64_C(3660) * DAY_S)
#define BUCKETS     130 /* of a chart, or fewer */
#define TEXT_MAX    8192

static const struct range {
	const char *name;
	int64_t seconds;
} ranges[] = {
	{ "15m", 900 },
	{ "1h", 3600 },
	{ "6h", 6 * INT64_C(3600) },
	{ "24h", DAY_S },
	{ "7d", 7 * DAY_S },
	{ "30d", 30 * DAY_S },
	{ "90d", 90 * DAY_S },
};

/* Each divides the next or a day, so that rollups fill them whole. */
static const int64_t steps[] = { 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
	10800, 21600, 43200, DAY_S };

static const struct {
	const char *name;
	enum filter_list list;
} lists[] = {
	{ "service", FILTER_SERVICE },
	{ "action", FILTER_ACTION },
	{ "status", FILTER_STATUS },
	{ "code", FILTER_CODE },
};

static int digits(struct slice *text, size_t count)
{
	int number = 0;

	if (text->len < count) {
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		if (!isdigit((unsigned char)text->ptr[i])) {
			return -1;
		}
		number = number * 10 + (text->ptr[i] - '0');
	}
	text->ptr += count;
	text->len -= count;
	return number;
}

static bool skip(struct slice *text, const char *any)
{
	if (text->len == 0 || !strchr(any, text->ptr[0])) {
		return false;
	}
	text->ptr++;
	text->len--;
	return true;
}

/* Z, or an offset such as +05:00; nothing is UTC too. Seconds east, in *ret_east. */
static bool read_zone(struct slice *text, int64_t *ret_east)
{
	bool west = text->len > 0 && text->ptr[0] == '-';
	int hours;
	int minutes;

	*ret_east = 0;
	if (text->len == 0 || skip(text, "Zz")) {
		return text->len == 0;
	}
	if (!skip(text, "+- ")) { /* a plus that nobody encoded comes as a space */
		return false;
	}
	hours = digits(text, 2);
	(void)skip(text, ":");
	minutes = text->len > 0 ? digits(text, 2) : 0;
	*ret_east = ((int64_t)hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60 && text->len == 0;
}

static int64_t read_fraction(struct slice *text)
{
	int64_t us = 0;
	int64_t unit = 100000;

	if (!skip(text, ".,")) {
		return 0;
	}
	while (text->len > 0 && isdigit((unsigned char)text->ptr[0])) {
		us += (text->ptr[0] - '0') * unit;
		unit /= 10;
		text->ptr++;
		text->len--;
	}
	return us;
}

bool filter_time(struct slice text, int64_t *ret_us)
{
	struct tm tm = { 0 };
	int64_t us = 0;
	int64_t east = 0;
	int year = digits(&text, 4);
	bool dated = skip(&text, "-") && (tm.tm_mon = digits(&text, 2) - 1) >= 0 &&
	             skip(&text, "-") && (tm.tm_mday = digits(&text, 2)) >= 1;

	if (year < 1970 || !dated || tm.tm_mon > 11 || tm.tm_mday > 31) {
		return false;
	}
	tm.tm_year = year - 1900;
	if (skip(&text, "Tt ")) {
		tm.tm_hour = digits(&text, 2);
		tm.tm_min = skip(&text, ":") ? digits(&text, 2) : -1;
		tm.tm_sec = skip(&text, ":") ? digits(&text, 2) : 0;
		us = read_fraction(&text);
		if (tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 ||
		    tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60 ||
		    !read_zone(&text, &east)) {
			return false;
		}
	}
	*ret_us = ((int64_t)timegm(&tm) - east) * SECOND_US + us;
	return text.len == 0;
}

/* The value, decoded, kept in text; ptr NULL: it is not there or empty. */
static struct slice keep(struct slice query, const char *name, struct buf *text)
{
	size_t at = text->len;
	struct buf value = { 0 };
	struct slice kept = { NULL, 0 };

	if (query_value(query, name, &value) && value.len > 0 &&
	    at + value.len <= TEXT_MAX) {
		kept = (struct slice){ text->ptr + at, value.len };
		buf_put(text, value.ptr, value.len);
	}
	buf_finish(&value);
	return kept;
}

static int read_times(struct filter *filter, struct slice from, struct slice to,
    int64_t now_us, struct err *err)
{
	filter->to_us = now_us;
	if (to.ptr && !filter_time(to, &filter->to_us)) {
		return err_set(err, EINVAL,
		    "to=%.*s is no time; write 2026-11-25T06:00:00Z", SLICE_ARG(to));
	}
	if (!filter_time(from, &filter->from_us)) {
		return err_set(err, EINVAL,
		    "from=%.*s is no time; write 2026-11-25T06:00:00Z", SLICE_ARG(from));
	}
	if (filter->from_us >= filter->to_us ||
	    filter->to_us - filter->from_us > RANGE_MAX_S * SECOND_US) {
		return err_set(err, EINVAL,
		    "from must be before to, and the range at most ten years");
	}
	return 0;
}

static int read_range(
    struct filter *filter, struct slice name, int64_t now_us, struct err *err)
{
	filter->to_us = now_us;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (slice_eq(name, slice_of(ranges[i].name))) {
			filter->from_us = now_us - ranges[i].seconds * SECOND_US;
			return 0;
		}
	}
	return err_set(err, EINVAL,
	    "range=%.*s is not known; it is 15m, 1h, 6h, 24h, 7d, 30d or 90d, or give from= and to=",
	    SLICE_ARG(name));
}

static void choose_step(struct filter *filter)
{
	int64_t seconds = (filter->to_us - filter->from_us) / SECOND_US;
	size_t last = sizeof(steps) / sizeof(steps[0]) - 1;

	filter->step_s = steps[last];
	for (size_t i = 0; i <= last; i++) {
		if (seconds / steps[i] <= BUCKETS) {
			filter->step_s = steps[i];
			break;
		}
	}
	while (seconds / filter->step_s > BUCKETS * 3) { /* of years: some days each */
		filter->step_s *= 2;
	}
}

/* Every value of a name that may come more than once. */
static int read_list(struct filter *filter, struct slice query, const char *name,
    enum filter_list list, struct buf *text, struct err *err)
{
	while (query.len > 0) {
		struct slice pair = slice_cut(&query, '&');
		struct slice value = keep(pair, name, text);

		if (!value.ptr) {
			continue;
		}
		if (filter->count[list] == FILTER_VALUES) {
			return err_set(err, EINVAL, "%s= is there more than %d times",
			    name, FILTER_VALUES);
		}
		filter->value[list][filter->count[list]++] = value;
	}
	return 0;
}

static int read_entity(
    struct filter *filter, struct slice query, struct buf *text, struct err *err)
{
	struct slice id = keep(query, "entity_id", text);
	char canonical[UUID_TEXT_SIZE];
	struct uuid uuid;

	filter->entity_type = keep(query, "entity_type", text);
	if (!id.ptr) {
		return 0;
	}
	if (!uuid_parse(id, &uuid)) {
		return err_set(err, EINVAL, "entity_id=%.*s is no UUID", SLICE_ARG(id));
	}
	uuid_format(&uuid, canonical);
	filter->entity_id = (struct slice){ text->ptr + text->len, UUID_TEXT_SIZE - 1 };
	buf_put(text, canonical, UUID_TEXT_SIZE - 1);
	return 0;
}

/* Any text around q, whose own signs mean themselves. */
static void read_words(struct filter *filter, struct slice query, struct buf *text)
{
	size_t at;

	filter->q = keep(query, "q", text);
	if (!filter->q.ptr || text->len + 2 * filter->q.len + 2 > TEXT_MAX) {
		filter->q = (struct slice){ NULL, 0 };
		return;
	}
	at = text->len;
	buf_putc(text, '%');
	for (size_t i = 0; i < filter->q.len; i++) {
		if (strchr("%_\\", filter->q.ptr[i])) {
			buf_putc(text, '\\');
		}
		buf_putc(text, filter->q.ptr[i]);
	}
	buf_putc(text, '%');
	filter->q_pattern = (struct slice){ text->ptr + at, text->len - at };
}

int filter_read(
    struct filter *filter, struct slice query, int64_t now_us, struct err *err)
{
	struct buf text = { 0 };
	struct slice from;
	struct slice to;
	struct slice range;
	int rc = 0;

	memset(filter, 0, sizeof(*filter));
	/* never moves: keep() takes no more than fits */
	if (!buf_reserve(&text, TEXT_MAX + UUID_TEXT_SIZE)) {
		return err_set(err, ENOMEM, "out of memory");
	}
	filter->text = text.ptr;
	from = keep(query, "from", &text);
	to = keep(query, "to", &text);
	range = keep(query, "range", &text);
	if (from.ptr) {
		rc = read_times(filter, from, to, now_us, err);
	} else {
		rc = read_range(filter, range.ptr ? range : SLICE("24h"), now_us, err);
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && rc == 0; i++) {
		rc = read_list(filter, query, lists[i].name, lists[i].list, &text, err);
	}
	if (rc == 0) {
		rc = read_entity(filter, query, &text, err);
	}
	read_words(filter, query, &text);
	choose_step(filter);
	if (rc != 0) {
		filter_finish(filter);
	}
	return rc;
}

void filter_finish(struct filter *filter)
{
	free(filter->text);
	memset(filter, 0, sizeof(*filter));
}

bool filter_needs_rows(const struct filter *filter)
{
	return filter->entity_type.ptr || filter->entity_id.ptr || filter->q.ptr;
}

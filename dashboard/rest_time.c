/* SPDX-License-Identifier: MIT */
/*
 * Times as clients write them and as PostgreSQL prints them.
 */
#include <stdio.h>

#include "base/clock.h"
#include "dashboard/rest_value.h"

#define DAY_US INT64_C(86400000000)

/* Days since 1970-01-01 in the Gregorian calendar, with March as the first month. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t era;
	int64_t of_era;
	int64_t of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	of_era = year - era * 400;
	of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int month_days(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Takes count digits from the front. False: they are not there. */
static bool digits(struct slice *text, int count, int *ret_number)
{
	int number = 0;

	if (text->len < (size_t)count) {
		return false;
	}
	for (int i = 0; i < count; i++) {
		if (text->ptr[i] < '0' || text->ptr[i] > '9') {
			return false;
		}
		number = number * 10 + (text->ptr[i] - '0');
	}
	text->ptr += count;
	text->len -= (size_t)count;
	*ret_number = number;
	return true;
}

static bool sign(struct slice *text, char c)
{
	if (text->len == 0 || *text->ptr != c) {
		return false;
	}
	text->ptr++;
	text->len--;
	return true;
}

struct moment {
	int year, month, day;
	int hour, minute, second;
	int64_t micro;
	int zone_s; /* east of UTC */
};

static bool read_date(struct slice *text, struct moment *moment)
{
	return digits(text, 4, &moment->year) && sign(text, '-') &&
	       digits(text, 2, &moment->month) && sign(text, '-') &&
	       digits(text, 2, &moment->day);
}

/* What follows the point, rounded to microseconds. */
static bool read_fraction(struct slice *text, int64_t *ret_micro)
{
	int64_t micro = 0;
	int count = 0;
	int digit;

	while (digits(text, 1, &digit)) {
		if (count < 6) {
			micro = micro * 10 + digit;
		} else if (count == 6) {
			micro += digit >= 5;
		}
		count++;
	}
	for (int i = count; i < 6; i++) {
		micro *= 10;
	}
	*ret_micro = micro;
	return true;
}

static bool read_clock(struct slice *text, struct moment *moment)
{
	if (!digits(text, 2, &moment->hour) || !sign(text, ':') ||
	    !digits(text, 2, &moment->minute)) {
		return false;
	}
	if (!sign(text, ':')) {
		return true;
	}
	return digits(text, 2, &moment->second) &&
	       (!sign(text, '.') || read_fraction(text, &moment->micro));
}

/* Z, UTC, +03, +0300, +03:00, or nothing */
static bool read_zone(struct slice *text, struct moment *moment)
{
	int hours = 0;
	int minutes = 0;
	bool west;

	*text = slice_trim(*text);
	if (text->len == 0) {
		return true;
	}
	if (slice_ieq(*text, SLICE("Z")) || slice_ieq(*text, SLICE("UTC"))) {
		text->len = 0;
		return true;
	}
	west = *text->ptr == '-';
	if ((!sign(text, '-') && !sign(text, '+')) || !digits(text, 2, &hours)) {
		return false;
	}
	if (text->len > 0) {
		(void)sign(text, ':');
		if (!digits(text, 2, &minutes)) {
			return false;
		}
	}
	moment->zone_s = (hours * 60 + minutes) * 60 * (west ? -1 : 1);
	return hours <= 15 && minutes < 60;
}

static bool is_in_range(const struct moment *moment)
{
	bool last = moment->hour == 24 && moment->minute == 0 && moment->second == 0 &&
	            moment->micro == 0;

	return moment->year >= 1 && moment->month >= 1 && moment->month <= 12 &&
	       moment->day >= 1 &&
	       moment->day <= month_days(moment->year, moment->month) &&
	       (moment->hour < 24 || last) && moment->minute < 60 && moment->second <= 60;
}

enum time_fault rest_time_read(struct slice text, int64_t *ret_us)
{
	struct moment moment = { 0 };
	int64_t seconds;
	int64_t us;

	text = slice_trim(text);
	if (!read_date(&text, &moment)) {
		return TIME_SYNTAX;
	}
	if (text.len > 0) {
		if (!sign(&text, 'T') && !sign(&text, 't') && !sign(&text, ' ')) {
			return TIME_SYNTAX;
		}
		if (!read_clock(&text, &moment) || !read_zone(&text, &moment)) {
			return TIME_SYNTAX;
		}
	}
	if (text.len > 0) {
		return TIME_SYNTAX;
	}
	if (!is_in_range(&moment)) {
		return TIME_RANGE;
	}
	seconds = days_of(moment.year, moment.month, moment.day) * 86400 +
	          moment.hour * 3600 + moment.minute * 60 + moment.second - moment.zone_s;
	us = seconds * 1000000 + moment.micro;
	if (us < days_of(1, 1, 1) * DAY_US || us >= days_of(10000, 1, 1) * DAY_US) {
		return TIME_RANGE; /* four digits for the year, also in UTC */
	}
	*ret_us = us;
	return TIME_GOOD;
}

void rest_time_put(struct buf *out, int64_t us, bool as_sql)
{
	char text[CLOCK_TEXT_SIZE];
	size_t len = 26;

	clock_format_us(us, text);
	while (text[len - 1] == '0') {
		len--;
	}
	if (text[len - 1] == '.') {
		len--;
	}
	text[10] = as_sql ? ' ' : 'T';
	buf_put(out, text, len);
	buf_puts(out, as_sql ? "+00" : "+00:00");
}

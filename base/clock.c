/* SPDX-License-Identifier: MIT */
/*
 * clock: CLOCK_MONOTONIC and CLOCK_REALTIME, and how a date is written.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t mono_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t wall_us(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_format_us(int64_t us, char ret_text[CLOCK_TEXT_SIZE])
{
	int64_t second = us / 1000000;
	int64_t fraction = us % 1000000;
	struct tm date = { 0 };
	time_t at = 0;
	char text[64];

	if (fraction < 0) {
		fraction += 1000000;
		second--;
	}
	/* four digits of year is all the text has room for: 0000-01-01 to 9999-12-31 */
	if (second < INT64_C(-62167219200)) {
		second = INT64_C(-62167219200);
		fraction = 0;
	} else if (second > INT64_C(253402300799)) {
		second = INT64_C(253402300799);
		fraction = 999999;
	}
	at = (time_t)second;
	(void)gmtime_r(&at, &date);
	(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
	    date.tm_year + 1900, date.tm_mon + 1, date.tm_mday, date.tm_hour, date.tm_min,
	    date.tm_sec, (int)fraction);
	(void)snprintf(ret_text, CLOCK_TEXT_SIZE, "%.27s", text);
}

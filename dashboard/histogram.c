/* SPDX-License-Identifier: MIT */
#include "dashboard/histogram.h"

#include <inttypes.h>
#include <math.h>

#define MS_MAX INT64_C(0x7fffffff) /* duration_ms is an integer of 32 bits */

enum { SUB_BITS = 4, SUB = 1 << SUB_BITS };

int histogram_index(int64_t ms)
{
	int shift = 0;

	if (ms < 0) {
		ms = 0;
	} else if (ms > MS_MAX) {
		ms = MS_MAX;
	}
	while (ms >> shift >= 2 * SUB) {
		shift++;
	}
	return shift * SUB + (int)(ms >> shift);
}

void histogram_add(struct histogram *histogram, int index, uint64_t count)
{
	if (index >= 0 && index < HISTOGRAM_BUCKETS) {
		histogram->count[index] += count;
		histogram->total += count;
	}
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		into->count[i] += from->count[i];
	}
	into->total += from->total;
}

void histogram_put(struct buf *out, const struct histogram *histogram)
{
	bool first = true;

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (histogram->count[i] > 0) {
			buf_printf(out, "%s%d:%" PRIu64, first ? "" : " ", i,
			    histogram->count[i]);
			first = false;
		}
	}
}

/* A decimal number at the front of *text, which is taken away. */
static bool take_number(struct slice *text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t digits = 0;

	while (
	    digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9') {
		number = number * 10 + (uint64_t)(text->ptr[digits] - '0');
		if (number > max) {
			return false;
		}
		digits++;
	}
	text->ptr += digits;
	text->len -= digits;
	*ret_number = number;
	return digits > 0;
}

static bool take_char(struct slice *text, char c)
{
	if (text->len == 0 || text->ptr[0] != c) {
		return false;
	}
	text->ptr++;
	text->len--;
	return true;
}

bool histogram_parse(struct histogram *histogram, struct slice text)
{
	bool first = true;

	while (text.len > 0) {
		uint64_t index;
		uint64_t count;

		if ((!first && !take_char(&text, ' ')) ||
		    !take_number(&text, HISTOGRAM_BUCKETS - 1, &index) ||
		    !take_char(&text, ':') ||
		    !take_number(&text, UINT32_MAX * UINT64_C(1000), &count)) {
			return false;
		}
		histogram_add(histogram, (int)index, count);
		first = false;
	}
	return true;
}

bool histogram_parse_list(struct histogram *histogram, struct slice text)
{
	bool first = true;

	while (text.len > 0) {
		bool negative;
		uint64_t ms;

		if (!first && !take_char(&text, ',')) {
			return false;
		}
		negative = take_char(&text, '-');
		if (!take_number(&text, MS_MAX + 1, &ms)) {
			return false;
		}
		histogram_add(histogram, histogram_index(negative ? 0 : (int64_t)ms), 1);
		first = false;
	}
	return true;
}

/* The middle of a bucket: for those of one value, that value. */
static int64_t middle(int index)
{
	int shift = index < 2 * SUB ? 0 : index / SUB - 1;
	int64_t low = (int64_t)(index - shift * SUB) << shift;

	return low + ((INT64_C(1) << shift) - 1) / 2;
}

int64_t histogram_percentile(const struct histogram *histogram, double share)
{
	uint64_t rank = (uint64_t)ceil(share * (double)histogram->total);
	uint64_t seen = 0;

	if (rank == 0) {
		rank = 1;
	}
	for (int i = 0; i < HISTOGRAM_BUCKETS && histogram->total > 0; i++) {
		seen += histogram->count[i];
		if (seen >= rank) {
			return middle(i);
		}
	}
	return -1;
}

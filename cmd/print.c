/* SPDX-License-Identifier: MIT */
#include "cmd/print.h"

#include <sqlite3.h>
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "sql/column.h"

/* The control at p, of at most left bytes: its length, 0 when p begins none. */
static size_t control_length(const unsigned char *p, size_t left)
{
	if (p[0] < 0x20 || p[0] == 0x7f) {
		return 1;
	}
	/* U+0080 to U+009F: 0x9b is CSI to some terminals */
	return left > 1 && p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f ? 2 : 0;
}

void print_clean(struct buf *out, const char *text, size_t max)
{
	struct slice source = slice_of(text);
	struct buf valid = { 0 };
	const unsigned char *p;
	size_t left;
	bool cut = source.len > max;

	if (cut) {
		source.len = utf8_prefix(source, max);
	}
	utf8_put_clean(&valid, source);
	p = (const unsigned char *)buf_slice(&valid).ptr;
	left = valid.len;
	while (left > 0) {
		size_t n = control_length(p, left);

		if (n == 1 && (*p == '\n' || *p == '\r' || *p == '\t')) {
			buf_putc(out, ' ');
		} else if (n > 0) {
			buf_printf(out, "\\x%02x", p[n - 1]);
		} else {
			buf_putc(out, (char)*p);
			n = 1;
		}
		p += n;
		left -= n;
	}
	buf_puts(out, cut ? "…" : "");
	out->failed = out->failed || valid.failed;
	buf_finish(&valid);
}

void print_pad(struct buf *out, size_t from, size_t width)
{
	size_t wide = 0;

	for (size_t i = from; i < out->len; i++) {
		wide +=
		    ((unsigned char)out->ptr[i] & 0xc0) != 0x80; /* not a continuation */
	}
	for (; wide < width; wide++) {
		buf_putc(out, ' ');
	}
}

void print_local_time(struct buf *out, const char *text)
{
	struct tm tm = { 0 };
	char date[40];
	time_t seconds;
	int ms = 0;
	int n = sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &tm.tm_year, &tm.tm_mon,
	    &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms);

	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	seconds = timegm(&tm);
	if (n < 6 || !localtime_r(&seconds, &tm) ||
	    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm) == 0) {
		print_clean(out, text, 40);
		return;
	}
	buf_printf(out, "%s.%03d", date, ms);
}

void print_thousands(struct buf *out, long long number)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%lld", number);

	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0 && digits[i - 1] != '-') {
			buf_putc(out, ',');
		}
		buf_putc(out, digits[i]);
	}
}

void print_json_compact(struct buf *out, const char *json)
{
	bool in_string = false;

	for (const char *p = json; *p; p++) {
		if (!in_string && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
			continue;
		}
		buf_putc(out, *p);
		if (in_string && *p == '\\' && p[1]) {
			buf_putc(out, *++p);
		} else if (*p == '"') {
			in_string = !in_string;
		}
	}
}

/* Does the column with this name hold JSON? */
static bool holds_json(const char *name)
{
	for (int i = 0; i < COLUMN_COUNT; i++) {
		enum column column = (enum column)i;

		if (column_kind(column) == COLUMN_KIND_JSON &&
		    strcmp(column_name(column), name) == 0) {
			return true;
		}
	}
	return false;
}

void print_json_row(struct buf *out, sqlite3_stmt *row)
{
	int count = sqlite3_column_count(row);

	buf_putc(out, '{');
	for (int i = 0; i < count; i++) {
		const char *name = sqlite3_column_name(row, i);
		int type = sqlite3_column_type(row, i);
		const char *text = (const char *)sqlite3_column_text(row, i);

		buf_puts(out, i > 0 ? "," : "");
		json_put_string(out, slice_of(name));
		buf_putc(out, ':');
		if (!text) {
			buf_puts(out, "null");
		} else if (type == SQLITE_INTEGER) {
			buf_puts(out, text);
		} else if (holds_json(name)) {
			print_json_compact(out, text);
		} else {
			json_put_string(out, slice_of(text));
		}
	}
	buf_putc(out, '}');
}

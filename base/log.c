/* SPDX-License-Identifier: MIT */
/*
 * log: records on standard error.
 *
 * A record is built on the stack and goes out in one write(2), so that records of several
 * threads never mix and logging needs neither memory nor a lock.
 */
#include "base/log.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum {
	TEXT_SIZE = 4096, /* a longer message is cut and ends in "..." */
	RECORD_SIZE =
	    TEXT_SIZE * 4 + 64, /* every byte escaped, and the part before the text */
};

static atomic_int log_level = LOG_LEVEL_INFO;

static const char *const level_word[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error",
};

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

/* How many bytes at the start of text can be shown as they are; 0: the first byte cannot.
 */
static size_t printable(struct slice text)
{
	size_t len = utf8_length(text);
	unsigned char c = (unsigned char)text.ptr[0];

	if (len == 1 && (c < 0x20 || c == 0x7F)) {
		return 0;
	}
	if (len == 2 && c == 0xC2 && (unsigned char)text.ptr[1] < 0xA0) {
		return 0; /* C1: some terminals take U+009B as the start of a command */
	}
	return len;
}

/* Writes text to out (room for 4 times its length), escaped. Returns how much that is. */
static size_t escape(struct slice text, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	while (text.len > 0) {
		size_t len = printable(text);
		unsigned char c = (unsigned char)text.ptr[0];

		if (len > 0) {
			memcpy(out + n, text.ptr, len);
			n += len;
		} else {
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = digits[c >> 4];
			out[n++] = digits[c & 0x0F];
			len = 1;
		}
		text.ptr += len;
		text.len -= len;
	}
	return n;
}

/* Sends one record. A full or closed standard error loses it: nowhere is left to say so.
 */
static void send_record(const char *record, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, record, len);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return;
		}
		record += n;
		len -= (size_t)n;
	}
}

void log_write(enum log_level level, const char *format, ...)
{
	char date[CLOCK_TEXT_SIZE];
	char text[TEXT_SIZE];
	char record[RECORD_SIZE];
	int saved = errno;
	va_list args;
	int len = 0;
	size_t n = 0;

	if ((int)level < atomic_load_explicit(&log_level, memory_order_relaxed)) {
		return;
	}
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0) {
		len = 0;
	} else if ((size_t)len >= sizeof(text)) {
		len = sizeof(text) - 1;
		memcpy(text + len - 3, "...", 3);
	}
	clock_format_us(wall_us(), date);
	n = (size_t)snprintf(record, sizeof(record), "%.23sZ %s ", date,
	    level_word[level]); /* milliseconds */
	n += escape((struct slice){ text, (size_t)len }, record + n);
	record[n++] = '\n';
	send_record(record, n);
	errno = saved;
}

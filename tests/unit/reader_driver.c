/* SPDX-License-Identifier: MIT */
/*
 * reader_driver: reads what peers would send from standard input as the proxy would and
 * prints what the reader makes of it, one line per event. tests/e2e/lib/reading.py is its
 * user. Each input is a line, and behind it as many bytes as the line says:
 *
 *     LENGTH request|response [bytes] [head] [open]
 *
 * bytes: one byte at a time.  head: a response to HEAD.  open: the peer has not closed.
 * Behind what it prints of each input comes the line "next".
 */
#include "proxy/reader.h"
#include "proxy/target.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const framings[] = {
	[FRAMING_NONE] = "none",
	[FRAMING_LENGTH] = "length",
	[FRAMING_CHUNKED] = "chunked",
	[FRAMING_UNTIL_CLOSE] = "close",
};

struct driver {
	struct reader reader;
	struct buf body; /* of the present message */
	bool by_bytes;
	bool bodiless;
	bool open;
};

static bool read_all(struct buf *input)
{
	ssize_t n;

	do {
		if (!buf_reserve(input, 65536)) {
			return false;
		}
		n = read(STDIN_FILENO, input->ptr + input->len, 65536);
		input->len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	return n == 0;
}

/* Prints the head. Returns false when the proxy would not read on after it. */
static bool print_head(const struct reader *reader)
{
	const struct head *head = &reader->head;
	struct target target;
	const char *reason;

	if (reader->role == READER_RESPONSE) {
		printf("head %d %s %" PRIu64 "\n", head->status, framings[head->framing],
		    head->length);
		return true;
	}
	if (target_parse(head->method, head->target, &target, &reason) != 0) {
		printf("bad 400 %s\n", reason);
		return false;
	}
	printf("head %.*s %s %" PRIu64 "\n", SLICE_ARG(head->method),
	    framings[head->framing], head->length);
	return target.form != TARGET_AUTHORITY;
}

static void print_end(struct driver *driver)
{
	struct slice rest = buf_slice(&driver->reader.trailers);

	printf("body ");
	for (size_t i = 0; i < driver->body.len; i++) {
		printf("%02x", (unsigned)(unsigned char)driver->body.ptr[i]);
	}
	printf("\n");
	buf_truncate(&driver->body, 0);
	while (rest.len > 0) {
		printf("trailer %.*s\n", SLICE_ARG(slice_trim(slice_cut(&rest, '\r'))));
		(void)slice_cut(&rest, '\n');
	}
	printf("end\n");
}

/* Is another message expected behind this one? */
static bool goes_on(const struct reader *reader)
{
	if (reader->role == READER_REQUEST) {
		return reader->head.keep_alive;
	}
	return reader->head.status < 200 && reader->head.status != 101;
}

/* Returns false when the proxy would not read on. */
static bool on_event(struct driver *driver, enum reader_event event, struct slice body)
{
	switch (event) {
	case READER_MORE:
		return true;
	case READER_HEAD:
		return print_head(&driver->reader);
	case READER_BODY:
		buf_put_slice(&driver->body, body);
		return true;
	case READER_END:
		print_end(driver);
		if (!goes_on(&driver->reader)) {
			return false;
		}
		reader_reset(&driver->reader, driver->bodiless);
		return true;
	case READER_BAD:
		printf(
		    "bad %d %s\n", driver->reader.bad_status, driver->reader.bad_reason);
		return false;
	}
	return false;
}

static void print_eof(struct driver *driver)
{
	if (driver->open) {
		printf("waits\n");
	} else if (reader_idle(&driver->reader)) {
		printf("idle\n");
	} else if (reader_eof(&driver->reader)) {
		print_end(driver);
	} else {
		printf("cut\n");
	}
}

static void drive(struct driver *driver, struct slice input)
{
	bool going = true;

	while (going) {
		struct slice part = input;
		struct slice body = { NULL, 0 };
		enum reader_event event;
		size_t used;

		if (driver->by_bytes && part.len > 1) {
			part.len = 1;
		}
		event = reader_step(&driver->reader, part, &used, &body);
		input.ptr += used;
		input.len -= used;
		going = on_event(driver, event, body);
		if (going && event == READER_MORE && input.len == 0) {
			print_eof(driver);
			return;
		}
	}
	printf("left %zu\n", input.len);
}

/* What the line before an input says. Returns false where it says something else. */
static bool understand(struct slice line, struct driver *driver, enum reader_role *role)
{
	*role = READER_REQUEST;
	while (line.len > 0) {
		struct slice word = slice_cut(&line, ' ');

		if (slice_eq(word, slice_of("response"))) {
			*role = READER_RESPONSE;
		} else if (slice_eq(word, slice_of("bytes"))) {
			driver->by_bytes = true;
		} else if (slice_eq(word, slice_of("head"))) {
			driver->bodiless = true;
		} else if (slice_eq(word, slice_of("open"))) {
			driver->open = true;
		} else if (!slice_eq(word, slice_of("request"))) {
			return false;
		}
	}
	return true;
}

/* Reads one input with a reader of its own. Returns false where the input is none. */
static bool drive_next(struct slice *rest)
{
	struct slice line = slice_cut(rest, '\n');
	size_t length = strtoull(line.ptr, NULL, 10);
	struct driver driver = { .open = false };
	enum reader_role role;
	char *copy;

	(void)slice_cut(&line, ' ');
	if (length > rest->len || !understand(line, &driver, &role)) {
		return false;
	}
	/* alone in its memory: AddressSanitizer sees a read past its end */
	copy = malloc(length > 0 ? length : 1);
	if (copy == NULL) {
		return false;
	}
	memcpy(copy, rest->ptr, length);
	rest->ptr += length;
	rest->len -= length;
	reader_init(&driver.reader, role, &gate_limits_default);
	reader_reset(&driver.reader, driver.bodiless);
	drive(&driver, (struct slice){ copy, length });
	reader_finish(&driver.reader);
	buf_finish(&driver.body);
	free(copy);
	printf("next\n");
	return true;
}

int main(void)
{
	struct buf input = { 0 };
	struct slice rest;
	int status = 2;

	if (read_all(&input)) {
		rest = buf_slice(&input);
		while (rest.len > 0 && drive_next(&rest)) {
			(void)fflush(stdout); /* what was read before a crash */
		}
		status = rest.len > 0 ? 2 : 0;
	}
	buf_finish(&input);
	return status;
}

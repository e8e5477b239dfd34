/* SPDX-License-Identifier: MIT */
/*
 * fuzz_gate: messages as the gate and the reader see them. What they say must not depend
 * on how the bytes were cut, and what passes must be what it claims to be.
 *
 * The first byte chooses: bit 0 a response, bit 1 one to HEAD, the others how the second
 * reading is cut (0: byte by byte).
 */
#include "proxy/reader.h"
#include "proxy/target.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small, so that inputs of a few hundred bytes reach them. */
static const struct gate_limits small_limits = {
	.request_line = 200,
	.head = 600,
	.fields = 12,
	.chunk_line = 40,
};

enum { MESSAGES_MAX = 8 };

static void require(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void put_slice(struct buf *account, struct slice s)
{
	buf_printf(account, "%zu:", s.len);
	buf_put_slice(account, s);
	buf_putc(account, '\n');
}

static void check_target(const struct head *head)
{
	struct target target;
	const char *reason = NULL;

	if (target_parse(head->method, head->target, &target, &reason) != 0) {
		require(reason != NULL);
		return;
	}
	require(target.path_and_query.len > 0 || target.form == TARGET_AUTHORITY);
	if (target.host.len > 0) {
		struct slice host;
		int port;

		require(target.port >= 1 && target.port <= 65535);
		require(authority_parse(target.authority, target.port, &host, &port));
		require(host_equal(host, target.host) && port == target.port);
		(void)host_is_disguised_ipv4(host);
	}
}

static void check_head(const struct reader *reader, struct buf *account)
{
	const struct head *head = &reader->head;
	struct slice bytes = buf_slice(&reader->head_bytes);

	require(bytes.len <= reader->limits->head);
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.ptr[i];

		require(c >= 0x20 || c == '\t' || c == '\r' || c == '\n');
		require(c != '\n' || (i > 0 && bytes.ptr[i - 1] == '\r'));
	}
	require(head->fields.ptr >= bytes.ptr &&
	        head->fields.ptr + head->fields.len + 2 == bytes.ptr + bytes.len);
	if (reader->role == READER_REQUEST) {
		require(head->framing != FRAMING_UNTIL_CLOSE);
		check_target(head);
		put_slice(account, head->method);
		put_slice(account, head->target);
	} else {
		require(head->status >= 100 && head->status <= 999);
		put_slice(account, head->reason);
	}
	put_slice(account, head->fields);
	buf_printf(account, "%d %d %d %llu %d %d\n", head->status, head->minor,
	    (int)head->framing, (unsigned long long)head->length, head->keep_alive,
	    head->expect_continue);
}

/* Notes what happened. Returns false when the connection would end. */
static bool note(struct reader *reader, enum reader_event event, struct buf *account)
{
	switch (event) {
	case READER_HEAD:
		check_head(reader, account);
		return true;
	case READER_END:
		put_slice(account, buf_slice(&reader->trailers));
		buf_puts(account, "end\n");
		reader_reset(reader, reader->bodiless);
		return true;
	case READER_BAD:
		buf_printf(
		    account, "bad %d %s\n", reader->bad_status, reader->bad_reason);
		return false;
	case READER_MORE:
	case READER_BODY:
		break;
	}
	return true;
}

/* Reads all messages; account says what came, without regard to how it was cut. */
static void read_all(
    struct slice input, uint8_t choice, size_t at_once, struct buf *account)
{
	struct reader reader;
	int messages = 0;
	bool going = true;

	reader_init(
	    &reader, (choice & 1) ? READER_RESPONSE : READER_REQUEST, &small_limits);
	reader_reset(&reader, (choice & 2) != 0);
	while (going && messages < MESSAGES_MAX) {
		struct slice part = { input.ptr,
			input.len < at_once ? input.len : at_once };
		struct slice body = { NULL, 0 };
		enum reader_event event;
		size_t used;

		event = reader_step(&reader, part, &used, &body);
		require(used <= part.len);
		input.ptr += used;
		input.len -= used;
		if (event == READER_BODY) {
			require(body.len > 0 && body.ptr >= part.ptr &&
			        body.ptr + body.len <= part.ptr + used);
			buf_put_slice(account, body);
		}
		messages += event == READER_END;
		going = note(&reader, event, account);
		if (event == READER_MORE) {
			require(used == part.len);
			if (input.len == 0) {
				bool idle = reader_idle(&reader);

				buf_printf(
				    account, "eof %d %d\n", idle, reader_eof(&reader));
				going = false;
			}
		}
	}
	reader_finish(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 };
	struct buf cut = { 0 };
	struct slice input;

	if (size == 0) {
		return 0;
	}
	input = (struct slice){ (const char *)data + 1, size - 1 };
	read_all(input, data[0], SIZE_MAX, &whole);
	read_all(input, data[0], (size_t)(data[0] >> 2) + 1, &cut);
	require(slice_eq(buf_slice(&whole), buf_slice(&cut)));
	buf_truncate(&cut, 0);
	read_all(input, data[0], 1, &cut);
	require(slice_eq(buf_slice(&whole), buf_slice(&cut)));
	buf_finish(&whole);
	buf_finish(&cut);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Content codings undone: each, stacked, cut, broken, and bombs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "record/decode.h"

enum { KEEP = 1 << 20 };

#define HELLO "{\"hello\":\"world\"}"

/* "{\"hello\":\"world\"}" as the brotli library packs it */
static const unsigned char hello_br[] = { 0x1b, 0x10, 0x00, 0x00, 0xa4, 0x45, 0x74, 0xf6,
	0xfa, 0xa6, 0x24, 0x93, 0x6c, 0x52, 0x94, 0xd7, 0xac, 0x5e, 0x84, 0x03 };

/* window: as for deflateInit2. */
static struct buf packed(struct slice text, int window)
{
	struct buf out = { 0 };
	z_stream stream = { 0 };

	assert_int_equal(
	    deflateInit2(&stream, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_true(buf_reserve(&out, deflateBound(&stream, text.len)));
	stream.next_in = (z_const Bytef *)text.ptr;
	stream.avail_in = (uInt)text.len;
	stream.next_out = (Bytef *)out.ptr;
	stream.avail_out = (uInt)out.cap;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	out.len = stream.total_out;
	(void)deflateEnd(&stream);
	return out;
}

static struct buf packed_zstd(struct slice text)
{
	struct buf out = { 0 };

	assert_true(buf_reserve(&out, ZSTD_compressBound(text.len)));
	out.len = ZSTD_compress(out.ptr, out.cap, text.ptr, text.len, 3);
	return out;
}

/* Decodes wire bytes; the capture lives in *capture. */
static struct decoding decode(
    struct capture *capture, struct slice wire, const char *fields, size_t keep)
{
	struct decoding result;

	capture_init(capture, KEEP);
	capture_add(capture, wire.ptr, wire.len);
	decode_body(capture, slice_of(fields), keep, &result);
	return result;
}

static void assert_hello(struct slice wire, const char *fields)
{
	struct capture capture;
	struct decoding result = decode(&capture, wire, fields, KEEP);

	assert_true(result.clear);
	assert_true(result.whole);
	assert_true(slice_eq(result.body, SLICE(HELLO)));
	assert_int_equal(result.bytes, strlen(HELLO));
	decode_finish(&result);
	capture_finish(&capture);
}

static void each_coding_is_undone(void **state)
{
	struct buf gzip = packed(SLICE(HELLO), 31);
	struct buf wrapped = packed(SLICE(HELLO), 15);
	struct buf raw = packed(SLICE(HELLO), -15);
	struct buf zstd = packed_zstd(SLICE(HELLO));

	(void)state;
	assert_hello(SLICE(HELLO), "");
	assert_hello(SLICE(HELLO), "Content-Encoding: identity\r\n");
	assert_hello(buf_slice(&gzip), "content-encoding: GZIP\r\n");
	assert_hello(buf_slice(&gzip), "Content-Encoding: x-gzip\r\n");
	assert_hello(buf_slice(&wrapped), "Content-Encoding: deflate\r\n");
	assert_hello(buf_slice(&raw), "Content-Encoding: deflate\r\n");
	assert_hello(buf_slice(&zstd), "Content-Encoding: zstd\r\n");
	assert_hello((struct slice){ (const char *)hello_br, sizeof(hello_br) },
	    "Content-Encoding: br\r\n");
	buf_finish(&gzip);
	buf_finish(&wrapped);
	buf_finish(&raw);
	buf_finish(&zstd);
}

static void stacked_codings_are_undone_last_to_first(void **state)
{
	struct buf zstd = packed_zstd(SLICE(HELLO));
	struct buf both = packed(buf_slice(&zstd), 31);

	(void)state;
	assert_hello(buf_slice(&both), "Content-Encoding: zstd, gzip\r\n");
	assert_hello(buf_slice(&both),
	    "Content-Encoding: zstd\r\nX: y\r\nContent-Encoding: gzip\r\n");
	buf_finish(&zstd);
	buf_finish(&both);
}

static void gzip_members_follow_one_another(void **state)
{
	struct buf first = packed(SLICE("{\"hello\":"), 31);
	struct buf second = packed(SLICE("\"world\"}"), 31);

	(void)state;
	buf_put_slice(&first, buf_slice(&second));
	assert_hello(buf_slice(&first), "Content-Encoding: gzip\r\n");
	buf_finish(&first);
	buf_finish(&second);
}

static void cut_body_gives_what_there_is(void **state)
{
	struct buf text = { 0 };
	struct buf gzip;
	struct capture capture;
	struct decoding result;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		buf_printf(&text, "%d,", i * 7919);
	}
	gzip = packed(buf_slice(&text), 31);
	result = decode(&capture, (struct slice){ gzip.ptr, gzip.len / 2 },
	    "Content-Encoding: gzip\r\n", KEEP);
	assert_true(result.clear);
	assert_false(result.whole);
	assert_true(result.body.len > 1000 && result.body.len < text.len);
	assert_memory_equal(result.body.ptr, text.ptr, result.body.len);
	decode_finish(&result);
	capture_finish(&capture);
	buf_finish(&gzip);
	buf_finish(&text);
}

static void bomb_is_given_up(void **state)
{
	struct buf zeros = { 0 };
	struct buf gzip;
	struct capture capture;
	struct decoding result;

	(void)state;
	assert_true(buf_reserve(&zeros, 50000000));
	memset(zeros.ptr, '0', 50000000);
	zeros.len = 50000000;
	gzip = packed(buf_slice(&zeros), 31);
	result = decode(&capture, buf_slice(&gzip), "Content-Encoding: gzip\r\n", 65536);
	assert_false(result.whole);
	assert_int_equal(result.body.len, 65536);
	assert_true(result.bytes < 1000000);
	decode_finish(&result);
	capture_finish(&capture);
	buf_finish(&gzip);
	buf_finish(&zeros);
}

static void wrong_and_unknown_codings_do_no_harm(void **state)
{
	struct capture capture;
	struct decoding result;

	(void)state;
	assert_hello(SLICE(HELLO), "Content-Encoding: gzip\r\n"); /* it was not applied */
	result = decode(
	    &capture, SLICE("\x01\x02\x03\x04"), "Content-Encoding: gzip\r\n", KEEP);
	assert_false(result.clear);
	assert_int_equal(result.body.len, 0);
	decode_finish(&result);
	capture_finish(&capture);
	result = decode(&capture, SLICE(HELLO), "Content-Encoding: rot13\r\n", KEEP);
	assert_false(result.clear);
	decode_finish(&result);
	capture_finish(&capture);
	result = decode(&capture, SLICE(HELLO),
	    "Content-Encoding: gzip, gzip, gzip, gzip, gzip\r\n", KEEP);
	assert_false(result.clear);
	decode_finish(&result);
	capture_finish(&capture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_coding_is_undone),
		cmocka_unit_test(stacked_codings_are_undone_last_to_first),
		cmocka_unit_test(gzip_members_follow_one_another),
		cmocka_unit_test(cut_body_gives_what_there_is),
		cmocka_unit_test(bomb_is_given_up),
		cmocka_unit_test(wrong_and_unknown_codings_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

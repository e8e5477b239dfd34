/* SPDX-License-Identifier: MIT */
/*
 * inflate: zlib, brotli and zstd behind one function type.
 */
#include "record/inflate.h"

#include <brotli/decode.h>
#include <openssl/crypto.h>
#include <zlib.h>
#include <zstd.h>

enum {
	CHUNK_BYTES = 16384,
	COUNT_FACTOR = 4, /* so many times `keep` is counted at most */
	ZSTD_WINDOW_LOG = 23,
	GZIP_WINDOW = 15 + 16, /* zlib: with a gzip wrapper */
	ZLIB_WINDOW = 15,
	RAW_WINDOW = -15,
};

/* Where the output goes. */
struct sink {
	struct buf *out;
	size_t keep;
	uint64_t total;
	unsigned char chunk[CHUNK_BYTES];
};

/* Takes n bytes of chunk. Returns whether more is wanted. */
static bool sink_take(struct sink *sink, size_t n)
{
	size_t room = sink->keep > sink->out->len ? sink->keep - sink->out->len : 0;

	buf_put(sink->out, sink->chunk, n < room ? n : room);
	sink->total += n;
	return sink->total <= (uint64_t)sink->keep * COUNT_FACTOR && !sink->out->failed;
}

static enum inflate_end finish(
    struct sink *sink, enum inflate_end end, uint64_t *ret_total)
{
	OPENSSL_cleanse(sink->chunk, sizeof(sink->chunk));
	*ret_total = sink->total;
	return end;
}

/* One member. What follows it in the input is left in *in. */
static enum inflate_end inflate_member(z_stream *stream, struct sink *sink)
{
	for (;;) {
		int r = 0;
		size_t n = 0;

		stream->next_out = sink->chunk;
		stream->avail_out = sizeof(sink->chunk);
		r = inflate(stream, Z_NO_FLUSH);
		n = sizeof(sink->chunk) - stream->avail_out;
		if (!sink_take(sink, n)) {
			return INFLATE_CUT;
		}
		if (r == Z_STREAM_END) {
			return INFLATE_WHOLE;
		}
		if (r != Z_OK) {
			return r == Z_BUF_ERROR ? INFLATE_CUT : INFLATE_BROKEN;
		}
		if (n == 0 && stream->avail_in == 0) {
			return INFLATE_CUT;
		}
	}
}

static enum inflate_end inflate_zlib(struct slice in, int window, struct sink *sink)
{
	z_stream stream = { 0 };
	enum inflate_end end = INFLATE_BROKEN;

	if (in.len > UINT32_MAX || inflateInit2(&stream, window) != Z_OK) {
		return INFLATE_BROKEN;
	}
	stream.next_in = (z_const Bytef *)in.ptr;
	stream.avail_in = (uInt)in.len;
	end = inflate_member(&stream, sink);
	/* RFC 1952 2.2: members may follow one another */
	while (end == INFLATE_WHOLE && window == GZIP_WINDOW && stream.avail_in > 1 &&
	       stream.next_in[0] == 0x1F && stream.next_in[1] == 0x8B &&
	       inflateReset(&stream) == Z_OK) {
		end = inflate_member(&stream, sink);
	}
	(void)inflateEnd(&stream); /* fails only for a stream that is none */
	return end;
}

enum inflate_end inflate_gzip(
    struct slice in, size_t keep, struct buf *out, uint64_t *ret_total)
{
	struct sink sink = { .out = out, .keep = keep };

	return finish(&sink, inflate_zlib(in, GZIP_WINDOW, &sink), ret_total);
}

enum inflate_end inflate_deflate(
    struct slice in, size_t keep, struct buf *out, uint64_t *ret_total)
{
	struct sink sink = { .out = out, .keep = keep };
	enum inflate_end end = inflate_zlib(in, ZLIB_WINDOW, &sink);

	if (end == INFLATE_BROKEN && sink.total == 0) {
		end = inflate_zlib(in, RAW_WINDOW, &sink);
	}
	return finish(&sink, end, ret_total);
}

static enum inflate_end brotli_end(BrotliDecoderResult r)
{
	if (r == BROTLI_DECODER_RESULT_SUCCESS) {
		return INFLATE_WHOLE;
	}
	return r == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT ? INFLATE_CUT : INFLATE_BROKEN;
}

enum inflate_end inflate_brotli(
    struct slice in, size_t keep, struct buf *out, uint64_t *ret_total)
{
	struct sink sink = { .out = out, .keep = keep };
	BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	enum inflate_end end = INFLATE_BROKEN;
	const uint8_t *next_in = (const uint8_t *)in.ptr;
	size_t in_len = in.len;

	while (state) {
		uint8_t *next_out = sink.chunk;
		size_t out_len = sizeof(sink.chunk);
		BrotliDecoderResult r = BrotliDecoderDecompressStream(
		    state, &in_len, &next_in, &out_len, &next_out, NULL);

		if (!sink_take(&sink, sizeof(sink.chunk) - out_len)) {
			end = INFLATE_CUT;
			break;
		}
		if (r != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
			end = brotli_end(r);
			break;
		}
	}
	BrotliDecoderDestroyInstance(state);
	return finish(&sink, end, ret_total);
}

enum inflate_end inflate_zstd(
    struct slice in, size_t keep, struct buf *out, uint64_t *ret_total)
{
	struct sink sink = { .out = out, .keep = keep };
	ZSTD_DStream *stream = ZSTD_createDStream();
	ZSTD_inBuffer input = { in.ptr, in.len, 0 };
	enum inflate_end end = INFLATE_BROKEN;

	if (!stream || ZSTD_isError(ZSTD_DCtx_setParameter(
	                   stream, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG))) {
		goto out;
	}
	for (;;) {
		ZSTD_outBuffer output = { sink.chunk, sizeof(sink.chunk), 0 };
		size_t r = ZSTD_decompressStream(stream, &output, &input);

		if (ZSTD_isError(r)) {
			break;
		}
		if (!sink_take(&sink, output.pos)) {
			end = INFLATE_CUT;
			break;
		}
		if (r == 0 && input.pos == input.size) {
			end = INFLATE_WHOLE; /* frames may follow one another */
			break;
		}
		if (input.pos == input.size && output.pos < output.size) {
			end = INFLATE_CUT;
			break;
		}
	}
out:
	(void)ZSTD_freeDStream(stream); /* NULL is fine */
	return finish(&sink, end, ret_total);
}

/* SPDX-License-Identifier: MIT */
/*
 * inflate: one content coding undone, whatever library does it.
 */
#ifndef RECORD_INFLATE_H
#define RECORD_INFLATE_H

#include "base/buf.h"

enum inflate_end {
	INFLATE_WHOLE,  /* the coding's own end was reached */
	INFLATE_CUT,    /* the input ended before, or the output was too long */
	INFLATE_BROKEN, /* not what it says it is, from some place on */
};

/*
 * Appends the first keep bytes of the output to out; *ret_total counts all, up to a
 * bound. Out of memory: INFLATE_BROKEN.
 */
typedef enum inflate_end inflate_function(
    struct slice in, size_t keep, struct buf *out, uint64_t *ret_total);

inflate_function inflate_gzip; /* RFC 1952 */
inflate_function
    inflate_deflate; /* RFC 1950, and RFC 1951 without its wrapper as some send it */
inflate_function inflate_brotli; /* RFC 7932 */
inflate_function inflate_zstd;   /* RFC 8878; windows up to 8 MiB: RFC 9659 */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * stream_bio: lets OpenSSL read from and write to a stream's ciphertext buffers.
 */
#ifndef PROXY_STREAM_BIO_H
#define PROXY_STREAM_BIO_H

#include <openssl/bio.h>

struct stream;

/* A BIO over stream->raw_in and raw_out (both there already). NULL: no memory. */
BIO *stream_bio_create(struct stream *stream);

#endif

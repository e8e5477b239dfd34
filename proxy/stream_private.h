/* SPDX-License-Identifier: MIT */
/*
 * stream_private: what stream.c and stream_tls.c call of each other.
 */
#ifndef PROXY_STREAM_PRIVATE_H
#define PROXY_STREAM_PRIVATE_H

#include "proxy/stream.h"

/* stream.c */
void stream_tell(struct stream *stream, enum stream_event event);
void stream_fail(struct stream *stream, int error);

/*
 * Writing has failed, but the peer may have answered before it closed: what it said is
 * read first, from the loop, so that no owner is called back from inside its own
 * stream_flush.
 */
void stream_fail_later(struct stream *stream, int error);

/* May more be put into `in`? */
bool stream_in_has_room(const struct stream *stream);

/* stream_tls.c */
void stream_handshake(struct stream *stream);

/* Decrypts into `in` until there is nothing left or no room. */
void stream_decrypt(struct stream *stream);

/* Encrypts a bounded part of `out`: a few records at a time, so that memory stays
 * bounded. */
void stream_encrypt(struct stream *stream);

/* Begins to read when bytes are wanted and there is room for them, or stops. */
void stream_arm_read(struct stream *stream);

#endif

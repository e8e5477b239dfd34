/* SPDX-License-Identifier: MIT */
/*
 * crosscheck: http-parser's reading of a message beside the gate's. Private to the
 * reader.
 *
 * Every function returns false where the two differ; the message must then be refused.
 */
#ifndef PROXY_CROSSCHECK_H
#define PROXY_CROSSCHECK_H

#include "proxy/reader.h"

/* Shows it the head in reader->head_bytes, which reader->head describes. */
bool crosscheck_head(struct reader *reader);

/* Shows it bytes of a chunk line, a trailer or a line end. last: the message ends with
 * them. */
bool crosscheck_frame(struct reader *reader, struct slice bytes, bool last);

/* Shows it body bytes, at least one. last as above. */
bool crosscheck_body(struct reader *reader, struct slice bytes, bool last);

/* Tells it that the peer closed, which ends a body that is delimited by that. */
bool crosscheck_eof(struct reader *reader);

#endif

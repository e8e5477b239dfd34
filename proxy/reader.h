/* SPDX-License-Identifier: MIT */
/*
 * reader: one HTTP/1.x message out of a byte stream: the gate's checks, then http-parser.
 *
 * Pull style: the caller hands in what it has, the reader says what happened first and
 * how many bytes that took. Verdicts do not depend on how the bytes were cut.
 */
#ifndef PROXY_READER_H
#define PROXY_READER_H

#include "base/buf.h"
#include "proxy/gate.h"

#include <http_parser.h>

enum reader_role { READER_REQUEST, READER_RESPONSE };

enum reader_event {
	READER_MORE, /* all input was used; more is needed */
	READER_HEAD, /* the head is whole: reader->head */
	READER_BODY, /* *ret_body holds decoded body bytes, borrowed from the input */
	READER_END,  /* the message is complete; nothing after it was touched */
	READER_BAD,  /* refused: reader->bad_status and bad_reason; stays so */
};

struct reader {
	enum reader_role role;
	const struct gate_limits *limits;
	bool bodiless; /* a response to HEAD: no body whatever its head says */

	struct head head; /* valid from READER_HEAD to reader_reset */
	struct buf
	    trailers; /* allowed trailer lines, valid from READER_END to reader_reset */
	/* what a request is answered with: 400, 414, 431, 501 or 505; 500 when out of
	 * memory. Always 502 for a response */
	int bad_status;
	const char *bad_reason; /* static text: what is wrong and where */

	/* private */
	int state;
	struct buf head_bytes;
	size_t scan;     /* where the line being collected begins in head_bytes */
	struct buf line; /* a chunk-size or trailer line being collected */
	uint64_t left;   /* bytes of the body, or of the chunk and its CRLF */
	size_t lines;    /* empty ones before the head, fields in it, or trailers */
	size_t extra;    /* bytes of all chunk extensions, or of all trailers */
	http_parser parser;
};

void reader_init(
    struct reader *reader, enum reader_role role, const struct gate_limits *limits);
void reader_finish(struct reader *reader);

/* Makes it ready for the next message on the same connection. bodiless as above. */
void reader_reset(struct reader *reader, bool bodiless);

/* Nothing of a message has come yet (but perhaps an empty line before it). */
bool reader_idle(const struct reader *reader);

/* Its head, whole or refused, begins as a HEAD request's: the answer to it has no body.
 */
bool reader_is_head_request(const struct reader *reader);

/*
 * Reads on. input is not kept. *ret_used is how much of it was taken, in every case.
 * After READER_END the next step needs reader_reset first.
 */
enum reader_event reader_step(
    struct reader *reader, struct slice input, size_t *ret_used, struct slice *ret_body);

/*
 * The peer closed its side. True: the message was delimited by that and is complete.
 * False: it was cut short (or had not begun: see reader_idle).
 */
bool reader_eof(struct reader *reader);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * stream: one TCP connection, clear or TLS, as two buffers of plain bytes.
 *
 * properties  never blocks; bounded by its budget: reading stops while `in` is full, and
 *             who writes looks at stream_has_room. TLS runs over memory, so bytes read
 *             too far before a handshake (after a CONNECT head) are not lost, and a
 *             ClientHello can be looked at.
 *
 * operation   the owner's handler hears what happened; it takes bytes from `in` and calls
 *             stream_consumed, or puts bytes in `out` and calls stream_flush.
 *
 * safety      the handler may destroy the stream: it is freed in the next turn of the
 *             loop.
 */
#ifndef PROXY_STREAM_H
#define PROXY_STREAM_H

#include "base/slice.h"
#include "proxy/reaper.h"

#include <event2/buffer.h>
#include <openssl/ssl.h>
#include <stdint.h>

/*
 * What the streams of one worker may hold. Each direction of a connection passes through
 * the `in` of one stream and the `out` of another, so each has half of limits.buffer.
 * When all of it together is past `limit`, a stream is read on only while it holds next
 * to nothing: those that move keep moving, those that stand still grow no more.
 */
struct stream_budget {
	size_t high;  /* reading stops, and owners put no more, past this */
	size_t low;   /* owners put more under this */
	size_t limit; /* of used */
	size_t used;  /* held by streams and captures */
	size_t kept;  /* of that, by the captures of calls in flight */
};

/* Held by a stream, or kept of a body, whatever the pressure. */
#define STREAM_FLOOR  (16 * 1024)
#define STREAM_RECORD 16384 /* the most of a TLS record, and of one read */
#define STREAM_SOME   4000  /* of the first reads: most messages, and a chain of 4 KiB */

enum stream_event {
	STREAM_SECURED, /* the TLS handshake is done */
	STREAM_READ,    /* there is more in `in` */
	STREAM_EOF,     /* the peer closed its side; see eof_clean */
	STREAM_WRITTEN, /* the backlog has fallen under budget->low */
	STREAM_FAILED,  /* reset or broken: error, or the SSL's own words */
};

struct stream;
typedef void stream_handler(struct stream *stream, enum stream_event event, void *owner);

enum stream_tls { STREAM_CLEAR, STREAM_HANDSHAKE, STREAM_SECURE };

struct stream {
	struct grave grave;
	struct reaper *reaper;
	struct stream_budget *budget; /* borrowed */
	size_t charged;               /* to the budget */

	int fd;
	stream_handler *handler;
	void *owner;
	struct event *read_event;
	struct event *write_event;

	enum stream_tls tls;
	SSL *ssl; /* owned */

	struct evbuffer *in;      /* plain bytes received */
	struct evbuffer *out;     /* plain bytes to send */
	struct evbuffer *raw_in;  /* TLS: ciphertext received */
	struct evbuffer *raw_out; /* TLS: ciphertext to send */

	bool want_read;
	bool raw_eof;   /* the socket gave end of file */
	bool eof;       /* reported */
	bool eof_clean; /* clear: FIN; TLS: close_notify came first */
	bool finishing; /* shut our side down once all is sent */
	bool finished;
	bool failed;
	bool dead;
	int error;        /* errno of a failed socket call, or 0 */
	int write_error;  /* of a failed write; told after what can still be read */
	int64_t read_ns;  /* when bytes last came */
	size_t read_size; /* of the next read: more when the last one was full */
	uint64_t written; /* bytes that the kernel took */
};

/* Takes fd (non-blocking), also on failure. Returns NULL when there is no memory. */
struct stream *stream_create(struct event_base *base, struct reaper *reaper,
    struct stream_budget *budget, int fd, stream_handler *handler, void *owner);

/* Closes at once; freed in the next turn. reset: with a RST, so that the peer sees a cut.
 */
void stream_destroy(struct stream *stream, bool reset);

/* From now on events go to another owner. */
void stream_hand_over(struct stream *stream, stream_handler *handler, void *owner);

/* Reading starts switched off. */
void stream_read_enable(struct stream *stream, bool enable);

/*
 * Starts TLS (takes ssl, also on failure); bytes already in `in` are taken for
 * ciphertext. server: accept, else connect. STREAM_SECURED or STREAM_FAILED follows.
 */
int stream_start_tls(struct stream *stream, SSL *ssl, bool server);

/* The owner has taken bytes from `in`: reading goes on when it had stopped. */
void stream_consumed(struct stream *stream);

/* Sends what it can of `out` now and the rest when the socket allows. */
void stream_flush(struct stream *stream);

/* Bytes not yet taken by the kernel. */
size_t stream_backlog(const struct stream *stream);

/* May an owner put more into `out`? */
bool stream_has_room(const struct stream *stream);

/* Sends what is left, then close_notify and FIN. Reading may go on. */
void stream_finish(struct stream *stream);

/* The first run of bytes of `in`, as it lies in memory; empty when there is none. */
struct slice stream_first(struct stream *stream);

/* Contiguous view of the first bytes of `in`, at most max. Borrowed until the next call.
 */
struct slice stream_peek(struct stream *stream, size_t max);

#endif

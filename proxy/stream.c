/* SPDX-License-Identifier: MIT */
/*
 * stream: a socket, its buffers and their bounds. TLS is in stream_tls.c.
 */
#include "proxy/stream.h"

#include "base/clock.h"
#include "proxy/stream_private.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_TURNS 8 /* per wake-up, so that one peer cannot starve the others */

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

static size_t length(const struct evbuffer *buffer)
{
	return buffer ? evbuffer_get_length(buffer) : 0;
}

/* Tells the budget what the stream holds now. */
static void charge(struct stream *stream)
{
	size_t held = stream->dead ? 0
	                           : length(stream->in) + length(stream->out) +
	                                 length(stream->raw_in) + length(stream->raw_out);

	stream->budget->used += held - stream->charged;
	stream->charged = held;
}

static size_t high(const struct stream *stream)
{
	const struct stream_budget *budget = stream->budget;

	return budget->used < budget->limit ? budget->high : STREAM_FLOOR;
}

bool stream_in_has_room(const struct stream *stream)
{
	return evbuffer_get_length(stream->in) < high(stream);
}

bool stream_has_room(const struct stream *stream)
{
	return stream_backlog(stream) < high(stream);
}

struct stream *stream_create(struct event_base *base, struct reaper *reaper,
    struct stream_budget *budget, int fd, stream_handler *handler, void *owner)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream) {
		(void)close(fd);
		return NULL;
	}
	stream->fd = fd;
	stream->read_size = STREAM_SOME;
	stream->reaper = reaper;
	stream->budget = budget;
	stream->handler = handler;
	stream->owner = owner;
	stream->in = evbuffer_new();
	stream->out = evbuffer_new();
	stream->read_event =
	    event_new(base, fd, EV_READ | EV_PERSIST, on_readable, stream);
	stream->write_event =
	    event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, stream);
	if (!stream->in || !stream->out || !stream->read_event || !stream->write_event) {
		stream_destroy(stream, false);
		return NULL;
	}
	return stream;
}

static void bury(struct grave *grave)
{
	struct stream *stream = (struct stream *)grave;

	if (stream->ssl && stream->tls == STREAM_SECURE && !stream->failed) {
		/* else OpenSSL takes the session for a bad one and it is never resumed */
		SSL_set_shutdown(stream->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	}
	SSL_free(stream->ssl);
	if (stream->in) {
		evbuffer_free(stream->in);
	}
	if (stream->out) {
		evbuffer_free(stream->out);
	}
	if (stream->raw_in) {
		evbuffer_free(stream->raw_in);
	}
	if (stream->raw_out) {
		evbuffer_free(stream->raw_out);
	}
	free(stream);
}

void stream_destroy(struct stream *stream, bool reset)
{
	if (!stream || stream->dead) {
		return;
	}
	stream->dead = true;
	charge(stream);
	if (stream->read_event) {
		event_free(stream->read_event);
	}
	if (stream->write_event) {
		event_free(stream->write_event);
	}
	if (reset) {
		struct linger now = { .l_onoff = 1, .l_linger = 0 };

		(void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
	(void)close(stream->fd);
	reaper_add(stream->reaper, &stream->grave, bury);
}

void stream_hand_over(struct stream *stream, stream_handler *handler, void *owner)
{
	stream->handler = handler;
	stream->owner = owner;
}

void stream_tell(struct stream *stream, enum stream_event event)
{
	if (!stream->dead) {
		stream->handler(stream, event, stream->owner);
	}
}

void stream_fail(struct stream *stream, int error)
{
	if (stream->dead || stream->failed) {
		return;
	}
	stream->failed = true;
	stream->error = error;
	(void)event_del(stream->read_event);
	(void)event_del(stream->write_event);
	stream_tell(stream, STREAM_FAILED);
}

void stream_arm_read(struct stream *stream)
{
	bool wanted = (stream->want_read || stream->tls == STREAM_HANDSHAKE) &&
	              !stream->raw_eof && !stream->failed && stream_in_has_room(stream);

	if (stream->dead) {
		return;
	}
	if (wanted && !event_pending(stream->read_event, EV_READ, NULL)) {
		(void)event_add(stream->read_event, NULL);
	} else if (!wanted && event_pending(stream->read_event, EV_READ, NULL)) {
		(void)event_del(stream->read_event);
	}
}

/* Receives once into buffer. 1: bytes came, and *ret_full when there may be more; 0:
 * nothing now. */
static int receive(struct stream *stream, struct evbuffer *buffer, bool *ret_full)
{
	struct evbuffer_iovec space[1];
	ssize_t n;

	*ret_full = false;
	if (evbuffer_reserve_space(buffer, (ev_ssize_t)stream->read_size, space, 1) !=
	    1) {
		stream_fail(stream, ENOMEM);
		return 0;
	}
	n = recv(stream->fd, space[0].iov_base, space[0].iov_len, 0);
	if (n > 0) {
		*ret_full = (size_t)n == space[0].iov_len;
		stream->read_size = *ret_full ? STREAM_RECORD : STREAM_SOME;
		space[0].iov_len = (size_t)n;
		(void)evbuffer_commit_space(buffer, space, 1);
		stream->read_ns = mono_ns();
		return 1;
	}
	if (n == 0) {
		stream->raw_eof = true;
	} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		stream_fail(stream, errno);
	}
	return 0;
}

/* One receive and what it brings. Returns true when another may be worth it. */
static bool read_turn(struct stream *stream)
{
	bool full = false;

	if (!stream->raw_eof) {
		(void)receive(stream,
		    stream->tls == STREAM_CLEAR ? stream->in : stream->raw_in, &full);
	}
	if (stream->dead || stream->failed) {
		return false;
	}
	if (stream->tls == STREAM_HANDSHAKE) {
		stream_handshake(stream);
	}
	if (!stream->dead && !stream->failed && stream->tls == STREAM_SECURE) {
		stream_decrypt(stream);
	}
	if (!stream->dead && stream->want_read && evbuffer_get_length(stream->in) > 0) {
		stream_tell(stream, STREAM_READ);
	}
	return full && !stream->dead && !stream->failed && stream->want_read &&
	       stream_in_has_room(stream);
}

/* The end of file is told once everything before it has been. */
static void report_eof(struct stream *stream)
{
	if (stream->dead || stream->failed || stream->eof || !stream->raw_eof ||
	    !stream->want_read) {
		return;
	}
	if (stream->tls == STREAM_SECURE && !stream->eof_clean &&
	    (evbuffer_get_length(stream->raw_in) > 0 && !stream_in_has_room(stream))) {
		return; /* there is more to decrypt first */
	}
	if (stream->tls == STREAM_CLEAR) {
		stream->eof_clean = true;
	}
	stream->eof = true;
	stream_tell(stream, STREAM_EOF);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *stream = arg;

	(void)fd;
	(void)what;
	for (int turn = 0; turn < READ_TURNS && read_turn(stream); turn++) {
	}
	report_eof(stream);
	if (!stream->dead && stream->write_error && !stream->eof) {
		stream_fail(stream, stream->write_error);
	}
	charge(stream);
	stream_arm_read(stream);
}

void stream_read_enable(struct stream *stream, bool enable)
{
	bool began = enable && !stream->want_read;

	if (stream->dead) {
		return;
	}
	stream->want_read = enable;
	stream_arm_read(stream);
	/* what came while nobody wanted it: ciphertext, or an end of file not yet told */
	if (began && ((stream->raw_eof && !stream->eof) ||
	                 (stream->raw_in && evbuffer_get_length(stream->raw_in) > 0))) {
		event_active(stream->read_event, EV_READ, 0);
	}
}

void stream_consumed(struct stream *stream)
{
	if (stream->dead || stream->failed) {
		return;
	}
	charge(stream);
	stream_arm_read(stream);
	if (stream->want_read && stream_in_has_room(stream) &&
	    stream->tls == STREAM_SECURE &&
	    (evbuffer_get_length(stream->raw_in) > 0 || SSL_pending(stream->ssl) > 0)) {
		event_active(stream->read_event, EV_READ, 0);
	}
}

void stream_fail_later(struct stream *stream, int error)
{
	stream->write_error = error;
	(void)evbuffer_drain(stream->out, evbuffer_get_length(stream->out));
	if (stream->raw_out) {
		(void)evbuffer_drain(
		    stream->raw_out, evbuffer_get_length(stream->raw_out));
	}
	(void)event_del(stream->write_event);
	event_active(stream->read_event, EV_READ, 0);
}

static void finish_now(struct stream *stream)
{
	if (stream->finished) {
		return;
	}
	stream->finished = true;
	if (stream->tls == STREAM_SECURE) {
		ERR_clear_error();
		(void)SSL_shutdown(stream->ssl);
		(void)evbuffer_write(stream->raw_out, stream->fd);
	}
	(void)shutdown(stream->fd, SHUT_WR);
}

/* Writes until all is gone or the socket takes no more. */
static void write_out(struct stream *stream)
{
	struct evbuffer *wire =
	    stream->tls == STREAM_CLEAR ? stream->out : stream->raw_out;
	int n;

	for (;;) {
		if (stream->tls == STREAM_SECURE) {
			stream_encrypt(stream);
		}
		if (evbuffer_get_length(wire) == 0) {
			break;
		}
		n = evbuffer_write(wire, stream->fd);
		if (n < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
				stream_fail_later(stream, errno);
				return;
			}
			if (!event_pending(stream->write_event, EV_WRITE, NULL)) {
				(void)event_add(stream->write_event, NULL);
			}
			return;
		}
		stream->written += (uint64_t)n;
	}
	if (event_pending(stream->write_event, EV_WRITE, NULL)) {
		(void)event_del(stream->write_event);
	}
	if (stream->finishing && stream_backlog(stream) == 0) {
		finish_now(stream);
	}
}

void stream_flush(struct stream *stream)
{
	if (!stream->dead && !stream->failed && !stream->write_error) {
		write_out(stream);
		charge(stream);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *stream = arg;

	(void)fd;
	(void)what;
	stream_flush(stream);
	if (!stream->dead && !stream->write_error &&
	    stream_backlog(stream) < stream->budget->low) {
		stream_tell(stream, STREAM_WRITTEN);
	}
}

size_t stream_backlog(const struct stream *stream)
{
	return evbuffer_get_length(stream->out) +
	       (stream->raw_out ? evbuffer_get_length(stream->raw_out) : 0);
}

void stream_finish(struct stream *stream)
{
	stream->finishing = true;
	stream_flush(stream);
}

struct slice stream_first(struct stream *stream)
{
	size_t len = evbuffer_get_contiguous_space(stream->in);

	return (struct slice){ (const char *)evbuffer_pullup(stream->in, (ev_ssize_t)len),
		len };
}

struct slice stream_peek(struct stream *stream, size_t max)
{
	size_t len = evbuffer_get_length(stream->in);
	unsigned char *data;

	len = len < max ? len : max;
	data = len ? evbuffer_pullup(stream->in, (ev_ssize_t)len) : NULL;
	return (struct slice){ (const char *)data, data ? len : 0 };
}

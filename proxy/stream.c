/* SPDX-License-Identifier: MIT */
/*
 * stream: sockets, TLS over memory BIOs, back-pressure.
 */
#include "proxy/stream.h"

#include "base/clock.h"
#include "proxy/stream_bio.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_SIZE  16384 /* one TLS record; the usual answer fits */
#define READ_TURNS 8 /* reads per wake-up, so that one peer cannot starve the others */

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

struct stream *stream_create(struct event_base *base, struct reaper *reaper, int fd,
    stream_handler *handler, void *owner)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream) {
		(void)close(fd);
		return NULL;
	}
	stream->fd = fd;
	stream->reaper = reaper;
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

static void tell(struct stream *stream, enum stream_event event)
{
	if (!stream->dead) {
		stream->handler(stream, event, stream->owner);
	}
}

static void fail(struct stream *stream, int error)
{
	if (stream->dead || stream->failed) {
		return;
	}
	stream->failed = true;
	stream->error = error;
	(void)event_del(stream->read_event);
	(void)event_del(stream->write_event);
	tell(stream, STREAM_FAILED);
}

/* Arms the read event when bytes are wanted and there is room for them. */
static void arm_read(struct stream *stream)
{
	bool wanted = (stream->want_read || stream->tls == STREAM_HANDSHAKE) &&
	              !stream->raw_eof && !stream->failed &&
	              evbuffer_get_length(stream->in) < STREAM_HIGH;

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
	if (evbuffer_reserve_space(buffer, READ_SIZE, space, 1) != 1) {
		fail(stream, ENOMEM);
		return 0;
	}
	n = recv(stream->fd, space[0].iov_base, space[0].iov_len, 0);
	if (n > 0) {
		*ret_full = (size_t)n == space[0].iov_len;
		space[0].iov_len = (size_t)n;
		(void)evbuffer_commit_space(buffer, space, 1);
		stream->read_ns = mono_ns();
		return 1;
	}
	if (n == 0) {
		stream->raw_eof = true;
	} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		fail(stream, errno);
	}
	return 0;
}

static void handshake(struct stream *stream)
{
	int rc;
	int error;

	ERR_clear_error();
	rc = SSL_do_handshake(stream->ssl);
	error = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(stream->ssl, rc);
	if (rc == 1) {
		stream->tls = STREAM_SECURE;
		stream_flush(stream);
		tell(stream, STREAM_SECURED);
		return;
	}
	stream_flush(stream);
	if (stream->dead || stream->failed) {
		return;
	}
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
		fail(stream, EPROTO);
	} else if (stream->raw_eof) {
		fail(stream, ECONNRESET);
	}
}

/* Decrypts into `in` until there is nothing left or no room. */
static void decrypt(struct stream *stream)
{
	while (evbuffer_get_length(stream->in) < STREAM_HIGH) {
		struct evbuffer_iovec space[1];
		int n;
		int error;

		if (evbuffer_reserve_space(stream->in, READ_SIZE, space, 1) != 1) {
			fail(stream, ENOMEM);
			return;
		}
		ERR_clear_error();
		n = SSL_read(stream->ssl, space[0].iov_base, (int)space[0].iov_len);
		if (n > 0) {
			space[0].iov_len = (size_t)n;
			(void)evbuffer_commit_space(stream->in, space, 1);
			continue;
		}
		error = SSL_get_error(stream->ssl, n);
		if (error == SSL_ERROR_ZERO_RETURN) {
			stream->raw_eof = true;
			stream->eof_clean = true;
		} else if (error != SSL_ERROR_WANT_READ &&
		           error != SSL_ERROR_WANT_WRITE) {
			fail(stream, EPROTO);
		}
		/* a key update or a new ticket may have left bytes to send */
		if (!stream->failed && evbuffer_get_length(stream->raw_out) > 0) {
			stream_flush(stream);
		}
		return;
	}
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
		handshake(stream);
	}
	if (!stream->dead && !stream->failed && stream->tls == STREAM_SECURE) {
		decrypt(stream);
	}
	if (!stream->dead && stream->want_read && evbuffer_get_length(stream->in) > 0) {
		tell(stream, STREAM_READ);
	}
	return full && !stream->dead && !stream->failed && stream->want_read &&
	       evbuffer_get_length(stream->in) < STREAM_HIGH;
}

/* The end of file is told once everything before it has been. */
static void report_eof(struct stream *stream)
{
	if (stream->dead || stream->failed || stream->eof || !stream->raw_eof ||
	    !stream->want_read) {
		return;
	}
	if (stream->tls == STREAM_SECURE && !stream->eof_clean &&
	    (evbuffer_get_length(stream->raw_in) > 0 &&
	        evbuffer_get_length(stream->in) >= STREAM_HIGH)) {
		return; /* there is more to decrypt first */
	}
	if (stream->tls == STREAM_CLEAR) {
		stream->eof_clean = true;
	}
	stream->eof = true;
	tell(stream, STREAM_EOF);
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
		fail(stream, stream->write_error);
	}
	arm_read(stream);
}

void stream_read_enable(struct stream *stream, bool enable)
{
	bool began = enable && !stream->want_read;

	if (stream->dead) {
		return;
	}
	stream->want_read = enable;
	arm_read(stream);
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
	arm_read(stream);
	if (stream->want_read && evbuffer_get_length(stream->in) < STREAM_HIGH &&
	    stream->tls == STREAM_SECURE &&
	    (evbuffer_get_length(stream->raw_in) > 0 || SSL_pending(stream->ssl) > 0)) {
		event_active(stream->read_event, EV_READ, 0);
	}
}

int stream_start_tls(struct stream *stream, SSL *ssl, bool server)
{
	BIO *bio;

	stream->ssl = ssl;
	stream->raw_in = evbuffer_new();
	stream->raw_out = evbuffer_new();
	bio = stream_bio_create(stream);
	if (!stream->raw_in || !stream->raw_out || !bio) {
		BIO_free(bio);
		return -ENOMEM;
	}
	SSL_set_bio(ssl, bio, bio);
	(void)evbuffer_add_buffer(stream->raw_in, stream->in);
	if (server) {
		SSL_set_accept_state(ssl);
	} else {
		SSL_set_connect_state(ssl);
	}
	stream->tls = STREAM_HANDSHAKE;
	arm_read(stream);
	/* from the loop, not from here: the caller has not finished with the stream */
	event_active(stream->read_event, EV_READ, 0);
	return 0;
}

/*
 * Writing has failed, but the peer may have answered before it closed: what it said is
 * read first, from the loop, so that no owner is called back from inside its own
 * stream_flush.
 */
static void fail_later(struct stream *stream, int error)
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

/* Encrypts a bounded part of `out`: one record a turn, so that memory stays bounded. */
static void encrypt(struct stream *stream)
{
	while (evbuffer_get_length(stream->out) > 0 &&
	       evbuffer_get_length(stream->raw_out) < STREAM_LOW) {
		size_t len = evbuffer_get_length(stream->out);
		unsigned char *data;
		int n;

		len = len < READ_SIZE ? len : READ_SIZE;
		data = evbuffer_pullup(stream->out, (ev_ssize_t)len);
		if (!data) {
			fail_later(stream, ENOMEM);
			return;
		}
		ERR_clear_error();
		n = SSL_write(stream->ssl, data, (int)len);
		if (n <= 0) {
			int error = SSL_get_error(stream->ssl, n);

			if (error != SSL_ERROR_WANT_READ &&
			    error != SSL_ERROR_WANT_WRITE) {
				fail_later(stream, EPROTO);
			}
			return;
		}
		(void)evbuffer_drain(stream->out, (size_t)n);
	}
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

void stream_flush(struct stream *stream)
{
	struct evbuffer *wire =
	    stream->tls == STREAM_CLEAR ? stream->out : stream->raw_out;

	if (stream->dead || stream->failed || stream->write_error) {
		return;
	}
	for (;;) {
		if (stream->tls == STREAM_SECURE) {
			encrypt(stream);
		}
		if (evbuffer_get_length(wire) == 0) {
			break;
		}
		if (evbuffer_write(wire, stream->fd) < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
				fail_later(stream, errno);
				return;
			}
			if (!event_pending(stream->write_event, EV_WRITE, NULL)) {
				(void)event_add(stream->write_event, NULL);
			}
			return;
		}
	}
	if (event_pending(stream->write_event, EV_WRITE, NULL)) {
		(void)event_del(stream->write_event);
	}
	if (stream->finishing && stream_backlog(stream) == 0) {
		finish_now(stream);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *stream = arg;

	(void)fd;
	(void)what;
	stream_flush(stream);
	if (!stream->dead && !stream->write_error &&
	    stream_backlog(stream) < STREAM_LOW) {
		tell(stream, STREAM_WRITTEN);
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

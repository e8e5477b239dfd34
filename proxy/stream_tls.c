/* SPDX-License-Identifier: MIT */
/*
 * stream_tls: TLS over memory BIOs between the two pairs of buffers of a stream.
 */
#include "proxy/stream_bio.h"
#include "proxy/stream_private.h"

#include <errno.h>
#include <openssl/err.h>

void stream_handshake(struct stream *stream)
{
	int rc;
	int error;

	ERR_clear_error();
	rc = SSL_do_handshake(stream->ssl);
	error = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(stream->ssl, rc);
	if (rc == 1) {
		stream->tls = STREAM_SECURE;
		stream_flush(stream);
		stream_tell(stream, STREAM_SECURED);
		return;
	}
	stream_flush(stream);
	if (stream->dead || stream->failed) {
		return;
	}
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
		stream_fail(stream, EPROTO);
	} else if (stream->raw_eof) {
		stream_fail(stream, ECONNRESET);
	}
}

/* Plain text is never longer than what it comes out of. */
static ev_ssize_t plain_size(const struct stream *stream)
{
	size_t size =
	    evbuffer_get_length(stream->raw_in) + (size_t)SSL_pending(stream->ssl);

	return size == 0 ? 1 : size < STREAM_RECORD ? (ev_ssize_t)size : STREAM_RECORD;
}

void stream_decrypt(struct stream *stream)
{
	while (stream_in_has_room(stream)) {
		struct evbuffer_iovec space[1];
		int n;
		int error;

		if (evbuffer_reserve_space(stream->in, plain_size(stream), space, 1) !=
		    1) {
			stream_fail(stream, ENOMEM);
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
			stream_fail(stream, EPROTO);
		}
		/* a key update or a new ticket may have left bytes to send */
		if (!stream->failed && evbuffer_get_length(stream->raw_out) > 0) {
			stream_flush(stream);
		}
		return;
	}
}

void stream_encrypt(struct stream *stream)
{
	while (evbuffer_get_length(stream->out) > 0 &&
	       evbuffer_get_length(stream->raw_out) < stream->budget->low) {
		size_t len = evbuffer_get_length(stream->out);
		unsigned char *data;
		int n;

		len = len < STREAM_RECORD ? len : STREAM_RECORD;
		data = evbuffer_pullup(stream->out, (ev_ssize_t)len);
		if (!data) {
			stream_fail_later(stream, ENOMEM);
			return;
		}
		ERR_clear_error();
		n = SSL_write(stream->ssl, data, (int)len);
		if (n <= 0) {
			int error = SSL_get_error(stream->ssl, n);

			if (error != SSL_ERROR_WANT_READ &&
			    error != SSL_ERROR_WANT_WRITE) {
				stream_fail_later(stream, EPROTO);
			}
			return;
		}
		(void)evbuffer_drain(stream->out, (size_t)n);
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
	stream_arm_read(stream);
	/* from the loop, not from here: the caller has not finished with the stream */
	event_active(stream->read_event, EV_READ, 0);
	return 0;
}

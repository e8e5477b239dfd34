/* SPDX-License-Identifier: MIT */
#include "proxy/stream_bio.h"

#include "proxy/stream.h"

#include <pthread.h>

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method; /* process-wide, made once */

static int on_write(BIO *bio, const char *data, int len)
{
	struct stream *stream = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	return evbuffer_add(stream->raw_out, data, (size_t)len) == 0 ? len : -1;
}

static int on_read(BIO *bio, char *data, int len)
{
	struct stream *stream = BIO_get_data(bio);
	int n = evbuffer_remove(stream->raw_in, data, (size_t)len);

	BIO_clear_retry_flags(bio);
	if (n > 0) {
		return n;
	}
	/* also at the end of file: the stream tells a cut from a close_notify by itself
	 */
	BIO_set_retry_read(bio);
	return -1;
}

static long on_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ||
	       command == BIO_CTRL_PUSH || command == BIO_CTRL_POP;
}

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	if (method) {
		(void)BIO_meth_set_write(method, on_write);
		(void)BIO_meth_set_read(method, on_read);
		(void)BIO_meth_set_ctrl(method, on_ctrl);
	}
}

BIO *stream_bio_create(struct stream *stream)
{
	BIO *bio;

	(void)pthread_once(&method_once, make_method);
	bio = method ? BIO_new(method) : NULL;
	if (bio) {
		BIO_set_data(bio, stream);
		BIO_set_init(bio, 1);
	}
	return bio;
}

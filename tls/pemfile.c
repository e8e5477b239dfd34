/* SPDX-License-Identifier: MIT */
/*
 * pemfile: see the header. Source: reliability.md T8.
 */
#include "tls/pemfile.h"

#include "tls/context.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 65536

/* Called where a key is encrypted: a service has nobody to ask. */
static int on_passphrase(char *buffer, int size, int writing, void *data)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)data;
	return -1;
}

/* Opens a regular file for reading. Returns the descriptor or a negative errno. */
static int open_regular(
    const char *path, const char *advice, struct stat *ret_st, struct err *err)
{
	/* O_NONBLOCK: a FIFO in its place must not hang the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int code;

	if (fd < 0) {
		code = errno;
		return err_set(
		    err, code, "cannot open %s: %s: %s", path, strerror(code), advice);
	}
	if (fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode)) {
		(void)close(fd); /* only read from */
		return err_set(err, EINVAL, "%s is not a regular file: %s", path, advice);
	}
	return fd;
}

static int read_all(
    int fd, const char *path, size_t max, struct buf *out, struct err *err)
{
	char chunk[4096];
	ssize_t n;
	int r = 0;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			r = err_set(
			    err, errno, "cannot read %s: %s", path, strerror(errno));
			break;
		}
		if (out->len + (size_t)n > max) {
			r = err_set(err, EFBIG, "%s is longer than %zu bytes", path, max);
			break;
		}
		buf_put(out, chunk, (size_t)n);
	}
	OPENSSL_cleanse(chunk, sizeof(chunk));
	if (r == 0 && out->failed) {
		r = err_set(err, ENOMEM, "out of memory reading %s", path);
	}
	return r;
}

int pemfile_read(
    const char *path, size_t max, const char *advice, struct buf *out, struct err *err)
{
	struct stat st;
	int fd = open_regular(path, advice, &st, err);
	int r;

	if (fd < 0) {
		return fd;
	}
	r = read_all(fd, path, max, out, err);
	(void)close(fd); /* only read from */
	return r;
}

int pemfile_read_cert(
    const char *path, const char *advice, X509 **ret_cert, struct err *err)
{
	struct buf text = { 0 };
	X509 *cert = NULL;
	BIO *bio;
	int r = pemfile_read(path, FILE_MAX, advice, &text, err);

	if (r == 0) {
		bio = BIO_new_mem_buf(text.len ? text.ptr : "", (int)text.len);
		cert = bio ? PEM_read_bio_X509(bio, NULL, on_passphrase, NULL) : NULL;
		BIO_free(bio);
		if (!cert) {
			ERR_clear_error();
			r = err_set(err, EINVAL,
			    "%s holds no certificate in PEM form: %s", path, advice);
		}
	}
	buf_finish(&text);
	if (r == 0) {
		*ret_cert = cert;
	}
	return r;
}

static int check_private(const char *path, const struct stat *st, struct err *err)
{
	if (st->st_uid != geteuid()) {
		return err_set(err, EACCES,
		    "%s belongs to user %u, and waybill runs as user %u: chown %u %s",
		    path, (unsigned)st->st_uid, (unsigned)geteuid(), (unsigned)geteuid(),
		    path);
	}
	if (st->st_mode & 0177) {
		return err_set(err, EACCES,
		    "%s is open to others (mode %04o, must be 0600): chmod 600 %s", path,
		    (unsigned)(st->st_mode & 07777), path);
	}
	return 0;
}

static int parse_key(const char *path, const char *advice, const struct buf *text,
    EVP_PKEY **ret_key, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(text->len ? text->ptr : "", (int)text->len);
	EVP_PKEY *key =
	    bio ? PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, NULL) : NULL;

	BIO_free(bio);
	if (!key) {
		ERR_clear_error();
		return err_set(err, EINVAL,
		    "%s holds no private key in PEM form (without a passphrase): %s",
		    path, advice);
	}
	*ret_key = key;
	return 0;
}

int pemfile_read_key(
    const char *path, const char *advice, EVP_PKEY **ret_key, struct err *err)
{
	struct buf text = { 0 };
	struct stat st;
	int fd = open_regular(path, advice, &st, err);
	int r;

	if (fd < 0) {
		return fd;
	}
	r = check_private(path, &st, err);
	if (r == 0) {
		r = read_all(fd, path, FILE_MAX, &text, err);
	}
	if (r == 0) {
		r = parse_key(path, advice, &text, ret_key, err);
	}
	buf_wipe(&text);
	(void)close(fd); /* only read from */
	return r;
}

/* A rename lasts only when the folder is on the disk, too. */
static int sync_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd, r;

	(void)snprintf(folder, sizeof(folder), "%.*s",
	    slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	r = fsync(fd) < 0 ? -errno : 0;
	(void)close(fd); /* only read from */
	return r;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -errno;
		}
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The mode is given at creation and O_EXCL holds, so the key is never readable by others.
 */
static int write_temporary(
    const char *temporary, mode_t mode, const char *data, size_t len)
{
	int fd, r;

	(void)unlink(temporary); /* left by a crash; the folder is locked by us */
	fd = open(
	    temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0600);
	if (fd < 0) {
		return -errno;
	}
	r = write_all(fd, data, len);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0)) {
		r = -errno;
	}
	if (close(fd) < 0 && r == 0) {
		r = -errno;
	}
	return r;
}

static int replace_file(
    const char *path, mode_t mode, struct slice content, struct err *err)
{
	char temporary[PATH_MAX];
	int n = snprintf(temporary, sizeof(temporary), "%s.new", path);
	int r;

	if (n < 0 || (size_t)n >= sizeof(temporary)) {
		return err_set(err, ENAMETOOLONG, "the path %s is too long", path);
	}
	r = write_temporary(temporary, mode, content.ptr, content.len);
	if (r == 0 && rename(temporary, path) < 0) {
		r = -errno;
	}
	if (r < 0) {
		(void)unlink(temporary); /* the first error is the one to tell */
		return err_set(err, -r, "cannot write %s: %s", path, strerror(-r));
	}
	r = sync_folder(path);
	if (r < 0) {
		return err_set(err, -r, "cannot write %s: %s", path, strerror(-r));
	}
	return 0;
}

static int replace_by_bio(const char *path, mode_t mode, BIO *content, struct err *err)
{
	char *data = NULL;
	long len = BIO_get_mem_data(content, &data);

	return replace_file(path, mode, (struct slice){ data, (size_t)len }, err);
}

int pemfile_write_cert(const char *path, X509 *cert, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int r;

	if (!bio || PEM_write_bio_X509(bio, cert) != 1) {
		r = context_err(err, ENOMEM, "cannot encode %s", path);
	} else {
		r = replace_by_bio(path, 0644, bio, err);
	}
	BIO_free(bio);
	return r;
}

int pemfile_write_key(const char *path, EVP_PKEY *key, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_secmem()); /* freed with its bytes overwritten */
	int r;

	if (!bio ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
		r = context_err(err, ENOMEM, "cannot encode %s", path);
	} else {
		r = replace_by_bio(path, 0600, bio, err);
	}
	BIO_free(bio);
	return r;
}

int pemfile_put(const char *path, mode_t mode, struct slice content, struct err *err)
{
	struct buf present = { 0 };
	bool same = pemfile_read(path, content.len, "", &present, NULL) == 0 &&
	            slice_eq(buf_slice(&present), content);

	buf_finish(&present);
	return same ? 0 : replace_file(path, mode, content, err);
}

int pemfile_remove(const char *path, struct err *err)
{
	int r = 0;

	if (unlink(path) < 0 && errno != ENOENT) {
		r = -errno;
	} else {
		r = sync_folder(path);
	}
	if (r < 0) {
		return err_set(err, -r, "cannot remove %s: %s", path, strerror(-r));
	}
	return 0;
}

bool pemfile_at_end(void)
{
	unsigned long error = ERR_peek_last_error();

	if (ERR_GET_LIB(error) != ERR_LIB_PEM ||
	    ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
		return false;
	}
	ERR_clear_error();
	return true;
}

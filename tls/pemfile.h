/* SPDX-License-Identifier: MIT */
/*
 * pemfile: keys and certificates in files, read with suspicion and replaced atomically.
 *
 * advice is what the person can do when the file is not usable; it ends the message.
 */
#ifndef TLS_PEMFILE_H
#define TLS_PEMFILE_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Reads a whole regular file of at most max bytes into out.
 * Returns 0, -ENOENT (err says so) or another negative errno.
 */
MUST_CHECK int pemfile_read(
    const char *path, size_t max, const char *advice, struct buf *out, struct err *err);

/* Reads the first certificate. Gives it (X509_free). Errors as pemfile_read, or -EINVAL.
 */
MUST_CHECK int pemfile_read_cert(
    const char *path, const char *advice, X509 **ret_cert, struct err *err);

/*
 * Reads a private key: refused (-EACCES) when others may read it, or when it belongs to
 * another user. Never asks for a passphrase. Gives it (EVP_PKEY_free).
 */
MUST_CHECK int pemfile_read_key(
    const char *path, const char *advice, EVP_PKEY **ret_key, struct err *err);

/* After a PEM_read_bio_… gave NULL: was that the end of the text (true), or a broken
 * block? */
bool pemfile_at_end(void);

/* Write temporary file, fsync, rename, fsync the folder. Certificates 0644, keys 0600. */
MUST_CHECK int pemfile_write_cert(const char *path, X509 *cert, struct err *err);
MUST_CHECK int pemfile_write_key(const char *path, EVP_PKEY *key, struct err *err);

/* The same for any content, unless the file has it already. Two who do it at a time must
 * hold the folder's lock. */
MUST_CHECK int pemfile_put(
    const char *path, mode_t mode, struct slice content, struct err *err);

/* Removes a file for good; one that is not there is fine. */
MUST_CHECK int pemfile_remove(const char *path, struct err *err);

#endif

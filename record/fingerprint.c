/* SPDX-License-Identifier: MIT */
/*
 * fingerprint: the key file and the digest.
 */
#include "record/fingerprint.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fields.h"

enum {
	KEY_BYTES = 32,
	BLOCK_BYTES = 64, /* of SHA-256 */
	DIGEST_BYTES = 32,
};

struct fingerprint_key {
	EVP_MD_CTX *inner; /* the key's first block is in it already */
	EVP_MD_CTX *outer;
	EVP_MD_CTX *work;
};

static int read_key(int fd, const char *path, uint8_t key[KEY_BYTES], struct err *err)
{
	struct stat st;
	uint8_t more = 0;

	if (fstat(fd, &st) != 0) {
		return err_set(err, errno, "%s: %s", path, strerror(errno));
	}
	if (st.st_mode & 077) {
		return err_set(
		    err, EPERM, "%s: others may read this key: chmod 600 it", path);
	}
	if (read(fd, key, KEY_BYTES) != KEY_BYTES || read(fd, &more, 1) != 0) {
		return err_set(err, EINVAL,
		    "%s: not a key of %d bytes: remove it, a new one is then made", path,
		    KEY_BYTES);
	}
	return 0;
}

/* Writes the key beside its place and renames it: never half a key, even after a crash.
 */
static int write_key(const char *path, const uint8_t key[KEY_BYTES], struct err *err)
{
	char part[4096];
	int n = snprintf(part, sizeof(part), "%s.new", path);
	int fd = -1;
	int r = 0;

	if (n < 0 || (size_t)n >= sizeof(part)) {
		return err_set(err, ENAMETOOLONG, "%s: the path is too long", path);
	}
	(void)unlink(part); /* left by a crash; mostly there is none */
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return err_set(err, errno, "%s: %s", part, strerror(errno));
	}
	if (write(fd, key, KEY_BYTES) != KEY_BYTES || fsync(fd) != 0 ||
	    rename(part, path) != 0) {
		r = err_set(err, errno ? errno : EIO, "%s: %s", part, strerror(errno));
		(void)unlink(part); /* the error above is the one to tell */
	}
	(void)close(fd); /* fsync has told of faults */
	return r;
}

static int load_bytes(const char *path, uint8_t key[KEY_BYTES], struct err *err)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	int r = 0;

	if (fd >= 0) {
		r = read_key(fd, path, key, err);
		(void)close(fd); /* only read */
		return r;
	}
	if (path && errno != ENOENT) {
		return err_set(err, errno, "%s: %s", path, strerror(errno));
	}
	if (RAND_bytes(key, KEY_BYTES) != 1) {
		return err_set(err, EIO, "no random bytes for the key of retry chains");
	}
	return path ? write_key(path, key, err) : 0;
}

/* A digest that has taken the key with each byte XORed with pad. */
static EVP_MD_CTX *keyed(const uint8_t key[KEY_BYTES], uint8_t pad)
{
	uint8_t block[BLOCK_BYTES];
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < KEY_BYTES; i++) {
		block[i] ^= key[i];
	}
	if (context && (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
	                   EVP_DigestUpdate(context, block, sizeof(block)) != 1)) {
		EVP_MD_CTX_free(context);
		context = NULL;
	}
	OPENSSL_cleanse(block, sizeof(block));
	return context;
}

int fingerprint_key_load(
    const char *path, struct fingerprint_key **ret_key, struct err *err)
{
	struct fingerprint_key *key = calloc(1, sizeof(*key));
	uint8_t bytes[KEY_BYTES];
	int r = key ? load_bytes(path, bytes, err) : -ENOMEM;

	if (r == 0) {
		key->inner = keyed(bytes, 0x36);
		key->outer = keyed(bytes, 0x5C);
		key->work = EVP_MD_CTX_new();
		r = key->inner && key->outer && key->work ? 0 : -ENOMEM;
	}
	if (r == -ENOMEM) {
		(void)err_set(err, ENOMEM, "out of memory for the key of retry chains");
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (r != 0) {
		fingerprint_key_destroy(key);
		return r;
	}
	*ret_key = key;
	return 0;
}

void fingerprint_key_destroy(struct fingerprint_key *key)
{
	if (key) {
		EVP_MD_CTX_free(key->inner); /* wipes */
		EVP_MD_CTX_free(key->outer);
		EVP_MD_CTX_free(key->work);
		free(key);
	}
}

/* A part with its length before it, so that no two lists of parts look the same. */
static bool update(EVP_MD_CTX *context, struct slice part)
{
	uint64_t len = part.len;

	return EVP_DigestUpdate(context, &len, sizeof(len)) == 1 &&
	       EVP_DigestUpdate(context, part.ptr, part.len) == 1;
}

static bool update_body(EVP_MD_CTX *context, const struct capture *body)
{
	char hex[65] = "";

	if (capture_whole(body)) {
		return update(context, buf_slice(&body->bytes));
	}
	return capture_sha256(body, hex) && update(context, slice_of(hex));
}

static bool update_call(EVP_MD_CTX *context, const struct call *call)
{
	struct slice key =
	    fields_find(buf_slice(&call->request_fields), SLICE("Idempotency-Key"));

	if (!call->match.service ||
	    !update(context, slice_of(call->match.service->name)) ||
	    !update(context, slice_of(call->match.action))) {
		return false;
	}
	if (key.len > 0) {
		return update(context, key);
	}
	return update(context, buf_slice(&call->method)) &&
	       update(context, buf_slice(&call->host)) &&
	       update(context, buf_slice(&call->target)) &&
	       update_body(context, &call->request);
}

bool fingerprint_make(
    const struct fingerprint_key *key, const struct call *call, uint8_t ret[16])
{
	uint8_t digest[DIGEST_BYTES];
	unsigned int len = 0;
	bool made = EVP_MD_CTX_copy_ex(key->work, key->inner) == 1 &&
	            update_call(key->work, call) &&
	            EVP_DigestFinal_ex(key->work, digest, &len) == 1 &&
	            EVP_MD_CTX_copy_ex(key->work, key->outer) == 1 &&
	            EVP_DigestUpdate(key->work, digest, len) == 1 &&
	            EVP_DigestFinal_ex(key->work, digest, &len) == 1;

	if (made) {
		memcpy(ret, digest, 16);
	}
	OPENSSL_cleanse(digest, sizeof(digest));
	return made;
}

/* SPDX-License-Identifier: MIT */
#include "dashboard/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	KEY_BYTES = 32,
	KEY_TEXT_MIN = 43, /* of 32 bytes in base64url */
};

void base64url_put(struct buf *out, const unsigned char *bytes, size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < len; i += 3) {
		unsigned group = (unsigned)bytes[i] << 16;

		group |= i + 1 < len ? (unsigned)bytes[i + 1] << 8 : 0;
		group |= i + 2 < len ? bytes[i + 2] : 0;
		for (size_t digit = 0; digit < 4 && i + digit <= len; digit++) {
			buf_putc(out, digits[group >> (18 - 6 * digit) & 63]);
		}
	}
}

/* SHA-256 first: then lengths are equal, and what differs says nothing about the key. */
bool keys_same(struct slice a, struct slice b)
{
	unsigned char digest[2][EVP_MAX_MD_SIZE] = { { 0 } };
	bool known = EVP_Digest(a.len ? a.ptr : "", a.len, digest[0], NULL, EVP_sha256(),
	                 NULL) == 1 &&
	             EVP_Digest(b.len ? b.ptr : "", b.len, digest[1], NULL, EVP_sha256(),
	                 NULL) == 1;

	return known && CRYPTO_memcmp(digest[0], digest[1], sizeof(digest[0])) == 0;
}

enum role keys_role(const struct keys *keys, struct slice key)
{
	bool service = keys_same(key, slice_of(keys->service));
	bool authenticated = keys_same(key, slice_of(keys->authenticated));

	if (key.len == 0) {
		return ROLE_ANON;
	}
	return service ? ROLE_SERVICE : authenticated ? ROLE_AUTHENTICATED : ROLE_ANON;
}

void keys_wipe(struct keys *keys)
{
	explicit_bzero(keys, sizeof(*keys));
}

/* The folder, made where it is not there; nobody else may look into it. */
static int open_folder(const char *path, struct err *err)
{
	struct stat st;
	int fd;

	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		return err_set(err, errno,
		    "cannot make %s for the keys of the admin port: %s", path,
		    strerror(errno));
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		int error = errno;

		if (fd >= 0) {
			(void)close(fd);
		}
		return err_set(err, error,
		    "cannot open the folder %s, which holds the keys of the admin port: %s",
		    path, strerror(error));
	}
	if (st.st_uid != geteuid() || (st.st_mode & 0077) != 0) {
		(void)close(fd);
		return err_set(err, EACCES,
		    "the keys of the admin port are not safe: %s must belong to user %u "
		    "with mode 0700, and has user %u and mode %04o: chown %u %s && chmod "
		    "700 %s, and delete the keys in it if somebody may have read them",
		    path, (unsigned)geteuid(), (unsigned)st.st_uid,
		    (unsigned)(st.st_mode & 07777), (unsigned)geteuid(), path, path);
	}
	return fd;
}

static int check_file(const char *path, const struct stat *st, struct err *err)
{
	if (!S_ISREG(st->st_mode)) {
		return err_set(err, EINVAL, "%s is no file: delete it", path);
	}
	if (st->st_uid != geteuid()) {
		return err_set(err, EACCES,
		    "%s belongs to user %u and not to user %u, who runs waybill: delete it "
		    "and a new key is made",
		    path, (unsigned)st->st_uid, (unsigned)geteuid());
	}
	if ((st->st_mode & 0077) != 0) {
		return err_set(err, EACCES,
		    "%s is open to others (mode %04o, must be 0600): delete it and a new key "
		    "is made, or chmod 600 it if nobody has read it",
		    path, (unsigned)(st->st_mode & 07777));
	}
	return 0;
}

/* A key is one line of letters that need no quoting, in headers and after the # of a URL.
 */
static int parse(const char *path, struct slice text, char key[KEY_SIZE], struct err *err)
{
	while (text.len > 0 && strchr("\r\n", text.ptr[text.len - 1])) {
		text.len--;
	}
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '\0' ||
		    !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		            "0123456789-_.~",
		        c)) {
			text.len = 0;
		}
	}
	if (text.len < KEY_TEXT_MIN || text.len >= KEY_SIZE) {
		return err_set(err, EINVAL,
		    "%s holds no key (one line of %d to %d letters, digits, '-', '_', '.' "
		    "and '~'): delete it and a new one is made",
		    path, KEY_TEXT_MIN, KEY_SIZE - 1);
	}
	memcpy(key, text.ptr, text.len);
	key[text.len] = '\0';
	return 0;
}

static int read_key(
    int folder, const char *name, const char *path, char key[KEY_SIZE], struct err *err)
{
	char text[KEY_SIZE + 3];
	struct stat st;
	ssize_t len = -1;
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0 && errno == ENOENT) {
		return -ENOENT;
	}
	if (fd < 0 || fstat(fd, &st) != 0) {
		r = err_set(err, errno, "cannot read %s: %s%s", path, strerror(errno),
		    errno == ELOOP ? "; it is a link: put the key itself there" : "");
	} else {
		r = check_file(path, &st, err);
	}
	if (r == 0) {
		len = read(fd, text, sizeof(text));
		r = len < 0
		        ? err_set(err, errno, "cannot read %s: %s", path, strerror(errno))
		        : parse(path, (struct slice){ text, (size_t)len }, key, err);
	}
	if (fd >= 0) {
		(void)close(fd);
	}
	explicit_bzero(text, sizeof(text));
	return r;
}

static int write_all(int fd, struct slice text)
{
	ssize_t n = write(fd, text.ptr, text.len);

	if (n >= 0 && (size_t)n != text.len) {
		errno = ENOSPC;
	}
	return n == (ssize_t)text.len && fsync(fd) == 0 ? 0 : -errno;
}

/* Under another name first: a file that stands there is whole. */
static int make_key(int folder, const char *name, const char *path, struct err *err)
{
	unsigned char bytes[KEY_BYTES];
	struct buf text = { 0 };
	char temporary[64];
	mode_t mask;
	int fd;
	int r;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
		return err_set(err, EIO, "no random bytes for a key");
	}
	base64url_put(&text, bytes, sizeof(bytes));
	buf_putc(&text, '\n');
	explicit_bzero(bytes, sizeof(bytes));
	(void)snprintf(temporary, sizeof(temporary), ".%s.new", name);
	(void)unlinkat(folder, temporary, 0); /* of a start that was cut short */
	mask = umask(0077);
	fd = openat(folder, temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	(void)umask(mask);
	r = fd < 0 || text.failed ? -errno : write_all(fd, buf_slice(&text));
	if (r == 0 &&
	    (renameat(folder, temporary, folder, name) != 0 || fsync(folder) != 0)) {
		r = -errno;
	}
	if (fd >= 0) {
		(void)close(fd);
	}
	buf_wipe(&text);
	return r == 0 ? 0
	              : err_set(err, -r, "cannot write %s, a key of the admin port: %s",
	                    path, strerror(-r));
}

static int open_key(int folder, const char *folder_path, const char *name,
    char key[KEY_SIZE], struct err *err)
{
	char path[PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", folder_path, name);
	r = read_key(folder, name, path, key, err);
	if (r == -ENOENT) {
		r = make_key(folder, name, path, err);
		r = r ? r : read_key(folder, name, path, key, err);
	}
	return r;
}

int keys_open(const char *state_dir, struct keys *ret_keys, struct err *err)
{
	char path[PATH_MAX - 64];
	int n = snprintf(path, sizeof(path), "%s/keys", state_dir);
	int folder;
	int r;

	*ret_keys = (struct keys){ "", "" };
	if (n < 0 || (size_t)n >= sizeof(path)) {
		return err_set(err, ENAMETOOLONG, "the name of state_dir is too long");
	}
	folder = open_folder(path, err);
	if (folder < 0) {
		return folder;
	}
	r = open_key(folder, path, "service_role", ret_keys->service, err);
	r = r ? r : open_key(folder, path, "authenticated", ret_keys->authenticated, err);
	(void)close(folder);
	if (r == 0 && strcmp(ret_keys->service, ret_keys->authenticated) == 0) {
		r = err_set(err, EINVAL,
		    "the two keys in %s are one: delete authenticated, and a new one is made",
		    path);
	}
	if (r != 0) {
		keys_wipe(ret_keys);
	}
	return r;
}

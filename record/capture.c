/* SPDX-License-Identifier: MIT */
/*
 * capture: bytes up to a limit, a digest past it.
 */
#include "record/capture.h"

#include <openssl/evp.h>
#include <stdio.h>

void capture_init(struct capture *capture, size_t limit)
{
	*capture = (struct capture){ .limit = limit };
}

void capture_finish(struct capture *capture)
{
	buf_wipe(&capture->bytes);
	EVP_MD_CTX_free(capture->digest);
	*capture = (struct capture){ 0 };
}

void capture_shed(struct capture *capture)
{
	if (capture->bytes.len > 0) {
		buf_wipe(&capture->bytes);
		capture->shed = true;
	}
}

/* Begins the digest with what is kept; possible only as long as all is kept. */
static void begin_digest(struct capture *capture)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(digest, capture->bytes.ptr, capture->bytes.len) != 1) {
		EVP_MD_CTX_free(digest);
		capture->shed = true;
		return;
	}
	capture->digest = digest;
}

void capture_add(struct capture *capture, const void *data, size_t len)
{
	size_t room = capture->limit - capture->bytes.len;
	size_t kept = len < room ? len : room;

	if (len == 0) {
		return;
	}
	if (!capture->digest && !capture->shed && len > room) {
		begin_digest(capture);
	}
	if (capture->digest && EVP_DigestUpdate(capture->digest, data, len) != 1) {
		EVP_MD_CTX_free(capture->digest);
		capture->digest = NULL;
		capture->shed = true;
	}
	if (kept > 0 && !capture->shed) {
		/* never a byte after a hole */
		if (capture->total == capture->bytes.len) {
			buf_put(&capture->bytes, data, kept);
		}
		capture->shed = capture->shed || capture->bytes.failed;
	}
	capture->total += len;
}

bool capture_sha256(const struct capture *capture, char ret_hex[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	EVP_MD_CTX *copy = NULL;
	bool made = false;

	if (capture_whole(capture)) {
		made = EVP_Digest(capture->bytes.ptr, capture->bytes.len, digest, &len,
		           EVP_sha256(), NULL) == 1;
	} else if (capture->digest) {
		copy = EVP_MD_CTX_new();
		made = copy && EVP_MD_CTX_copy_ex(copy, capture->digest) == 1 &&
		       EVP_DigestFinal_ex(copy, digest, &len) == 1;
		EVP_MD_CTX_free(copy);
	}
	for (unsigned int i = 0; made && i < len && i < 32; i++) {
		(void)snprintf(ret_hex + (size_t)2 * i, 3, "%02x", digest[i]);
	}
	return made;
}

bool capture_copy(struct capture *to, const struct capture *from)
{
	to->limit = from->limit;
	to->total = from->total;
	to->shed = from->shed;
	buf_put_slice(&to->bytes, buf_slice(&from->bytes));
	if (from->digest) {
		to->digest = EVP_MD_CTX_new();
		if (!to->digest || EVP_MD_CTX_copy_ex(to->digest, from->digest) != 1) {
			return false;
		}
	}
	return !to->bytes.failed;
}

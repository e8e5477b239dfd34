/* SPDX-License-Identifier: MIT */
/*
 * keys: the two keys of the admin port, state_dir/keys/service_role and
 * state_dir/keys/authenticated, named as the database roles they stand for.
 *
 * Each is a line of text: 256 random bits in base64url. Immutable once open.
 */
#ifndef DASHBOARD_KEYS_H
#define DASHBOARD_KEYS_H

#include "base/buf.h"
#include "base/err.h"
#include "dashboard/http.h"

enum { KEY_SIZE = 257 }; /* a key of one's own may be longer, and a NUL */

struct keys {
	char service[KEY_SIZE];
	char authenticated[KEY_SIZE];
};

/*
 * Reads the keys, and makes those that are missing (folder 0700, files 0600). A file that
 * others can read, that belongs to somebody else or that holds no key is refused.
 * Returns 0 or a negative errno with what to do in err; keys are zeroed then.
 */
MUST_CHECK int keys_open(const char *state_dir, struct keys *ret_keys, struct err *err);

/* Overwrites them. */
void keys_wipe(struct keys *keys);

/* Whose key it is; ROLE_ANON: nobody's. The time it takes does not depend on how much of
 * it is right. */
enum role keys_role(const struct keys *keys, struct slice key);

/* Equal? In a time that does not depend on the bytes, nor on where they differ. */
bool keys_same(struct slice a, struct slice b);

/* Appends bytes in base64url without padding (RFC 4648 5). */
void base64url_put(struct buf *out, const unsigned char *bytes, size_t len);

#endif

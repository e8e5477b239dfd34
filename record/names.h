/* SPDX-License-Identifier: MIT */
/*
 * names: does the value under this name have to be masked? By the list in
 * conf/redaction.yaml, whatever the case, '-' and '_'; of data[user][password] each part
 * counts.
 */
#ifndef RECORD_NAMES_H
#define RECORD_NAMES_H

#include "base/err.h"
#include "base/slice.h"

enum name_kind {
	NAME_PLAIN,
	NAME_SECRET,
	NAME_CODE, /* "code": a secret of OAuth, and everywhere else a number for an error
	            */
};

/* Prepares the list, once; any thread. Returns 0 or -ENOMEM. */
MUST_CHECK int names_init(void);

/* After names_init. query: it is a parameter of a URL, for which more names are secret.
 */
enum name_kind name_kind(struct slice name, bool query);

/* Is this word itself a name of the list? Then it is no secret, even under such a name.
 */
bool name_listed(struct slice word);

/* Bytes of the shortest name of the list: a shorter one is none. After names_init. */
size_t names_shortest(void);

/* A name from the list made by a route: equal but for case, '-' and '_'. */
bool name_same(struct slice a, struct slice b);

#endif

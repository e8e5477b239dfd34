/* SPDX-License-Identifier: MIT */
/*
 * names: DNS names as certificates and name constraints hold them.
 *
 * A name in a list stands for itself and everything below it (RFC 5280 4.2.1.10).
 */
#ifndef TLS_NAMES_H
#define TLS_NAMES_H

#include "base/err.h"
#include "base/slice.h"

#define NAME_SIZE 254 /* RFC 1035 2.3.4: 253 characters, and the NUL */

struct name_list {
	char **names; /* owned; sorted, each once */
	size_t count;
};

/*
 * Writes host in lower case, without a final dot.
 * Returns 0, -ENOTSUP for an address (in any spelling that some resolver takes for one),
 * or -EINVAL for what is no DNS name (internationalised names come as xn--).
 */
MUST_CHECK int name_read(struct slice host, char ret_name[NAME_SIZE]);

/*
 * Makes the list of the names in host patterns: "*.amocrm.ru" becomes "amocrm.ru".
 * Address literals are left out: no certificate is ever made for them. -EINVAL names a
 * bad pattern.
 */
MUST_CHECK int name_list_from_patterns(const char *const *patterns, size_t count,
    struct name_list *ret_list, struct err *err);

/* Appends a copy. Returns 0 or -ENOMEM. Call name_list_sort afterwards. */
MUST_CHECK int name_list_add(struct name_list *list, const char *name);
void name_list_sort(struct name_list *list);

MUST_CHECK int name_list_copy(const struct name_list *list, struct name_list *ret_list);
bool name_list_equal(const struct name_list *a, const struct name_list *b);

/* Is name in the list, or below a name in it? */
bool name_list_covers(const struct name_list *list, const char *name);

/* Zeroed memory is fine. */
void name_list_finish(struct name_list *list);

#endif

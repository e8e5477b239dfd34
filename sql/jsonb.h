/* SPDX-License-Identifier: MIT */
/*
 * jsonb: what PostgreSQL's type of that name makes of a JSON text: which member, which
 * order, which text. So that a question gets the same answer from the SQLite store, which
 * keeps JSON as it came.
 *
 * The texts are valid JSON: the store accepts nothing else. What is not is an empty
 * answer.
 */
#ifndef SQL_JSONB_H
#define SQL_JSONB_H

#include "base/buf.h"

#include <stdint.h>

struct jsonb; /* a parsed text */

/* NULL: it is no JSON, nests too deeply, or there is no memory. The text is borrowed. */
struct jsonb *jsonb_parse(struct slice text);
void jsonb_free(struct jsonb *value);

/* Less than, equal or greater than 0: the order of jsonb. */
int jsonb_compare(const struct jsonb *a, const struct jsonb *b);

/* a @> b */
bool jsonb_contains(const struct jsonb *a, const struct jsonb *b);

/* As PostgreSQL prints it: members by length and name, the last of a name, one blank
 * after : and , and numbers without exponent. */
void jsonb_put(struct buf *out, const struct jsonb *value);

/* json -> 'key' and json -> index: the text of it, ptr NULL: none. */
struct slice jsonb_member(struct slice text, struct slice key);
struct slice jsonb_element(struct slice text, int64_t index);

/* What ->> gives of a text found so: a string's content, the rest as jsonb_put. False:
 * null. */
bool jsonb_put_text(struct buf *out, struct slice text);

#endif

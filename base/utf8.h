/* SPDX-License-Identifier: MIT */
/*
 * utf8: is this a well-formed sequence, and how long is it? (RFC 3629)
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/slice.h"

/*
 * Length in bytes (1 to 4) of the well-formed UTF-8 sequence that text begins with.
 * Returns 0 when there is none: empty, overlong, a surrogate, beyond U+10FFFF, or cut
 * short.
 */
size_t utf8_length(struct slice text);

/* Is all of text well-formed? */
bool utf8_valid(struct slice text);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * uuid7: row ids. RFC 9562 5.7, monotonic within the process whatever the wall clock does
 * (method 1 of 6.2: a counter in the bits below the millisecond).
 */
#ifndef BASE_UUID7_H
#define BASE_UUID7_H

#include "base/slice.h"

#include <stdint.h>

struct uuid {
	uint8_t byte[16];
};

#define UUID_TEXT_SIZE 37

/* Makes a new id, later than every one made before in this process. Any thread. */
struct uuid uuid7_make(void);

/* Lower-case 8-4-4-4-12 with its NUL. */
void uuid_format(const struct uuid *id, char ret_text[UUID_TEXT_SIZE]);

/* Reads the 36-character form, any case, nothing around it. False: not a UUID. */
bool uuid_parse(struct slice text, struct uuid *ret_id);

#endif

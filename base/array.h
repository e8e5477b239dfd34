/* SPDX-License-Identifier: MIT */
/*
 * array: lists that become twice as long when they are full.
 */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stddef.h>

/*
 * Makes room for one more behind the count items of size bytes; *cap is for how many
 * there is room (0: item is NULL). Returns the array, which may have moved and is still
 * the caller's to free(); NULL: no memory, and it is as it was.
 */
void *array_grow(void *item, size_t count, size_t *cap, size_t size)
    __attribute__((warn_unused_result));

#endif

/* SPDX-License-Identifier: MIT */
#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>

#define FIRST 16

void *array_grow(void *item, size_t count, size_t *cap, size_t size)
{
	size_t longer = *cap ? *cap * 2 : FIRST;
	void *grown;

	if (count < *cap) {
		return item;
	}
	if (longer < *cap || longer > PTRDIFF_MAX / size) {
		return NULL;
	}
	grown = realloc(item, longer * size);
	if (grown) {
		*cap = longer;
	}
	return grown;
}

/* SPDX-License-Identifier: MIT */
/*
 * wiping_free: memory that is given back holds nothing any more.
 *
 * Bodies and credentials pass through buffers of this program, of libevent, OpenSSL and
 * the decompressors. Only free() sees all of them, so the program brings one of its own
 * that wipes first ("Replacing malloc" in the manual of glibc, and dlsym(3) for the next
 * one). Not in builds with a sanitizer: that brings its own, and keeps what was freed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

typedef void free_function(void *);

static free_function *next_free(void)
{
	static free_function *next; /* found before the second thread begins */

	if (!next) {
		void *symbol = dlsym(RTLD_NEXT, "free");

		memcpy(&next, &symbol, sizeof(next)); /* ISO C has no such cast */
	}
	return next;
}

__attribute__((constructor)) static void find_next_free(void)
{
	(void)next_free();
}

void free(void *memory)
{
	int kept = errno; /* POSIX.1-2024: free leaves it alone */

	if (memory) {
		explicit_bzero(memory, malloc_usable_size(memory));
		next_free()(memory);
	}
	errno = kept;
}

/* Where the piece has to move, its old place is wiped, too. */
void *realloc(void *memory, size_t size)
{
	size_t has = memory ? malloc_usable_size(memory) : 0;
	void *moved = NULL;

	if (memory && size > 0 && size <= has && size >= has / 2) {
		return memory;
	}
	if (memory && size == 0) {
		free(memory);
		return NULL;
	}
	moved = malloc(size);
	if (moved && memory) {
		memcpy(moved, memory, has < size ? has : size);
		free(memory);
	}
	return moved;
}

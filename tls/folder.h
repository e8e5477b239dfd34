/* SPDX-License-Identifier: MIT */
/*
 * folder: the CA's folder, 0700 and one user of it at a time.
 */
#ifndef TLS_FOLDER_H
#define TLS_FOLDER_H

#include "base/err.h"

#include <stdbool.h>

/* Makes dir and the folder above it, 0700. One that is there is fine. */
MUST_CHECK int folder_create(const char *dir, struct err *err);

/*
 * Waits for the lock and takes it; refuses a folder that others can write to.
 * operation  LOCK_SH or LOCK_EX
 * Returns a descriptor (close it to unlock), or a negative errno.
 */
MUST_CHECK int folder_lock(const char *dir, int operation, struct err *err);

/* Is there something at path? True when one cannot tell: then opening it says why. */
bool folder_has(const char *path);

#endif

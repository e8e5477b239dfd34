/* SPDX-License-Identifier: MIT */
#include "cmd/bind_now.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

void bind_now(char **argv)
{
	const char *set = getenv("LD_BIND_NOW");
	char path[PATH_MAX];
	ssize_t len;

	if ((set && *set) || getauxval(AT_SECURE)) {
		return; /* with capabilities of its file, ld.so decides what it is told */
	}
	/* by its path: /proc/self/exe itself would be its name in ps and the journal */
	len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (len > 0 && setenv("LD_BIND_NOW", "1", 1) == 0) {
		path[len] = '\0';
		(void)execv(path, argv); /* if that fails it goes on as it is */
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * folder: see the header.
 */
#include "tls/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int folder_create(const char *dir, struct err *err)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(dir, '/');

	if (mkdir(dir, 0700) == 0 || errno == EEXIST) {
		return 0;
	}
	if (errno == ENOENT && slash && slash != dir) {
		(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - dir), dir);
		if (mkdir(parent, 0700) == 0 && mkdir(dir, 0700) == 0) {
			return 0;
		}
	}
	return err_set(
	    err, errno, "cannot make the CA's folder %s: %s", dir, strerror(errno));
}

int folder_lock(const char *dir, int operation, struct err *err)
{
	struct stat st;
	int code;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		code = errno;
		return err_set(
		    err, code, "cannot open the CA's folder %s: %s", dir, strerror(code));
	}
	if (fstat(fd, &st) == 0 && (st.st_mode & (S_IWGRP | S_IWOTH))) {
		(void)close(fd); /* only locked */
		return err_set(err, EACCES,
		    "others can write to the CA's folder: chmod 700 %s", dir);
	}
	while (flock(fd, operation) < 0) {
		if (errno != EINTR) {
			code = errno;
			(void)close(fd); /* only locked */
			return err_set(
			    err, code, "cannot lock %s: %s", dir, strerror(code));
		}
	}
	return fd;
}

bool folder_has(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 || errno != ENOENT;
}

/* SPDX-License-Identifier: MIT */
#include "sql/ballast.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LEAST_BYTES (64 * 1024)

/* How much is to be kept on this file system, and how much is free. False: unknown. */
static bool look(const struct ballast *ballast, uint64_t *ret_target, uint64_t *ret_free)
{
	char *copy = strdup(ballast->path);
	struct statvfs info;
	bool known = copy && statvfs(dirname(copy), &info) == 0;

	free(copy);
	if (known) {
		uint64_t most = (uint64_t)info.f_blocks * info.f_frsize / 6;

		*ret_target = ballast->bytes < most ? ballast->bytes : most;
		*ret_free = (uint64_t)info.f_bavail * info.f_frsize;
	}
	return known;
}

/* Of the file, 0 where there is none: false. */
static bool size_now(const struct ballast *ballast, uint64_t *ret_bytes)
{
	struct stat info;
	bool exists = stat(ballast->path, &info) == 0;

	*ret_bytes = exists ? (uint64_t)info.st_size : 0;
	return exists;
}

static bool make(const struct ballast *ballast, uint64_t bytes)
{
	int fd = open(ballast->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	bool made;

	if (fd < 0) {
		return false;
	}
	made = posix_fallocate(fd, 0, (off_t)bytes) == 0;
	(void)close(fd); /* its content does not matter */
	if (!made) {
		ballast_give(ballast); /* what it took before it failed */
	}
	return made;
}

bool ballast_keep(const struct ballast *ballast)
{
	uint64_t target = 0;
	uint64_t room = 0;
	uint64_t have = 0;

	if (!ballast->path || !look(ballast, &target, &room)) {
		return false;
	}
	(void)size_now(ballast, &have);
	if (target < LEAST_BYTES || room + have < target * 2) {
		return false;
	}
	return have >= target || make(ballast, target);
}

void ballast_restore(const struct ballast *ballast)
{
	uint64_t target = 0;
	uint64_t room = 0;
	uint64_t have = 0;

	if (!ballast->path || !look(ballast, &target, &room)) {
		return;
	}
	(void)size_now(ballast, &have);
	if (room + have < target) {
		target = room + have;
	}
	/* others take room too: what was free may be gone */
	while (target >= LEAST_BYTES && target > have && !make(ballast, target)) {
		target /= 2;
		have = 0;
	}
}

void ballast_give(const struct ballast *ballast)
{
	if (ballast->path) {
		(void)!truncate(ballast->path, 0); /* it is there or it is not */
	}
}

uint64_t ballast_lent(const struct ballast *ballast)
{
	uint64_t target = 0;
	uint64_t room;
	uint64_t have;

	if (!ballast->path || !size_now(ballast, &have) ||
	    !look(ballast, &target, &room) || target < LEAST_BYTES) {
		return 0;
	}
	return have < target ? target - have : 0;
}

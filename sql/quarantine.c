/* SPDX-License-Identifier: MIT */
#include "sql/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*
 * The sidecars go first: were the process to die half-way, a new database would otherwise
 * meet the journal of the old one, and SQLite would apply or delete it. The mark goes
 * last: while it is there the work is not done.
 */
static const char *const suffixes[] = { "-wal", "-shm", "-journal", "", QUARANTINE_MARK };

#define SUFFIX_COUNT (sizeof(suffixes) / sizeof(suffixes[0]))

static bool exists_with(const char *path, const char *suffix, struct stat *ret_info)
{
	char *name = NULL;
	bool found;

	if (asprintf(&name, "%s%s", path, suffix) < 0) {
		return false;
	}
	found = lstat(name, ret_info) == 0;
	free(name);
	return found;
}

/* Does the file begin as every SQLite database does? Returns 1, 0 or a negative errno. */
static int begins_as_database(const char *path, struct err *err)
{
	static const char magic[16] = "SQLite format 3"; /* its NUL is the 16th byte */
	char head[sizeof(magic)];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		return err_set(
		    err, errno, "%s: cannot be opened: %s", path, strerror(errno));
	}
	n = pread(fd, head, sizeof(head), 0);
	if (n < 0) {
		int code =
		    err_set(err, errno, "%s: cannot be read: %s", path, strerror(errno));

		(void)close(fd); /* only read from */
		return code;
	}
	(void)close(fd); /* only read from */
	return n == (ssize_t)sizeof(head) && memcmp(head, magic, sizeof(magic)) == 0;
}

int quarantine_look(const char *path, bool *ret_exists, bool *ret_unfit, struct err *err)
{
	struct stat info;
	int database;

	if (stat(path, &info) < 0) {
		struct stat side;

		if (errno != ENOENT) {
			return err_set(err, errno, "%s: %s", path, strerror(errno));
		}
		*ret_exists = false;
		*ret_unfit = exists_with(path, QUARANTINE_MARK, &side) ||
		             (exists_with(path, "-wal", &side) && side.st_size > 0) ||
		             (exists_with(path, "-journal", &side) && side.st_size > 0);
		return 0;
	}
	if (!S_ISREG(info.st_mode)) {
		return err_set(
		    err, EINVAL, "%s: is not a regular file; move it away", path);
	}
	if (access(path, R_OK | W_OK) < 0) {
		return err_set(err, errno,
		    "%s: cannot be read and written by this user: %s", path,
		    strerror(errno));
	}
	database = begins_as_database(path, err);
	if (database < 0) {
		return database;
	}
	*ret_exists = true;
	*ret_unfit = database == 0 || exists_with(path, QUARANTINE_MARK, &info);
	return 0;
}

/* A name that is free with every suffix: several in one second are numbered. */
static char *free_name(const char *path)
{
	time_t now = time(NULL);
	struct tm utc;
	char stamp[20];

	if (!gmtime_r(&now, &utc) ||
	    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc) == 0) {
		return NULL;
	}
	for (int i = 1; i < 10000; i++) {
		char *name = NULL;
		bool taken = false;
		struct stat info;
		int n = i == 1 ? asprintf(&name, "%s.corrupt-%s", path, stamp)
		               : asprintf(&name, "%s.corrupt-%s-%d", path, stamp, i);

		if (n < 0) {
			return NULL;
		}
		for (size_t s = 0; s < SUFFIX_COUNT; s++) {
			taken = taken || exists_with(name, suffixes[s], &info);
		}
		if (!taken) {
			return name;
		}
		free(name);
	}
	return NULL;
}

static int move_one(
    const char *path, const char *name, const char *suffix, struct err *err)
{
	char *from = NULL;
	char *to = NULL;
	int result = 0;

	if (asprintf(&from, "%s%s", path, suffix) < 0) {
		return err_set(err, ENOMEM, "%s: out of memory", path);
	}
	if (asprintf(&to, "%s%s", name, suffix) < 0) {
		free(from);
		return err_set(err, ENOMEM, "%s: out of memory", path);
	}
	if (rename(from, to) < 0 && errno != ENOENT) {
		result = err_set(err, errno,
		    "%s: is no usable database and cannot be renamed to %s: %s", from, to,
		    strerror(errno));
	}
	free(to);
	free(from);
	return result;
}

int quarantine_move(const char *path, char **ret_name, struct err *err)
{
	char *name = free_name(path);

	if (!name) {
		return err_set(err, EEXIST,
		    "%s: is no usable database and no name is free to set it aside",
		    path);
	}
	for (size_t s = 0; s < SUFFIX_COUNT; s++) {
		int result = move_one(path, name, suffixes[s], err);

		if (result < 0) {
			free(name);
			return result;
		}
	}
	*ret_name = name;
	return 0;
}

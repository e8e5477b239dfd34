/* SPDX-License-Identifier: MIT */
#include "cmd/program.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRIPTS_MAX 4 /* as the kernel: a script may be run by a script */

/* Opens what execvp(3) would run. Returns the descriptor or -1. */
static int open_program(const char *name)
{
	const char *folders = getenv("PATH");
	char path[PATH_MAX];

	if (strchr(name, '/')) {
		return open(name, O_RDONLY | O_CLOEXEC);
	}
	for (const char *at = folders ? folders : "/bin:/usr/bin"; *at;) {
		size_t len = strcspn(at, ":");
		int written = snprintf(path, sizeof(path), "%.*s/%s", len ? (int)len : 1,
		    len ? at : ".", name);

		if (written > 0 && (size_t)written < sizeof(path) &&
		    access(path, X_OK) == 0) {
			return open(path, O_RDONLY | O_CLOEXEC);
		}
		at += len + (at[len] == ':');
	}
	return -1;
}

/* Has it a part that names what loads libraries into it? elf(5). Others than this
 * machine's own kind are left to the loader. */
static bool is_static(int fd, const char *head, size_t len)
{
	Elf64_Ehdr elf;
	Elf64_Phdr part;

	if (len < sizeof(elf) || memcmp(head, ELFMAG, SELFMAG) != 0 ||
	    head[EI_CLASS] != ELFCLASS64) {
		return false;
	}
	memcpy(&elf, head, sizeof(elf));
	for (int i = 0; i < elf.e_phnum; i++) {
		off_t at = (off_t)elf.e_phoff + (off_t)i * elf.e_phentsize;

		if (pread(fd, &part, sizeof(part), at) != (ssize_t)sizeof(part) ||
		    part.p_type == PT_INTERP) {
			return false;
		}
	}
	return elf.e_phnum > 0;
}

/* "#!/usr/bin/env python3" → python3, "#!/bin/sh -e" → /bin/sh. */
static bool read_script(char *head, char ret_name[256])
{
	const char *blanks = " \t";
	char *rest = head + 2;
	char *word;

	rest[strcspn(rest, "\n")] = '\0';
	word = strtok_r(rest, blanks, &rest);
	if (word && strcmp(word, "/usr/bin/env") == 0) {
		do {
			word = strtok_r(NULL, blanks, &rest);
		} while (word && (*word == '-' || strchr(word, '=')));
	}
	if (!word) {
		return false;
	}
	(void)snprintf(ret_name, 256, "%s", word);
	return true;
}

enum program_kind program_kind(const char *name)
{
	char script[256];

	for (int depth = 0; depth < SCRIPTS_MAX; depth++) {
		enum program_kind kind = PROGRAM_OTHER;
		char head[256] = "";
		int fd = open_program(name);
		struct stat st;
		ssize_t len;

		if (fd < 0) {
			return PROGRAM_OTHER;
		}
		len = read(fd, head, sizeof(head) - 1);
		if (fstat(fd, &st) == 0 &&
		    (((st.st_mode & S_ISUID) && st.st_uid != getuid()) ||
		        ((st.st_mode & S_ISGID) && st.st_gid != getgid()))) {
			kind = PROGRAM_SECURE;
		} else if (len > 0 && is_static(fd, head, (size_t)len)) {
			kind = PROGRAM_STATIC;
		}
		(void)close(fd); /* only read from */
		if (len < 3 || head[0] != '#' || head[1] != '!' ||
		    !read_script(head, script)) {
			return kind;
		}
		name = script;
	}
	return PROGRAM_OTHER;
}

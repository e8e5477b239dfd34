/* SPDX-License-Identifier: MIT */
/*
 * yaml_expand: ${NAME} and ${file:PATH} in a scalar; $${ stands for a literal ${.
 *
 * What comes in is not looked at again: a secret may well contain "${".
 */
#include "base/buf.h"
#include "base/yaml_node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	REPLACED_LIMIT = 1024 * 1024,      /* bytes of one file or variable */
	EXPANDED_LIMIT = 16 * 1024 * 1024, /* bytes in a whole document */
};

/* An environment variable's name (POSIX.1-2008 8.1). */
static bool is_name(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool letter =
		    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';

		if (!letter && !(i > 0 && c >= '0' && c <= '9')) {
			return false;
		}
	}
	return text.len > 0;
}

/* Opens a regular file; never waits, as a pipe or a device could make it. */
static int open_regular(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int r = 0;

	if (fd < 0) {
		return -errno;
	}
	if (fstat(fd, &st) != 0) {
		r = -errno;
	} else if (!S_ISREG(st.st_mode)) {
		r = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	}
	if (r != 0) {
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* Appends a file's content without its last line end. 0 or -errno. */
static int put_file(struct buf *out, const char *path)
{
	size_t begin = out->len;
	ssize_t n = 0;
	int fd = -1;
	int r = open_regular(path, &fd);

	if (r != 0) {
		return r;
	}
	do {
		if (!buf_reserve(out, REPLACED_LIMIT / 16)) {
			r = -ENOMEM;
			break;
		}
		n = read(fd, out->ptr + out->len, REPLACED_LIMIT / 16);
		if (n < 0 && errno != EINTR) {
			r = -errno;
			break;
		}
		out->len += n > 0 ? (size_t)n : 0;
		if (out->len - begin > REPLACED_LIMIT) {
			r = -EFBIG;
			break;
		}
	} while (n != 0);
	(void)close(fd); /* only read from */
	if (out->len > begin && out->ptr[out->len - 1] == '\n') {
		out->len--;
		if (out->len > begin && out->ptr[out->len - 1] == '\r') {
			out->len--;
		}
	}
	return r;
}

/* The path of ${file:…}: one that is relative starts at the YAML file's folder. */
static char *file_path(const struct yaml *yaml, struct slice path)
{
	const char *slash = strrchr(yaml->name, '/');
	struct buf text = { 0 };

	if (slash && path.ptr[0] != '/') {
		buf_put(&text, yaml->name, (size_t)(slash - yaml->name) + 1);
	}
	buf_put_slice(&text, path);
	return buf_steal(&text);
}

static int expand_file(
    const struct yaml_node *node, struct slice name, struct buf *out, struct err *err)
{
	size_t begin = out->len;
	char *path = NULL;
	int r = 0;

	if (name.len == 0) {
		return yaml_error(node, err, "${file:} needs a path after the colon");
	}
	path = file_path(node->yaml, name);
	if (!path) {
		return err_set(err, ENOMEM, "%s: out of memory", node->yaml->name);
	}
	r = put_file(out, path);
	if (r == -EINVAL) {
		r = yaml_error(node, err, "${file:%.*s}: %s is not a regular file",
		    SLICE_ARG(name), path);
	} else if (r != 0) {
		r = yaml_error(node, err, "${file:%.*s}: cannot read %s: %s",
		    SLICE_ARG(name), path, strerror(-r));
	} else if (out->len > begin && memchr(out->ptr + begin, '\0', out->len - begin)) {
		r = yaml_error(node, err, "${file:%.*s}: %s holds a zero byte",
		    SLICE_ARG(name), path);
	}
	free(path);
	return r;
}

static int expand_variable(
    const struct yaml_node *node, struct slice name, struct buf *out, struct err *err)
{
	char text[256];
	const char *value = NULL;

	if (!is_name(name) || name.len >= sizeof(text)) {
		return yaml_error(node, err,
		    "expected ${NAME} or ${file:PATH}; write $${ for a literal ${");
	}
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	value = getenv(text);
	if (!value) {
		return yaml_error(
		    node, err, "the environment variable %s is not set", text);
	}
	if (strlen(value) > REPLACED_LIMIT) {
		return yaml_error(
		    node, err, "the environment variable %s is too long", text);
	}
	buf_puts(out, value);
	return 0;
}

/* Replaces one ${…}, given what is between the braces. */
static int expand_one(struct yaml *yaml, const struct yaml_node *node, struct slice name,
    struct buf *out, struct err *err)
{
	const struct slice file = SLICE("file:");
	size_t begin = out->len;
	int r = 0;

	if (slice_starts(name, file)) {
		name.ptr += file.len;
		name.len -= file.len;
		r = expand_file(node, name, out, err);
	} else {
		r = expand_variable(node, name, out, err);
	}
	if (r != 0) {
		return r;
	}
	yaml->expanded_bytes += out->len - begin;
	if (yaml->expanded_bytes > EXPANDED_LIMIT) {
		return yaml_error(
		    node, err, "the replaced ${…} of this file exceed 16 MiB");
	}
	return 0;
}

/* The first ${ of text, or NULL. */
static const char *find_opening(struct slice text)
{
	while (text.len > 1) {
		const char *dollar = memchr(text.ptr, '$', text.len - 1);

		if (!dollar || dollar[1] == '{') {
			return dollar;
		}
		text.len -= (size_t)(dollar + 1 - text.ptr);
		text.ptr = dollar + 1;
	}
	return NULL;
}

int yaml_expand(struct yaml *yaml, struct yaml_node *node, struct err *err)
{
	struct slice rest = slice_of(node->text);
	const char *dollar = find_opening(rest);
	struct buf out = { 0 };
	char *text = NULL;
	int r = 0;

	if (!dollar) {
		return 0;
	}
	for (; dollar && r == 0; dollar = find_opening(rest)) {
		struct slice before = { rest.ptr, (size_t)(dollar - rest.ptr) };
		struct slice inner = { dollar + 2, rest.len - before.len - 2 };
		struct slice name = { NULL, 0 };

		rest = inner;
		buf_put_slice(&out, before);
		if (before.len > 0 && dollar[-1] == '$') {
			buf_putc(&out, '{'); /* its first $ is there already */
			continue;
		}
		name = slice_cut(&rest, '}');
		if (!rest.ptr) {
			r = yaml_error(node, err,
			    "'${' has no '}' after it; write $${ for a literal ${");
		} else {
			r = expand_one(yaml, node, name, &out, err);
		}
	}
	buf_put_slice(&out, rest);
	if (r == 0) {
		text = buf_steal(&out);
		r = text ? 0 : err_set(err, ENOMEM, "%s: out of memory", yaml->name);
	}
	if (r == 0) {
		free(node->text);
		node->text = text;
	}
	buf_wipe(&out);
	return r;
}

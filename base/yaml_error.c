/* SPDX-License-Identifier: MIT */
/*
 * yaml_error: FILE:LINE:COLUMN: message, the source line, and a caret under the place.
 */
#include "base/buf.h"
#include "base/utf8.h"
#include "base/yaml_node.h"

#include <errno.h>
#include <stdio.h>

enum {
	MESSAGE_SIZE = 640,
	LINE_WIDTH = 100, /* characters of a long source line that are shown */
	LINE_BEFORE = 70, /* of them at most so many before the caret */
};

/* Source line number n, from 1, without its line end. Ends: LF, CR LF, CR
 * (YAML 1.2.2, 5.4). */
static struct slice source_line(const struct yaml *yaml, int n)
{
	struct slice rest = { yaml->source, yaml->source_len };
	size_t len = 0;

	while (--n > 0 && rest.len > 0) {
		size_t i = 0;

		while (i < rest.len && rest.ptr[i] != '\n' && rest.ptr[i] != '\r') {
			i++;
		}
		if (i + 1 < rest.len && rest.ptr[i] == '\r' && rest.ptr[i + 1] == '\n') {
			i++;
		}
		i = i < rest.len ? i + 1 : i;
		rest.ptr += i;
		rest.len -= i;
	}
	while (len < rest.len && rest.ptr[len] != '\n' && rest.ptr[len] != '\r') {
		len++;
	}
	return (struct slice){ rest.ptr, len };
}

/* The next character of a line as it is shown; what a terminal might act on becomes '?'.
 */
static struct slice cut_character(struct slice *line)
{
	size_t len = utf8_length(*line);
	struct slice shown = { line->ptr, len };
	unsigned char c = (unsigned char)line->ptr[0];
	bool c1 = len == 2 && c == 0xC2 && (unsigned char)line->ptr[1] < 0xA0;

	if (len == 0 || c1 || (c < 0x20 && c != '\t') || c == 0x7F) {
		shown = SLICE("?");
	}
	len = len > 0 ? len : 1;
	line->ptr += len;
	line->len -= len;
	return shown;
}

/* Writes the line and below it the caret; a long line is cut on both sides. */
static void put_source(struct buf *out, struct slice line, int column)
{
	struct buf caret = { 0 };
	int first = column > LINE_BEFORE ? column - LINE_BEFORE : 1;
	int at = 1;

	buf_putc(out, '\n');
	for (; line.len > 0 && at < first + LINE_WIDTH; at++) {
		struct slice shown = cut_character(&line);

		if (at < first) {
			continue;
		}
		buf_put_slice(out, shown);
		if (at < column) { /* a tab stays one, so that the caret stands right */
			buf_putc(
			    &caret, shown.len == 1 && shown.ptr[0] == '\t' ? '\t' : ' ');
		}
	}
	for (at = at > first ? at : first; at < column; at++) {
		buf_putc(&caret, ' '); /* the place is past the end of the line */
	}
	buf_putc(out, '\n');
	buf_put_slice(out, buf_slice(&caret));
	buf_putc(out, '^');
	buf_finish(&caret);
}

static int place_error(
    const struct yaml *yaml, int line, int column, struct err *err, const char *message)
{
	struct buf source = { 0 };

	put_source(&source, source_line(yaml, line), column);
	(void)err_set(err, EINVAL, "%.400s:%d:%d: %s%.*s", yaml->name, line, column,
	    message, SLICE_ARG(buf_slice(&source)));
	buf_finish(&source);
	return -EINVAL;
}

int yaml_place_error(const struct yaml *yaml, int line, int column, struct err *err,
    const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args); /* cut is fine */
	va_end(args);
	return place_error(yaml, line, column, err, message);
}

int yaml_error(const struct yaml_node *node, struct err *err, const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args); /* cut is fine */
	va_end(args);
	if (!node) {
		return err_set(err, EINVAL, "%s", message);
	}
	return place_error(node->yaml, node->line, node->column, err, message);
}

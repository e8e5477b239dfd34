/* SPDX-License-Identifier: MIT */
/*
 * err: the message of a failure.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *err, int code, const char *format, ...)
{
	/* through a copy: a caller may pass err->text itself as an argument to wrap it */
	char text[sizeof(err->text)];
	va_list args;

	if (err) {
		va_start(args, format);
		(void)vsnprintf(text, sizeof(text), format, args); /* cut is fine */
		va_end(args);
		(void)snprintf(err->text, sizeof(err->text), "%s", text);
	}
	return -code;
}

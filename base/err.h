/* SPDX-License-Identifier: MIT */
/*
 * err: why something failed, in words for the person who can mend it.
 *
 * Start-up and configuration functions take one last; lower folders never log.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))

struct err {
	char text[2048]; /* one line, or a FILE:LINE:COLUMN: line with a caret below it */
};

/*
 * Writes the message and returns -code, so that a function can `return err_set(err,
 * EINVAL, …)`. err may be NULL.
 */
int err_set(struct err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

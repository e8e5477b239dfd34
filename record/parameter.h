/* SPDX-License-Identifier: MIT */
/*
 * parameter: the parameters of a header value such as form-data; name="x".
 */
#ifndef RECORD_PARAMETER_H
#define RECORD_PARAMETER_H

#include "base/buf.h"

/*
 * Appends the value of a parameter (any case) to out, without its quotes (RFC
 * 9110 5.6.6). The extended form name*=UTF-8''%41 (RFC 8187) goes before the plain one.
 * Browsers write a quote in a file name as %22 (WHATWG HTML 4.10.21.8): it stays so.
 * Returns false when it is not there.
 */
bool parameter_find(struct slice value, struct slice name, struct buf *out);

#endif

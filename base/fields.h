/* SPDX-License-Identifier: MIT */
/*
 * fields: a block of header lines, "Name: value\r\n" each, already validated by the gate.
 */
#ifndef BASE_FIELDS_H
#define BASE_FIELDS_H

#include "base/slice.h"

struct field {
	struct slice name;
	struct slice value; /* without blanks at its ends */
	struct slice line;  /* the whole line with its CRLF */
};

/*
 * Steps through a block: *rest starts as the block and shrinks.
 * Returns false at its end. The field borrows from the block.
 */
bool fields_next(struct slice *rest, struct field *ret_field);

/* The value of the first field of that name (any case), or a slice with ptr NULL. */
struct slice fields_find(struct slice block, struct slice name);

/*
 * Is token a member of the comma-separated list in any field of that name? (RFC
 * 9110 5.6.1; any case, parameters after ';' are not part of the token)
 */
bool fields_list_has(struct slice block, struct slice name, struct slice token);

#endif

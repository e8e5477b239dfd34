/* SPDX-License-Identifier: MIT */
/*
 * json_text: what a single scalar of a payload becomes. Private to json_redact.
 */
#ifndef RECORD_JSON_TEXT_H
#define RECORD_JSON_TEXT_H

#include "record/json_redact.h"

/* Writes a string that is no secret as a whole: JSON in it, and URLs, may still hold
 * some. bytes: the kinds that it has (json_bytes.h). */
void json_text_put(struct json_redact *json, struct slice text, unsigned int bytes);

/* Writes a string or a name in which nothing is to be masked. */
void json_text_same(struct json_redact *json, struct slice text, unsigned int bytes);

/* Writes "[redacted]" in place of the scalar that comes. */
void json_text_mask(struct json_redact *json);

/* Fits PostgreSQL's numeric: 131072 digits before the point, 16383 after. */
bool json_number_fits(struct slice digits);

/* A payment card's number; of 14 digits or more, since times and ids are numbers too. */
bool json_number_is_card(struct slice digits);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * redaction_table: conf/redaction.yaml as C data, made at build time.
 */
#ifndef RECORD_REDACTION_TABLE_H
#define RECORD_REDACTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* A name whose value is a secret: lower-case, without '-' and '_'. */
struct redaction_name {
	const char *text;
	bool open_begin; /* anything may stand before it */
	bool open_end;   /* anything may follow */
	bool query;      /* in the query of a URL only */
};

/* What a secret looks like wherever it stands. */
struct redaction_value {
	const char *name;
	const char *regex;
	const char *needs; /* one of these bytes is in every match; "": not known */
	bool luhn;         /* a match counts only when its digits pass the Luhn check */
};

extern const struct redaction_name redaction_names[];
extern const size_t redaction_name_count;
/* Whole names that are none, though the list above has them: written as there. */
extern const char *const redaction_harmless[];
extern const size_t redaction_harmless_count;
extern const struct redaction_value redaction_values[];
extern const size_t redaction_value_count;

#endif

/* SPDX-License-Identifier: MIT */
/*
 * outcome: the table of outcome.def three times over.
 */
#include "record/outcome.h"

#include <stddef.h>

struct outcome_row {
	const char *code;
	const char *text;
	int status;
};

static const struct outcome_row rows[OUTCOME_COUNT] = {
	[OUTCOME_ANSWERED] = { NULL, "the API answered", 0 },
#define OUTCOME(symbol, status, text) [OUTCOME_##symbol] = { #symbol, text, status },
#include "record/outcome.def"
#undef OUTCOME
};

static const struct outcome_row *row_of(enum outcome outcome)
{
	unsigned int i = (unsigned int)outcome;

	return &rows[i < OUTCOME_COUNT ? i : 0];
}

const char *outcome_code(enum outcome outcome)
{
	return row_of(outcome)->code;
}

const char *outcome_text(enum outcome outcome)
{
	return row_of(outcome)->text;
}

int outcome_status(enum outcome outcome)
{
	return row_of(outcome)->status;
}

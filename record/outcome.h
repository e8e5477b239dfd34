/* SPDX-License-Identifier: MIT */
/*
 * outcome: the transport codes, one table (outcome.def).
 */
#ifndef RECORD_OUTCOME_H
#define RECORD_OUTCOME_H

enum outcome {
	OUTCOME_ANSWERED, /* the API's whole answer came */

#define OUTCOME(symbol, status, text) OUTCOME_##symbol,
#include "record/outcome.def"
#undef OUTCOME
	OUTCOME_COUNT
};

/* "DNS_FAILED"; NULL for OUTCOME_ANSWERED. */
const char *outcome_code(enum outcome outcome);

/* One sentence without a full stop. */
const char *outcome_text(enum outcome outcome);

/* The status waybill itself answers with, or 0 where no answer can be sent. */
int outcome_status(enum outcome outcome);

#endif

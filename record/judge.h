/* SPDX-License-Identifier: MIT */
/*
 * judge: did the call succeed, and if not, in whose words did it fail?
 */
#ifndef RECORD_JUDGE_H
#define RECORD_JUDGE_H

#include "record/call.h"
#include "record/payload.h"
#include "sql/row.h"

struct verdict {
	enum row_status status; /* success, failed or pending */
	bool empty_poll;        /* a long poll that brought nothing */
	struct buf code;        /* empty unless failed; not yet masked by value; wiped */
	struct buf message;
};

void verdict_finish(struct verdict *verdict);

/*
 * Adds the pointers of the route's judgement to the watch of the response.
 * Returns the number of the first; judge_call takes it.
 */
int judge_watch(const struct route *route, struct watch *watch);

/* Judges. Texts lose the secrets with a place or a name (redaction notes their values).
 */
void judge_call(const struct call *call, const struct payload *response,
    const struct watch *watch, int first, struct redaction *redaction,
    struct verdict *ret_verdict);

#endif

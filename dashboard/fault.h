/* SPDX-License-Identifier: MIT */
/*
 * fault: what the database said, as an answer to whoever asked.
 */
#ifndef DASHBOARD_FAULT_H
#define DASHBOARD_FAULT_H

#include "dashboard/http.h"
#include "sql/ask.h"

/* Empties the body and answers 504 (it took too long) or 503, with what to do. A zeroed
 * fault stands for want of memory. */
void reply_fault(struct reply *reply, const struct ask_fault *fault);

#endif

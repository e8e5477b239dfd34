/* SPDX-License-Identifier: MIT */
#include "dashboard/fault.h"

void reply_fault(struct reply *reply, const struct ask_fault *fault)
{
	buf_finish(&reply->body);
	if (strcmp(fault->sqlstate, "57014") == 0) {
		reply_error(reply, 504, fault->sqlstate,
		    "the database took too long: choose a shorter range, or name a service");
	} else if (strcmp(fault->sqlstate, "42P01") == 0) {
		reply_error(reply, 503, fault->sqlstate, "%s; run `waybill migrate`",
		    fault->message);
	} else if (fault->sqlstate[0]) {
		reply_error(reply, 503, fault->sqlstate, "%s", fault->message);
	} else {
		reply_error(reply, 503, "53200", "out of memory");
	}
}

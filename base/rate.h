/* SPDX-License-Identifier: MIT */
/*
 * rate: so many events in a second, a minute or an hour, and as many at once after a
 * rest. The generic cell rate algorithm (ITU-T I.371): one number says when the next is
 * due.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdatomic.h>
#include <stdint.h>

/* Zeroed: no limit. */
struct rate_limit {
	int64_t interval_ns; /* between two events that come evenly */
	int64_t period_ns;   /* as many as fit in here may come at once */
};

/* What has been used of a limit. A zeroed one has used nothing. Any thread. */
struct rate {
	_Atomic int64_t due_ns;
};

/*
 * An event comes at now_ns on the monotonic clock. Returns 0 when it may, and counts it;
 * else after how many ns one may.
 */
int64_t rate_take(struct rate *rate, const struct rate_limit *limit, int64_t now_ns);

#endif

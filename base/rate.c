/* SPDX-License-Identifier: MIT */
#include "base/rate.h"

int64_t rate_take(struct rate *rate, const struct rate_limit *limit, int64_t now_ns)
{
	int64_t old = atomic_load_explicit(&rate->due_ns, memory_order_relaxed);
	int64_t due = 0;

	if (limit->interval_ns == 0) {
		return 0;
	}
	do {
		int64_t wait = 0;

		due = old > now_ns ? old : now_ns;
		wait = due - now_ns - (limit->period_ns - limit->interval_ns);
		if (wait > 0) {
			return wait;
		}
	} while (!atomic_compare_exchange_weak_explicit(&rate->due_ns, &old,
	    due + limit->interval_ns, memory_order_relaxed, memory_order_relaxed));
	return 0;
}

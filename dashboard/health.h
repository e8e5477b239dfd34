/* SPDX-License-Identifier: MIT */
/*
 * health: what /readyz and /metrics say of the store and of delivery.
 */
#ifndef DASHBOARD_HEALTH_H
#define DASHBOARD_HEALTH_H

#include "dashboard/admin.h"

struct health {
	bool store_ok;
	char store_message[512]; /* what is wrong and what to do; "" while all is well */
	bool delivers;           /* there is a PostgreSQL to deliver to */
	bool stuck;              /* in trouble for longer than stuck_after_ns */
	struct shipper_status delivery; /* zeroed where there is none */
};

/* Asks the parts; may wait for the store a little. */
void health_look(const struct admin_parts *parts, struct health *ret_health);

#endif

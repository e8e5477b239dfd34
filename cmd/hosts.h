/* SPDX-License-Identifier: MIT */
/*
 * hosts: the host patterns of all services, as the CA wants them.
 */
#ifndef CMD_HOSTS_H
#define CMD_HOSTS_H

#include "routes/routes.h"

struct host_list {
	const char **item; /* owned array of texts borrowed from the table */
	size_t count;
};

/* Borrows from the table until host_list_finish. Returns 0 or -ENOMEM. */
MUST_CHECK int host_list_init(
    struct host_list *list, const struct route_table *table, struct err *err);
void host_list_finish(struct host_list *list);

#endif

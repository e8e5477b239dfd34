/* SPDX-License-Identifier: MIT */
#include "cmd/hosts.h"

#include <errno.h>
#include <stdlib.h>

int host_list_init(
    struct host_list *list, const struct route_table *table, struct err *err)
{
	size_t count = 0;

	for (size_t i = 0; i < route_table_count(table); i++) {
		count += route_table_service(table, i)->host_count;
	}
	list->count = 0;
	list->item = calloc(count + 1, sizeof(*list->item));
	if (!list->item) {
		return err_set(err, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < route_table_count(table); i++) {
		const struct service *service = route_table_service(table, i);

		for (size_t h = 0; h < service->host_count; h++) {
			list->item[list->count++] = service->hosts[h];
		}
	}
	return 0;
}

void host_list_finish(struct host_list *list)
{
	free(list->item);
	list->item = NULL;
	list->count = 0;
}

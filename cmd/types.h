/* SPDX-License-Identifier: MIT */
/*
 * types: TypeScript for integration_logs: its rows, unions of what the service files
 * name, and the Database type that supabase-js takes. The same service files give the
 * same text.
 */
#ifndef CMD_TYPES_H
#define CMD_TYPES_H

#include "base/buf.h"
#include "routes/routes.h"

/* Appends the module; out->failed when there is no memory. */
void types_put(const struct route_table *table, struct buf *out);

#endif

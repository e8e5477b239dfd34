/* SPDX-License-Identifier: MIT */
#include "sql/sqlstate.h"

#include <stddef.h>
#include <string.h>

struct entry {
	const char *prefix;
	enum delivery_class class;
	const char *advice;
};

static const struct entry entries[] = {

#define SQLSTATE(prefix, class, advice) { prefix, DELIVERY_##class, advice },
#include "sql/sqlstate.def"
#undef SQLSTATE
};

static const struct entry no_partition = { "23514", DELIVERY_SCHEMA,
	"no partition of integration_logs takes these rows: add one, best a DEFAULT "
	"partition" };

static const struct entry *find(const char *sqlstate, bool has_constraint)
{
	const struct entry *best = NULL;
	size_t best_len = 0;

	if (strcmp(sqlstate, no_partition.prefix) == 0 && !has_constraint) {
		return &no_partition;
	}
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		size_t len = strlen(entries[i].prefix);

		if (len > best_len && strncmp(sqlstate, entries[i].prefix, len) == 0) {
			best = &entries[i];
			best_len = len;
		}
	}
	return best;
}

enum delivery_class sqlstate_class(const char *sqlstate, bool has_constraint)
{
	const struct entry *entry = find(sqlstate, has_constraint);

	return entry ? entry->class : DELIVERY_RESOURCES;
}

const char *sqlstate_advice(const char *sqlstate, bool has_constraint)
{
	const struct entry *entry = find(sqlstate, has_constraint);

	return entry ? entry->advice : NULL;
}

/* SPDX-License-Identifier: MIT */
#include "sql/column.h"

#include "base/buf.h"

static const struct {
	const char *name;
	enum column_kind kind;
} columns[] = {

#define COLUMN(symbol, name, kind) [COLUMN_##symbol] = { name, COLUMN_KIND_##kind },
#include "sql/column.def"
#undef COLUMN
};

const char *column_name(enum column column)
{
	return columns[column].name;
}

enum column_kind column_kind(enum column column)
{
	return columns[column].kind;
}

char *column_list(const char *prefix)
{
	struct buf list = { 0 };

	for (int i = 0; i < COLUMN_COUNT; i++) {
		buf_puts(&list, i > 0 ? ", " : "");
		buf_puts(&list, prefix);
		buf_puts(&list, columns[i].name);
	}
	if (list.failed) {
		buf_finish(&list);
		return NULL;
	}
	return buf_steal(&list);
}

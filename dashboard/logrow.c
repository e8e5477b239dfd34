/* SPDX-License-Identifier: MIT */
#include "dashboard/logrow.h"

#include "base/json.h"

#include <stdlib.h>

static bool is_time(int column)
{
	return column == COLUMN_CREATED_AT || column == COLUMN_UPDATED_AT;
}

void logrow_put_columns(
    struct buf *sql, enum ask_dialect dialect, const char *prefix, bool payloads)
{
	bool first = true;

	for (int i = 0; i < COLUMN_COUNT; i++) {
		const char *name = column_name((enum column)i);
		bool json = column_kind((enum column)i) == COLUMN_KIND_JSON;

		if (json && !payloads) {
			continue;
		}
		buf_puts(sql, first ? "" : ", ");
		first = false;
		if (dialect == ASK_POSTGRES && is_time(i)) {
			buf_printf(sql,
			    "to_char(%s%s AT TIME ZONE 'UTC', "
			    "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
			    prefix, name);
		} else {
			buf_printf(sql, "%s%s", prefix, name);
		}
	}
}

void logrow_put_json(struct buf *out, const struct ask_cell *cells)
{
	size_t at = 0;

	for (int i = 0; i < COLUMN_COUNT; i++) {
		enum column_kind kind = column_kind((enum column)i);
		const struct ask_cell *cell = &cells[at];

		if (kind == COLUMN_KIND_JSON) {
			continue;
		}
		buf_printf(
		    out, "%c\"%s\":", at == 0 ? '{' : ',', column_name((enum column)i));
		if (cell->null) {
			buf_puts(out, "null");
		} else if (kind == COLUMN_KIND_INTEGER) {
			buf_put_slice(out, cell->text);
		} else {
			json_put_string(out, cell->text);
		}
		at++;
	}
	buf_putc(out, '}');
}

int64_t logrow_number(const struct ask_cell *cell)
{
	char text[24] = "";

	if (cell->null || cell->text.len >= sizeof(text)) {
		return 0;
	}
	memcpy(text, cell->text.ptr, cell->text.len);
	return strtoll(text, NULL, 10);
}

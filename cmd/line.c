/* SPDX-License-Identifier: MIT */
#include "cmd/line.h"

#include <sqlite3.h>

#include "cmd/print.h"
#include "sql/column.h"
#include "sql/row.h"

#define NAME_SHOWN    64  /* bytes of a name */
#define MESSAGE_SHOWN 300 /* bytes of an error message */

static const char *text_of(sqlite3_stmt *row, enum column column)
{
	return (const char *)sqlite3_column_text(row, (int)column);
}

static void put_cell(struct buf *line, const char *text, size_t width)
{
	size_t from = line->len;

	print_clean(line, text ? text : "-", NAME_SHOWN);
	print_pad(line, from, width);
	buf_puts(line, "  ");
}

static void put_status(struct buf *line, const char *status, bool colour)
{
	static const char *const codes[] = {
		[ROW_SUCCESS] = "\033[32m",
		[ROW_FAILED] = "\033[31m",
		[ROW_PENDING] = "\033[33m",
		[ROW_RETRYING] = "\033[36m",
	};
	enum row_status known;

	if (!colour || !row_status_parse(slice_of(status), &known)) {
		put_cell(line, status, 8);
		return;
	}
	buf_puts(line, codes[known]);
	put_cell(line, status, 8);
	buf_puts(line, "\033[0m");
}

static void put_error(struct buf *line, sqlite3_stmt *row)
{
	const char *code = text_of(row, COLUMN_ERROR_CODE);
	const char *message = text_of(row, COLUMN_ERROR_MESSAGE);

	if (!code && !message) {
		return;
	}
	buf_puts(line, "  ");
	print_clean(line, code ? code : "", NAME_SHOWN);
	buf_puts(line, code && message ? ": " : "");
	print_clean(line, message ? message : "", MESSAGE_SHOWN);
}

void line_put(struct buf *line, sqlite3_stmt *row, bool colour)
{
	const char *created = text_of(row, COLUMN_CREATED_AT);
	const char *entity = text_of(row, COLUMN_RELATED_ENTITY_TYPE);
	const char *entity_id = text_of(row, COLUMN_RELATED_ENTITY_ID);
	int retries = sqlite3_column_int(row, COLUMN_RETRY_COUNT);

	print_local_time(line, created ? created : "-");
	buf_puts(line, "  ");
	put_status(line, text_of(row, COLUMN_STATUS), colour);
	put_cell(line, text_of(row, COLUMN_SERVICE_NAME), 9);
	put_cell(line, text_of(row, COLUMN_ACTION), 24);
	if (sqlite3_column_type(row, COLUMN_DURATION_MS) == SQLITE_NULL) {
		buf_printf(line, "%9s", "-");
	} else {
		buf_printf(
		    line, "%6lld ms", sqlite3_column_int64(row, COLUMN_DURATION_MS));
	}
	if (retries > 0) {
		buf_printf(line, "  retry %d", retries);
	}
	put_error(line, row);
	if (entity || entity_id) {
		buf_puts(line, "  ");
		print_clean(line, entity ? entity : "", NAME_SHOWN);
		buf_putc(line, '/');
		print_clean(line, entity_id ? entity_id : "", NAME_SHOWN);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * line: a row of integration_logs as one line for people.
 */
#ifndef CMD_LINE_H
#define CMD_LINE_H

#include "base/buf.h"

struct sqlite3_stmt;

/*
 * Appends local time, status (coloured if so wished), service, action, duration, retries,
 * error and entity of the statement's current row; its columns are numbered by enum
 * column. No line break at the end, and none within.
 */
void line_put(struct buf *line, struct sqlite3_stmt *row, bool colour);

#endif

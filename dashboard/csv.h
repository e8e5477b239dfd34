/* SPDX-License-Identifier: MIT */
/*
 * csv: cells of a CSV file (RFC 4180) that a spreadsheet opens without running anything.
 */
#ifndef DASHBOARD_CSV_H
#define DASHBOARD_CSV_H

#include "base/buf.h"

#include <stdbool.h>

/*
 * Appends one cell. A cell that a spreadsheet would take for a formula (it begins with =,
 * +, -, @, a tab or a carriage return) gets an apostrophe in front. null: nothing at all,
 * which the empty text is not: that is "".
 * Source: owasp.org/www-community/attacks/CSV_Injection
 */
void csv_put_cell(struct buf *out, struct slice text, bool null);

#endif

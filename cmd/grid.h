/* SPDX-License-Identifier: MIT */
/*
 * grid: cells in columns, for a terminal. Zeroed but for columns to begin with.
 */
#ifndef CMD_GRID_H
#define CMD_GRID_H

#include "base/buf.h"

#define GRID_COLUMNS_MAX 8

/* A table's cells, row by row; the first row is its header. */
struct grid {
	char **cell;
	size_t count;
	size_t cap;
	size_t width[GRID_COLUMNS_MAX]; /* characters */
	bool right[GRID_COLUMNS_MAX];   /* numbers */
	int columns;
};

/* Takes the content of text as the next cell. False: out of memory. */
bool grid_add(struct grid *grid, struct buf *text);

/* Appends the table: numbers to the right, everything else to the left. */
void grid_put(const struct grid *grid, struct buf *out);

void grid_finish(struct grid *grid);

#endif

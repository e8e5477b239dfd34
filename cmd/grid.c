/* SPDX-License-Identifier: MIT */
#include "cmd/grid.h"

#include <stdlib.h>

#include "base/array.h"
#include "cmd/print.h"

void grid_finish(struct grid *grid)
{
	for (size_t i = 0; i < grid->count; i++) {
		free(grid->cell[i]);
	}
	free(grid->cell);
}

static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++) {
		n += ((unsigned char)*text & 0xc0) != 0x80; /* not a continuation */
	}
	return n;
}

bool grid_add(struct grid *grid, struct buf *text)
{
	size_t column = grid->count % (size_t)grid->columns;
	char **more;
	char *cell;

	more = array_grow(grid->cell, grid->count, &grid->cap, sizeof(*more));
	if (!more) {
		buf_finish(text);
		return false;
	}
	grid->cell = more;
	cell = buf_steal(text);
	if (!cell) {
		buf_finish(text);
		return false;
	}
	if (characters(cell) > grid->width[column]) {
		grid->width[column] = characters(cell);
	}
	grid->cell[grid->count++] = cell;
	return true;
}

void grid_put(const struct grid *grid, struct buf *out)
{
	for (size_t i = 0; i < grid->count; i++) {
		size_t column = i % (size_t)grid->columns;
		size_t gap = grid->width[column] - characters(grid->cell[i]);
		bool last = column + 1 == (size_t)grid->columns;
		size_t from;

		if (grid->right[column]) {
			from = out->len;
			print_pad(out, from, gap);
		}
		from = out->len;
		buf_puts(out, grid->cell[i]);
		if (!last) {
			print_pad(
			    out, from, grid->right[column] ? 0 : grid->width[column]);
		}
		buf_puts(out, last ? "\n" : "  ");
	}
}

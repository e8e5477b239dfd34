/* SPDX-License-Identifier: MIT */
/*
 * insert: rows of a batch as the parameters of one INSERT: an array per column.
 */
#ifndef SQL_INSERT_H
#define SQL_INSERT_H

#include "sql/shipment.h"
#include "sql/wire.h"

/* A zeroed struct is empty; it keeps its memory between uses. */
struct insert {
	struct buf arrays; /* owned: PostgreSQL's binary arrays, one after the other */
	const char *value[COLUMN_COUNT];
	int length[COLUMN_COUNT];
};

void insert_finish(struct insert *insert);

/*
 * Encodes rows [from, to) of the batch, which must be fit (repair_fit). *ret_params
 * borrows from insert. Returns 0 or -ENOMEM.
 */
MUST_CHECK int insert_encode(struct insert *insert, const struct shipment *batch,
    size_t from, size_t to, struct statement_params *ret_params);

/* An integer column's text as a number, for what is in the batch. */
bool insert_integer(struct slice text, int64_t *ret_number);

#endif

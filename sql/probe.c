/* SPDX-License-Identifier: MIT */
/*
 * probe: whether the next row would find its way into the store.
 */
#include "sql/handle.h"
#include "sql/room.h"

#include <errno.h>

/* Two bodies of the usual size (capture.max_body), escaped: a row needs about that. */
#define ROOM_BYTES (INT64_C(256) * 1024)

/* What the rows can still use: pages of the file that are free, and the disk. */
static int64_t count_room(struct store *store)
{
	static const char sql[] = "SELECT freelist_count * page_size FROM"
	                          " pragma_freelist_count, pragma_page_size";
	sqlite3_stmt *query = NULL;
	int64_t room = 0;
	int64_t left;

	if (!room_left(store->path, &left)) {
		return INT64_MAX; /* not known: a commit then tells */
	}
	if (sqlite3_prepare_v2(store->db, sql, -1, &query, NULL) == SQLITE_OK &&
	    sqlite3_step(query) == SQLITE_ROW) {
		room = sqlite3_column_int64(query, 0);
	}
	(void)sqlite3_finalize(query);
	return room + (left > 0 ? left : 0);
}

int store_probe(struct store *store, struct err *err)
{
	/* a link of a chain that is no call's; gone again in the same transaction */
	const struct chain_link none = { .retry_count = 0 };
	int64_t room;
	int r = store_begin(store, err);

	r = r ? r : store_put_chain(store, &none, err);
	r = r ? r : store_drop_chain(store, none.fingerprint, err);
	r = r ? r : store_commit(store, err);
	if (r != 0) {
		store_rollback(store);
		return r;
	}
	/* small commits go on for a while on a full disk, in the WAL's old pages */
	room = count_room(store);
	return room >= ROOM_BYTES
	           ? 0
	           : err_set(err, ENOSPC,
	                 "%s: the disk is full (%lld KiB are left): make room, or rows "
	                 "will be lost",
	                 store->path, (long long)(room / 1024));
}

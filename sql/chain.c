/* SPDX-License-Identifier: MIT */
/*
 * Retry chains in the store: the last failed attempt of each call that may be made again.
 */
#include <string.h>

#include "sql/handle.h"
#include "sql/store.h"

#define FINGERPRINT_SIZE ((int)sizeof(((struct chain_link *)NULL)->fingerprint))

int store_put_chain(struct store *store, const struct chain_link *link, struct err *err)
{
	sqlite3_stmt *put = store->statement[STATEMENT_PUT_CHAIN];
	char id[UUID_TEXT_SIZE];
	int code;

	uuid_format(&link->id, id);
	code =
	    sqlite3_bind_blob(put, 1, link->fingerprint, FINGERPRINT_SIZE, SQLITE_STATIC);
	if (code == SQLITE_OK) {
		code = sqlite3_bind_text(put, 2, id, -1, SQLITE_STATIC);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_bind_int(put, 3, link->retry_count);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_bind_int64(put, 4, link->created_us);
	}
	if (code == SQLITE_OK) {
		code = handle_run(store, STATEMENT_PUT_CHAIN);
	}
	return code == SQLITE_OK ? 0
	                         : handle_fault(store, code, "store a retry chain", err);
}

int store_drop_chain(struct store *store, const uint8_t fingerprint[16], struct err *err)
{
	int code = sqlite3_bind_blob(store->statement[STATEMENT_DROP_CHAIN], 1,
	    fingerprint, FINGERPRINT_SIZE, SQLITE_STATIC);

	if (code == SQLITE_OK) {
		code = handle_run(store, STATEMENT_DROP_CHAIN);
	}
	return code == SQLITE_OK ? 0
	                         : handle_fault(store, code, "drop a retry chain", err);
}

/* Reads the link of the current result row; false when its columns are not what we write.
 */
static bool read_link(sqlite3_stmt *load, struct chain_link *ret_link)
{
	const void *fingerprint = sqlite3_column_blob(load, 0);
	const char *id = (const char *)sqlite3_column_text(load, 1);

	if (!fingerprint || sqlite3_column_bytes(load, 0) != FINGERPRINT_SIZE || !id ||
	    !uuid_parse(slice_of(id), &ret_link->id)) {
		return false;
	}
	memcpy(ret_link->fingerprint, fingerprint, sizeof(ret_link->fingerprint));
	ret_link->retry_count = sqlite3_column_int(load, 2);
	ret_link->created_us = sqlite3_column_int64(load, 3);
	return true;
}

int store_load_chains(struct store *store, int64_t since_us,
    void (*visit)(void *arg, const struct chain_link *link), void *arg, struct err *err)
{
	sqlite3_stmt *load = store->statement[STATEMENT_LOAD_CHAINS];
	struct chain_link link;
	int code =
	    sqlite3_bind_int64(store->statement[STATEMENT_DROP_OLD_CHAINS], 1, since_us);

	if (code == SQLITE_OK) {
		code = handle_run(store, STATEMENT_DROP_OLD_CHAINS);
	}
	if (code == SQLITE_OK) {
		while ((code = sqlite3_step(load)) == SQLITE_ROW) {
			if (read_link(load, &link)) {
				visit(arg, &link);
			}
		}
		(void)sqlite3_reset(load); /* repeats the code of the step */
	}
	return code == SQLITE_DONE
	           ? 0
	           : handle_fault(store, code, "load the retry chains", err);
}

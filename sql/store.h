/* SPDX-License-Identifier: MIT */
/*
 * store: the local SQLite database, state_dir/waybill.db (WAL).
 *
 * One writing handle, owned by the recorder thread; readers open their own with
 * store_open_reader. Same table, indexes and views as PostgreSQL (uuids and times as
 * text). Writes go in batches: begin, puts, commit (group commit).
 */
#ifndef SQL_STORE_H
#define SQL_STORE_H

#include "base/err.h"
#include "sql/row.h"

struct sqlite3;
struct store;

enum store_sync { STORE_SYNC_OFF, STORE_SYNC_NORMAL, STORE_SYNC_FULL };

struct store_settings {
	const char *path; /* …/waybill.db */
	enum store_sync sync;
	bool deliver; /* note each changed row in the outbox, for the shipper
	                 (sql/outbox.h) */
};

/*
 * Opens or makes the database (mode 0600), applies what is missing of the schema.
 * A file that is no database or fails its quick check is renamed to PATH.corrupt-TIME and
 * a new one is begun; *ret_quarantined then holds its new name (free()), else NULL.
 */
MUST_CHECK int store_open(const struct store_settings *settings, struct store **ret_store,
    char **ret_quarantined, struct err *err);

/* NULL is fine. Checkpoints the WAL. */
void store_close(struct store *store);

/*
 * Calls on_commit(arg) after each batch that is committed, on the committing thread; it
 * must not block. To be set before another thread takes the store.
 */
void store_on_commit(struct store *store, void (*on_commit)(void *arg), void *arg);

/* Each returns 0 or a negative errno (-ENOSPC disk full, -EROFS, -EIO, …) with words in
 * err. */
MUST_CHECK int store_begin(struct store *store, struct err *err);
MUST_CHECK int store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store);

/*
 * Makes what is committed safe from a power cut. store_commit does it once a second by
 * itself (STORE_SYNC_NORMAL); call it when a burst is followed by silence, so that its
 * last commits do not wait for the next one. Nothing to do: returns 0 at once.
 */
MUST_CHECK int store_flush(struct store *store, struct err *err);

/*
 * Tries whether rows can be stored: a commit that leaves nothing, and room on the disk.
 * Outside a batch.
 */
MUST_CHECK int store_probe(struct store *store, struct err *err);

/* Inserts the row, or replaces all columns but id and created_at of the row with that id.
 */
MUST_CHECK int store_put(struct store *store, const struct row *row, struct err *err);

/* Sets status retrying on a failed row: the client has made the call again. */
MUST_CHECK int store_mark_retrying(
    struct store *store, const struct uuid *id, int64_t updated_us, struct err *err);

/* Turns the pending rows without a duration that a dead process left into failed /
 * PROXY_RESTARTED with this text; returns how many, or negative. Outside a batch. */
int store_fail_interrupted(
    struct store *store, const char *message, int64_t updated_us, struct err *err);

/*
 * Retry chains, so that they survive a restart: the last failed attempt of a call, by its
 * fingerprint.
 */
struct chain_link {
	uint8_t fingerprint[16];
	struct uuid id;      /* the row of the last failed attempt */
	int32_t retry_count; /* of that row */
	int64_t created_us;  /* when that attempt began */
};

MUST_CHECK int store_put_chain(
    struct store *store, const struct chain_link *link, struct err *err);
MUST_CHECK int store_drop_chain(
    struct store *store, const uint8_t fingerprint[16], struct err *err);
/* Drops the links begun before since_us and hands each of the others to visit. */
MUST_CHECK int store_load_chains(struct store *store, int64_t since_us,
    void (*visit)(void *arg, const struct chain_link *link), void *arg, struct err *err);

/*
 * Opens the database for reading only; the caller closes it with sqlite3_close.
 * Returns -ENOENT with words for the user while there is no database yet.
 */
MUST_CHECK int store_open_reader(
    const char *path, struct sqlite3 **ret_db, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * storage: the store, the recorder that fills it, and the shipper that empties its outbox
 * into PostgreSQL when one is configured.
 *
 * Thread: main's.
 */
#ifndef CMD_STORAGE_H
#define CMD_STORAGE_H

#include "cmd/settings.h"

struct recorder;
struct shipper;
struct storage;

/* settings: borrowed until storage_stop. A server that is away is no error. */
MUST_CHECK int storage_start(
    const struct settings *settings, struct storage **ret_storage, struct err *err);

struct recorder *storage_recorder(struct storage *storage);

/* NULL: rows stay in the store. */
struct shipper *storage_shipper(struct storage *storage);

/* Bytes of a body that the recorder can use. */
size_t storage_capture_limit(const struct storage *storage);

/* Stores all that was submitted, delivers what can be delivered shortly, frees. NULL is
 * fine. */
void storage_stop(struct storage *storage);

#endif

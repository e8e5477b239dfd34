/* SPDX-License-Identifier: MIT */
#include "cmd/storage.h"

#include "base/log.h"
#include "cmd/command.h"
#include "record/recorder.h"
#include "sql/ballast.h"
#include "sql/shipper.h"
#include "sql/store.h"

#include <errno.h>
#include <stdlib.h>

#define DRAIN_NS                                                                         \
	INT64_C(5000000000) /* for rows that the server has not had yet; they are safe   \
	                     */

struct storage {
	struct record_settings settings;
	char *store_path;
	char *ballast_path;
	char *chain_key_path;
	struct recorder *recorder;
	struct shipper *shipper; /* NULL: the store is the database */
};

static int open_store(const struct storage *storage, const struct settings *settings,
    struct store **ret_store, struct err *err)
{
	struct store_settings where = { .path = storage->store_path,
		.sync = settings->record_sync,
		.deliver = !settings_is_sqlite(settings) };
	char *quarantined = NULL;
	int rc = store_open(&where, ret_store, &quarantined, err);

	if (quarantined) {
		log_error("%s was damaged; it is kept as %s and a new one is begun",
		    storage->store_path, quarantined);
	}
	free(quarantined);
	return rc;
}

static int start_shipper(struct storage *storage, const struct settings *settings,
    struct store *store, struct err *err)
{
	struct shipper_settings shipper = { .store_path = storage->store_path,
		.database = settings->database,
		.ballast_path = storage->ballast_path };
	int rc;

	if (settings_is_sqlite(settings)) {
		return 0;
	}
	rc = shipper_start(&shipper, &storage->shipper, err);
	if (rc == 0) {
		store_on_commit(store, shipper_notify, storage->shipper);
	}
	return rc;
}

/* The parts in order; what was started before a failure is for storage_stop. */
static int start(
    struct storage *storage, const struct settings *settings, struct err *err)
{
	struct store *store = NULL;
	int rc;

	storage->store_path = command_state_path(settings, "waybill.db");
	storage->ballast_path = command_state_path(settings, BALLAST_NAME);
	storage->chain_key_path = command_state_path(settings, "chain.key");
	if (!storage->store_path || !storage->ballast_path || !storage->chain_key_path) {
		return err_set(err, ENOMEM, "out of memory");
	}
	storage->settings = (struct record_settings){
		.max_body = settings->capture_max_body,
		.payload = settings->capture_payload,
		.retry_window_ns = settings->record_retry_window_ns,
		.retention_success_ns = settings->retention_success_ns,
		.retention_all_ns = settings->retention_all_ns,
		.queue_bytes = settings->record_queue,
		.chain_key_path = storage->chain_key_path,
	};
	rc = open_store(storage, settings, &store, err);
	if (rc != 0) {
		return rc;
	}
	rc = start_shipper(storage, settings, store, err);
	if (rc != 0) {
		store_close(store);
		return rc;
	}
	return recorder_start(&storage->settings, store, &storage->recorder, err);
}

int storage_start(
    const struct settings *settings, struct storage **ret_storage, struct err *err)
{
	struct storage *storage = calloc(1, sizeof(*storage));
	int rc = storage ? start(storage, settings, err)
	                 : err_set(err, ENOMEM, "out of memory");

	if (rc != 0) {
		storage_stop(storage);
		return rc;
	}
	*ret_storage = storage;
	return 0;
}

struct recorder *storage_recorder(struct storage *storage)
{
	return storage->recorder;
}

struct shipper *storage_shipper(struct storage *storage)
{
	return storage->shipper;
}

size_t storage_capture_limit(const struct storage *storage)
{
	return recorder_capture_limit(&storage->settings);
}

void storage_stop(struct storage *storage)
{
	if (!storage) {
		return;
	}
	recorder_stop(storage->recorder);
	shipper_stop(storage->shipper, DRAIN_NS);
	free(storage->store_path);
	free(storage->ballast_path);
	free(storage->chain_key_path);
	free(storage);
}

/* SPDX-License-Identifier: MIT */
/*
 * shipper_private: what the files of the shipper share.
 */
#ifndef SQL_SHIPPER_PRIVATE_H
#define SQL_SHIPPER_PRIVATE_H

#include "sql/ballast.h"
#include "sql/insert.h"
#include "sql/outbox.h"
#include "sql/shipment.h"
#include "sql/shipper.h"
#include "sql/wire.h"

#include <pthread.h>
#include <stdatomic.h>

struct shipper {
	struct shipper_settings settings; /* the strings are owned copies */
	pthread_t thread;

	/* told by other threads */
	int wake_fd;                  /* eventfd: rows were committed */
	int stop_fd;                  /* eventfd: mono_stop_ns has changed */
	atomic_bool sleeping;         /* somebody must write to wake_fd */
	_Atomic int64_t mono_stop_ns; /* INT64_MAX: not stopping */

	/* told to other threads */
	pthread_mutex_t lock; /* guards status */
	struct shipper_status status;

	/* the thread's own */
	struct outbox *outbox;
	struct wire wire;
	struct insert insert;
	struct shipment batches[2];
	struct shipment *current; /* being delivered */
	struct shipment
	    *other;       /* before: to be settled; after: the next one, read ahead */
	size_t row_limit; /* rows of a batch; less after a timeout */
	struct ballast ballast;
	uint64_t seen_full; /* COUNTER_STORE_FULL when it was last looked at */
	bool squeezed;      /* the disk is full: delivered rows make room for new ones */
	unsigned failures;  /* one after the other */
	bool told_holding;  /* of the trouble that is logged */
	int64_t mono_logged_ns;  /* when trouble was last logged */
	int64_t mono_counted_ns; /* when the outbox was last counted */
	uint64_t refused_unlogged;
	int64_t mono_refused_ns; /* when refusals were last logged */
};

/*
 * Sends the waiting rows of current, however many statements that takes; each row's fate
 * is noted in it. In between it settles and refills other. DELIVERY_OK: no row of it is
 * waiting any more; else the answer says why the rest is.
 */
void shipper_deliver(struct shipper *shipper, struct answer *ret_answer);

/* Settles the batch, if there is anything to settle, and empties it. False: the store
 * has a fault (ret_answer), and the batch stays. */
bool shipper_settle(
    struct shipper *shipper, struct shipment *batch, struct answer *ret_answer);

/* Settles other and reads the next rows into it. Failures are left for the main loop. */
void shipper_read_ahead(struct shipper *shipper);

/* Keeps the reserve, and room for new rows, as well as the disk allows. */
void shipper_keep_room(struct shipper *shipper);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The shipper and its store: settling, reading ahead, and what to do on a full disk.
 */
#include "base/counter.h"
#include "base/log.h"
#include "sql/shipper_private.h"

#include <errno.h>
#include <stdio.h>

#define ROOM_BYTES (1024 * 1024) /* free pages to have for new rows on a full disk */
#define EVICT_ROWS 100           /* at a time: about 10 ms, in which nobody else writes */

static void on_give_room(void *arg)
{
	const struct ballast *ballast = arg;

	ballast_give(ballast);
}

static void local_fault(const struct err *err, struct answer *answer)
{
	*answer = (struct answer){ .class = DELIVERY_LOCAL };
	(void)snprintf(answer->message, sizeof(answer->message), "%.250s", err->text);
}

/* On a full disk: with the reserve, and in exchange for rows that PostgreSQL has. */
static int settle_full(
    struct shipper *shipper, const struct shipment *batch, struct err *err)
{
	int rows = EVICT_ROWS;
	int evicted;

	for (;;) {
		evicted = outbox_settle_full(
		    shipper->outbox, batch, rows, on_give_room, &shipper->ballast, err);
		if (evicted != -ENOSPC || rows == 0) {
			break;
		}
		rows /= 4; /* large ones: what is dropped is overwritten */
	}
	ballast_restore(&shipper->ballast);
	if (evicted < 0) {
		return evicted;
	}
	counter_add(COUNTER_ROWS_EVICTED, (uint64_t)evicted);
	if (!shipper->squeezed) {
		log_warn(
		    "the disk of the store is full: rows that PostgreSQL has are dropped "
		    "from it to make room for new ones; free some space");
	}
	shipper->squeezed = true;
	return evicted;
}

static bool has_settled(const struct shipment *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->row[i].fate != ROW_FATE_WAITING) {
			return true;
		}
	}
	return false;
}

bool shipper_settle(
    struct shipper *shipper, struct shipment *batch, struct answer *ret_answer)
{
	struct err err;
	int result = 0;

	if (has_settled(batch)) {
		result = outbox_settle(shipper->outbox, batch, &err);
		if (result == -ENOSPC) {
			result = settle_full(shipper, batch, &err);
		}
	}
	if (result < 0) {
		local_fault(&err, ret_answer);
		return false;
	}
	shipment_clear(batch);
	return true;
}

void shipper_read_ahead(struct shipper *shipper)
{
	struct outbox_limits limits = { .rows = shipper->row_limit,
		.bytes = shipper->settings.batch_bytes };
	struct answer ignored; /* the main loop meets the same fault again */

	if (shipper->other->count > 0 &&
	    (!has_settled(shipper->other) ||
	        !shipper_settle(shipper, shipper->other, &ignored))) {
		return;
	}
	if (outbox_read(
	        shipper->outbox, &limits, shipper->current, shipper->other, NULL) < 0) {
		shipment_clear(shipper->other);
	}
}

void shipper_keep_room(struct shipper *shipper)
{
	static const struct shipment nothing;
	uint64_t full = counter_get(COUNTER_STORE_FULL);
	struct err err;

	if (ballast_keep(&shipper->ballast)) {
		if (shipper->squeezed) {
			log_info("the disk of the store has room again");
		}
		shipper->squeezed = false;
	} else if (full != shipper->seen_full || shipper->squeezed) {
		ballast_restore(&shipper->ballast); /* the log may have given back some */
		for (int i = 0; i < 20; i++) {
			/* once for what was refused: it may be the log that is in need */
			if ((full == shipper->seen_full &&
			        outbox_free_bytes(shipper->outbox) >= ROOM_BYTES) ||
			    settle_full(shipper, &nothing, &err) <= 0) {
				break;
			}
			shipper->seen_full = full;
		}
	}
	shipper->seen_full = full;
}

/* SPDX-License-Identifier: MIT */
/*
 * One batch: sent whole, or halved until the rows are found that PostgreSQL does not
 * take; those are repaired, or set aside.
 */
#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "sql/repair.h"
#include "sql/shipper_private.h"

#include <errno.h>
#include <stdio.h>

#define LOG_EVERY_NS INT64_C(60000000000)

static void out_of_memory(struct answer *answer)
{
	*answer = (struct answer){ .class = DELIVERY_LOCAL };
	(void)snprintf(answer->message, sizeof(answer->message), "out of memory");
}

/* One statement with rows [from, to) of current. */
static void send_rows(
    struct shipper *shipper, size_t from, size_t to, struct answer *ret_answer)
{
	int64_t end_ns = mono_ns() + shipper->settings.batch_timeout_ns;
	struct statement_params params;

	if (insert_encode(&shipper->insert, shipper->current, from, to, &params) < 0) {
		out_of_memory(ret_answer);
		return;
	}
	if (!shipper->wire.conn &&
	    !wire_connect(&shipper->wire, shipper->settings.database,
	        shipper->settings.connect_timeout_ns, ret_answer)) {
		return;
	}
	if (!wire_send(&shipper->wire, &params, end_ns, ret_answer)) {
		return;
	}
	shipper_read_ahead(shipper);
	wire_finish(&shipper->wire, end_ns, ret_answer);
	if (ret_answer->class == DELIVERY_OK) {
		counter_add(COUNTER_DELIVERY_BATCHES, 1);
	}
}

static void note_delivered(struct shipper *shipper, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		shipper->current->row[i].fate = ROW_FATE_DELIVERED;
	}
	counter_add(COUNTER_ROWS_DELIVERED, to - from);
}

static void log_refusals(struct shipper *shipper, const struct answer *answer)
{
	int64_t now_ns = mono_ns();

	shipper->refused_unlogged++;
	if (shipper->mono_refused_ns != 0 &&
	    now_ns - shipper->mono_refused_ns < LOG_EVERY_NS) {
		return;
	}
	log_warn(
	    "PostgreSQL refused %llu rows, the last one with %s: %s; they are kept, see "
	    "`waybill outbox list`",
	    (unsigned long long)shipper->refused_unlogged, answer->sqlstate,
	    answer->message);
	shipper->refused_unlogged = 0;
	shipper->mono_refused_ns = now_ns;
}

/* Gives the row up, as it originally was. False: out of memory. */
static bool note_refused(struct shipper *shipper, struct shipment_row *row,
    const struct answer *refusal, struct answer *ret_answer)
{
	if (shipment_set(shipper->current, &row->refusal, slice_of(refusal->message)) <
	    0) {
		out_of_memory(ret_answer);
		return false;
	}
	memcpy(row->sqlstate, refusal->sqlstate, sizeof(row->sqlstate));
	row->fate = ROW_FATE_REFUSED;
	counter_add(COUNTER_ROWS_DEAD, 1);
	log_refusals(shipper, refusal);
	*ret_answer = (struct answer){ .class = DELIVERY_OK };
	return true;
}

/*
 * A row that was refused alone, with one repair after the other, the least first.
 * refusal: what the server said of it as it is.
 */
static void repair_and_send(struct shipper *shipper, size_t index,
    const struct answer *refusal, struct answer *ret_answer)
{
	static const unsigned attempts[] = {
		REPAIR_TEXTS, REPAIR_REQUEST, REPAIR_RESPONSE,
		REPAIR_REQUEST | REPAIR_RESPONSE,
		REPAIR_TEXTS | REPAIR_REQUEST | REPAIR_RESPONSE,
		REPAIR_TEXTS, /* what the attempts before have taught */
	};
	struct shipment *batch = shipper->current;
	struct shipment_row *row = &batch->row[index];
	struct shipment_row original = *row;
	struct repair_hint hint = { 0 };

	repair_note(&hint, refusal->sqlstate, refusal->message, refusal->column);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		int changed = repair_row(batch, row, &original, attempts[i], &hint);

		if (changed < 0) {
			*row = original;
			out_of_memory(ret_answer);
			return;
		}
		if (changed == 0) {
			continue;
		}
		send_rows(shipper, index, index + 1, ret_answer);
		if (ret_answer->class == DELIVERY_OK) {
			note_delivered(shipper, index, index + 1);
			counter_add(COUNTER_ROWS_REPAIRED, 1);
			return;
		}
		if (ret_answer->class != DELIVERY_DATA) {
			*row = original;
			return;
		}
		counter_add(COUNTER_DELIVERY_ERRORS_DATA, 1);
		repair_note(
		    &hint, ret_answer->sqlstate, ret_answer->message, ret_answer->column);
	}
	*row = original;
	(void)note_refused(shipper, row, refusal, ret_answer); /* *ret_answer tells */
}

/* Rows [from, to) of current; recursion ends after log2 of the batch. */
static void deliver_range(
    struct shipper *shipper, size_t from, size_t to, struct answer *ret_answer)
{
	size_t middle = from + (to - from) / 2;
	struct answer refusal;

	send_rows(shipper, from, to, ret_answer);
	if (ret_answer->class == DELIVERY_OK) {
		note_delivered(shipper, from, to);
		return;
	}
	if (ret_answer->class != DELIVERY_DATA) {
		return;
	}
	counter_add(COUNTER_DELIVERY_ERRORS_DATA, 1);
	if (to - from == 1) {
		refusal = *ret_answer;
		repair_and_send(shipper, from, &refusal, ret_answer);
		return;
	}
	deliver_range(shipper, from, middle, ret_answer);
	if (ret_answer->class == DELIVERY_OK) {
		deliver_range(shipper, middle, to, ret_answer);
	}
}

/* Rows that cannot even be written down for PostgreSQL. False: out of memory. */
static bool fit_rows(struct shipper *shipper, struct answer *ret_answer)
{
	static const struct answer no_uuid = { .class = DELIVERY_DATA,
		.sqlstate = "22P02",
		.message = "the id is not a UUID" };
	struct shipment *batch = shipper->current;

	for (size_t i = 0; i < batch->count; i++) {
		struct shipment_row *row = &batch->row[i];
		int result = repair_fit(batch, row);

		if (result == -ENOMEM) {
			out_of_memory(ret_answer);
			return false;
		}
		if (result == 1) {
			counter_add(COUNTER_ROWS_REPAIRED, 1);
		}
		if (result == -EINVAL &&
		    !note_refused(shipper, row, &no_uuid, ret_answer)) {
			return false;
		}
	}
	return true;
}

/* Smaller batches after a timeout, slowly larger ones again. */
static void adapt(struct shipper *shipper, enum delivery_class class)
{
	if (class == DELIVERY_TOO_SLOW && shipper->row_limit > 1) {
		shipper->row_limit /= 2;
	}
	if (class == DELIVERY_OK) {
		shipper->row_limit += shipper->row_limit / 8 + 1;
	}
	if (shipper->row_limit > shipper->settings.batch_rows) {
		shipper->row_limit = shipper->settings.batch_rows;
	}
}

void shipper_deliver(struct shipper *shipper, struct answer *ret_answer)
{
	struct shipment *batch = shipper->current;
	size_t from = 0;

	*ret_answer = (struct answer){ .class = DELIVERY_OK };
	if (!fit_rows(shipper, ret_answer)) {
		return;
	}
	while (from < batch->count && ret_answer->class == DELIVERY_OK) {
		size_t to = from;

		while (to < batch->count && to - from < shipper->row_limit &&
		       batch->row[to].fate == ROW_FATE_WAITING) {
			to++;
		}
		if (to > from) {
			deliver_range(shipper, from, to, ret_answer);
		}
		from = to < batch->count && batch->row[to].fate != ROW_FATE_WAITING
		           ? to + 1
		           : to;
	}
	adapt(shipper, ret_answer->class);
}

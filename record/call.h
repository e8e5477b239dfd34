/* SPDX-License-Identifier: MIT */
/*
 * call: the raw account of one attempt, in memory only. It holds secrets: it is wiped
 * when destroyed and never printed.
 *
 * Thread: the worker that relays it, until recorder_submit takes it; then the recorder.
 * Ends:   once, in exchange_end() of proxy/, which submits it.
 */
#ifndef RECORD_CALL_H
#define RECORD_CALL_H

#include "base/buf.h"
#include "base/uuid7.h"
#include "record/capture.h"
#include "record/outcome.h"
#include "routes/routes.h"

/* Moments on the monotonic clock, nanoseconds; 0 where it did not happen. */
struct call_marks {
	int64_t begun;      /* first byte of the request received */
	int64_t dialled;    /* upstream wanted (0: a pooled connection was used) */
	int64_t resolved;   /* name resolved */
	int64_t connected;  /* TCP connected */
	int64_t secured;    /* TLS done */
	int64_t sent;       /* last request byte handed to the socket */
	int64_t first_byte; /* first response byte received */
	int64_t ended;      /* last response byte received, or the failure */
};

struct call {
	struct uuid id;

	/* what it is: the table is a counted reference, the match borrows from it */
	struct route_table *table;
	struct route_match match;
	char client[64]; /* its address without the port; "": not known */

	/* the request, as forwarded; owned */
	struct buf method;
	struct buf scheme; /* "https" or "http" */
	struct buf host;   /* lower-case, no port unless it is not the scheme's default */
	struct buf target; /* origin-form with its query */
	struct buf request_fields; /* header lines as received, end-to-end ones and
	                              X-Waybill-* */
	struct capture request;

	/* the response; status 0: no head came */
	int status;
	struct buf reason;
	struct buf response_fields; /* header lines as received */
	struct capture response;

	enum outcome outcome;
	struct buf outcome_detail; /* words for a person, no secret: "certificate expired
	                              2024-01-01" */
	bool in_flight; /* a snapshot for a pending row: the end is still to come */

	int64_t created_us; /* wall clock at marks.begun */
	struct call_marks marks;

	/*
	 * Called once, on the recorder's thread, when the row is committed (or is known
	 * to be lost or skipped); may be NULL. It must not block: it posts to the
	 * worker's mailbox. arg is opaque to record/.
	 */
	void (*on_settled)(void *arg);
	void *on_settled_arg;

	/* private to record/ */
	struct call *next;
	size_t charged; /* bytes charged to record.queue */
};

/* A new call begun now, with its id. capture_limit: bytes kept of each body. NULL: no
 * memory. */
struct call *call_create(size_t capture_limit);

/* Wipes and frees; NULL is fine. */
void call_destroy(struct call *call);

/*
 * A copy of what is known so far, with the same id and in_flight set, for a pending row.
 * NULL when there is no memory.
 */
struct call *call_snapshot(const struct call *call);

#endif

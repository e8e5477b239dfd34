/* SPDX-License-Identifier: MIT */
/*
 * build: one call becomes one row: decode, redact, judge, link. Pure: no I/O, any thread.
 */
#ifndef RECORD_BUILD_H
#define RECORD_BUILD_H

#include "base/err.h"
#include "record/call.h"
#include "record/path_template.h"
#include "record/recorder.h"
#include "sql/row.h"

/* What build found besides the row. */
struct build_notes {
	bool skip;      /* an empty long poll that the route does not record */
	bool may_chain; /* attempts of this call are chained */
	/* once the call has ended: the template of a path that no route matches, else ""
	 */
	char unrouted[PATH_TEMPLATE_MAX + 1];
};

/*
 * Fills ret_row (free with row_finish). Returns 0 or -ENOMEM.
 * For a call in_flight: status pending, duration null, no response.
 */
MUST_CHECK int row_build(const struct call *call, const struct record_settings *settings,
    struct row *ret_row, struct build_notes *ret_notes);

#endif

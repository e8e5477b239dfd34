/* SPDX-License-Identifier: MIT */
/*
 * exchange_text: the form of a payload with capture.payload: exchange, which holds
 * method, URL, header fields and timings beside the body.
 */
#ifndef RECORD_EXCHANGE_TEXT_H
#define RECORD_EXCHANGE_TEXT_H

#include "record/call.h"
#include "record/redact.h"

/*
 * Appends {"method":…,"url":…,"headers":{…} or {"status":…,"headers":{…}, left open,
 * masked by place and name (before redaction_seal). Header values are kept for a list of
 * names only.
 */
void exchange_request_head(
    const struct call *call, struct redaction *redaction, struct buf *out);
void exchange_response_head(
    const struct call *call, struct redaction *redaction, struct buf *out);

/* Appends "timing_ms":{…}: milliseconds with three decimals, null for what did not
 * happen. */
void exchange_timing(const struct call *call, struct buf *out);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * fuzz_record: what the fuzz targets of record/ have in common.
 */
#ifndef TESTS_FUZZ_FUZZ_RECORD_H
#define TESTS_FUZZ_FUZZ_RECORD_H

#include <stdint.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>

#include "record/json_redact.h"

#define CANARY "CANARYfake01"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run where a promise is broken. */
static inline void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

/* Is it one JSON value, in valid UTF-8? */
static inline bool is_json(struct slice text)
{
	yajl_handle handle = yajl_alloc(NULL, NULL, NULL);
	bool valid = false;

	must(handle != NULL);
	valid = yajl_parse(handle, (const unsigned char *)text.ptr, text.len) ==
	            yajl_status_ok &&
	        yajl_complete_parse(handle) == yajl_status_ok;
	yajl_free(handle);
	return valid;
}

static inline bool has_canary(struct slice text)
{
	return memmem(text.ptr, text.len, CANARY, sizeof(CANARY) - 1) != NULL;
}

#endif

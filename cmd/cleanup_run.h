/* SPDX-License-Identifier: MIT */
/*
 * cleanup_run: what the parts of `waybill cleanup` share.
 */
#ifndef CMD_CLEANUP_RUN_H
#define CMD_CLEANUP_RUN_H

#include "base/err.h"
#include "cmd/cleanup.h"

struct cleanup_run {
	const struct cleanup_options *options;
	long long deleted;
	long long total; /* how many are due; -1: unknown */
	int64_t mono_shown_ns;
};

/* Counts a batch, and shows it now and then. */
void cleanup_count(struct cleanup_run *run, long long deleted);

bool cleanup_stopped(const struct cleanup_run *run);

void cleanup_sleep_ns(int64_t ns);

/* Both delete all that is due, or until stopped. 0 or a negative errno. */
MUST_CHECK int cleanup_postgresql(struct cleanup_run *run, struct err *err);
MUST_CHECK int cleanup_store(struct cleanup_run *run, struct err *err);

#endif

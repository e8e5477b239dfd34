/* SPDX-License-Identifier: MIT */
/*
 * counter: process-wide event counts, one atomic each. Any thread.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdint.h>

enum counter {

#define COUNTER(symbol, name, help) COUNTER_##symbol,
#include "base/counter.def"
#undef COUNTER
	COUNTER_COUNT
};

void counter_add(enum counter counter, uint64_t n);
uint64_t counter_get(enum counter counter);

/* The metric's name and what it counts; static strings. */
const char *counter_name(enum counter counter);
const char *counter_help(enum counter counter);

#endif

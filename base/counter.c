/* SPDX-License-Identifier: MIT */
/*
 * counter: the counts, and their names from counter.def.
 */
#include "base/counter.h"

#include <stdatomic.h>

static const struct {
	const char *name;
	const char *help;
} counter_text[COUNTER_COUNT] = {

#define COUNTER(symbol, name, help) [COUNTER_##symbol] = { name, help },
#include "base/counter.def"
#undef COUNTER
};

static atomic_uint_fast64_t counter_value[COUNTER_COUNT];

void counter_add(enum counter counter, uint64_t n)
{
	/* relaxed: counts order nothing else */
	atomic_fetch_add_explicit(&counter_value[counter], n, memory_order_relaxed);
}

uint64_t counter_get(enum counter counter)
{
	return atomic_load_explicit(&counter_value[counter], memory_order_relaxed);
}

const char *counter_name(enum counter counter)
{
	return counter_text[counter].name;
}

const char *counter_help(enum counter counter)
{
	return counter_text[counter].help;
}

/* SPDX-License-Identifier: MIT */
/*
 * cpu_clock: the CPU time of this process, for what is measured on a machine that has
 * other work too.
 */
#ifndef BENCH_CPU_CLOCK_H
#define BENCH_CPU_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t cpu_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* cannot fail on Linux */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif

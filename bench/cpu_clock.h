/* SPDX-License-Identifier: MIT */
/*
 * cpu_clock: the CPU time of this process, for what is measured on a machine that has
 * other work too.
 */
#ifndef BENCH_CPU_CLOCK_H
#define BENCH_CPU_CLOCK_H

#include <time.h>

/* Microseconds. */
static inline double cpu_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

#endif

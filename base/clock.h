/* SPDX-License-Identifier: MIT */
/*
 * clock: the only two clocks. Durations come from mono_, dates from wall_, never mixed.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t mono_ns(void);

/* Microseconds since 1970-01-01T00:00:00Z. */
int64_t wall_us(void);

/* "2026-11-23T19:10:00.123456Z" and its length without the NUL. */
#define CLOCK_TEXT_SIZE 28
void clock_format_us(int64_t us, char ret_text[CLOCK_TEXT_SIZE]);

#endif

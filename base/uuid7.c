/* SPDX-License-Identifier: MIT */
/*
 * uuid7: RFC 9562 5.7.
 *
 * Layout: 48 bits of milliseconds, 26 bits of counter (12 in rand_a, 14 at the top of
 * rand_b), 48 random bits. The counter starts each millisecond at a random value below
 * half of its range (6.2, "Fixed Bit-Length Dedicated Counter Seeding"), so it seldom
 * runs out; when it does, the millisecond is borrowed from the future.
 */
#include "base/uuid7.h"

#include "base/clock.h"
#include "base/percent.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
	POOL_SIZE = 256, /* getrandom(2) fills up to this without being interrupted */
	COUNTER_BITS = 26,
};

static pthread_mutex_t uuid_lock = PTHREAD_MUTEX_INITIALIZER;

/* All of it under uuid_lock. */
static struct {
	uint64_t ms;      /* of the last id */
	uint32_t counter; /* of the last id */
	size_t left;      /* bytes of pool not yet used */
	uint8_t pool[POOL_SIZE];
} state;

/* n random bytes as a number, n at most 8. */
static uint64_t take_random(size_t n)
{
	uint64_t value = 0;

	if (state.left < n) {
		if (getrandom(state.pool, sizeof(state.pool), 0) !=
		    (ssize_t)sizeof(state.pool)) {
			/* no kernel that can run this lacks it; going on would repeat ids
			 */
			abort();
		}
		state.left = sizeof(state.pool);
	}
	for (size_t i = 0; i < n; i++) {
		value = value << 8 | state.pool[--state.left];
	}
	return value;
}

static void step(uint64_t now_ms)
{
	const uint32_t end = UINT32_C(1) << COUNTER_BITS;

	if (now_ms > state.ms) {
		state.ms = now_ms;
	} else if (++state.counter < end) {
		return;
	} else {
		state.ms++;
	}
	state.counter = (uint32_t)take_random(4) & (end / 2 - 1);
}

struct uuid uuid7_make(void)
{
	int64_t now_us = wall_us();
	struct uuid id;
	uint64_t high = 0;
	uint64_t low = 0;

	(void)pthread_mutex_lock(&uuid_lock);
	step(now_us > 0 ? (uint64_t)now_us / 1000 : 0);
	high = state.ms << 16 | UINT64_C(0x7000) | state.counter >> 14;
	low =
	    UINT64_C(2) << 62 | (uint64_t)(state.counter & 0x3FFF) << 48 | take_random(6);
	(void)pthread_mutex_unlock(&uuid_lock);
	for (int i = 0; i < 8; i++) {
		id.byte[i] = (uint8_t)(high >> (56 - 8 * i));
		id.byte[8 + i] = (uint8_t)(low >> (56 - 8 * i));
	}
	return id;
}

void uuid_format(const struct uuid *id, char ret_text[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < sizeof(id->byte); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10) {
			ret_text[n++] = '-';
		}
		ret_text[n++] = digits[id->byte[i] >> 4];
		ret_text[n++] = digits[id->byte[i] & 0x0F];
	}
	ret_text[n] = '\0';
}

bool uuid_parse(struct slice text, struct uuid *ret_id)
{
	struct uuid id;
	size_t at = 0;

	if (text.len != UUID_TEXT_SIZE - 1) {
		return false;
	}
	for (size_t i = 0; i < sizeof(id.byte); i++) {
		int high = 0;
		int low = 0;

		if (i == 4 || i == 6 || i == 8 || i == 10) {
			if (text.ptr[at++] != '-') {
				return false;
			}
		}
		high = hex_digit(text.ptr[at++]);
		low = hex_digit(text.ptr[at++]);
		if (high < 0 || low < 0) {
			return false;
		}
		id.byte[i] = (uint8_t)(high << 4 | low);
	}
	*ret_id = id;
	return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * json_bytes: the table.
 */
#include "record/json_bytes.h"

#define S JSON_BYTE_STOP
#define H JSON_BYTE_HIGH
#define E JSON_BYTE_EQUALS
#define C JSON_BYTE_COLON
#define T JSON_BYTE_TAG
#define L 0 /* anything else */

/* clang-format off */
const uint8_t json_byte_kinds[256] = { /* sixteen by sixteen */
	S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S,
	S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S,
	L, L, S, L, L, E, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, C, L, T, E, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, S, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
};
/* clang-format on */

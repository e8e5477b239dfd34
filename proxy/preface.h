/* SPDX-License-Identifier: MIT */
/*
 * preface: the line that says where a connection was meant to go before it was led here:
 * version 1 of the PROXY protocol (HAProxy, doc/proxy-protocol.txt, section 2.1).
 * clients/connect sends it. Pure; any thread.
 */
#ifndef PROXY_PREFACE_H
#define PROXY_PREFACE_H

#include "base/slice.h"

#include <stdint.h>

enum { PREFACE_MAX = 107 }; /* bytes, CRLF included */

enum preface_result {
	PREFACE_NONE, /* the input begins with something else */
	PREFACE_MORE, /* it may become one */
	PREFACE_BAD,  /* it is one, and broken */
	PREFACE_READ,
};

struct preface {
	char host[46]; /* the destination: an address literal without brackets */
	int port;
	size_t len; /* of the line */
};

/*
 * Strict: the two families with addresses, no UNKNOWN, single blanks, ports in decimal
 * without leading zeros. PREFACE_NONE from the first byte that does not fit "PROXY TCP4 "
 * or "PROXY TCP6 ": a request with a method of that name is one still.
 */
enum preface_result preface_read(struct slice input, struct preface *ret_preface);

#endif

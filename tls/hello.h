/* SPDX-License-Identifier: MIT */
/*
 * hello: looks at a TLS ClientHello without answering it, so that the choice between
 * intercepting and tunnelling can still be made. OpenSSL does the parsing.
 */
#ifndef TLS_HELLO_H
#define TLS_HELLO_H

#include "base/slice.h"

enum hello_result {
	HELLO_MORE, /* not whole yet */
	HELLO_READ,
	HELLO_BAD, /* not a ClientHello */
};

struct hello {
	char server_name[256]; /* SNI, lower-case, without a trailing dot; "" when absent
	                        */
	bool alpn;             /* the extension is there */
	bool alpn_http11;      /* and offers http/1.1 (or http/1.0) */
};

/* The longest ClientHello read; a peer that sends more is HELLO_BAD. */
#define HELLO_MAX 65536

/*
 * Reads the ClientHello that data begins with. Nothing is kept. Any thread.
 * RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1.
 */
enum hello_result hello_peek(struct slice data, struct hello *ret_hello);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * fuzz_hello: any bytes as the beginning of TLS. More bytes never change what was said of
 * fewer, and what comes out is a name that can be looked up and logged.
 */
#include "tls/hello.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void check_name(const struct hello *hello)
{
	const char *name = hello->server_name;
	size_t len = strnlen(name, sizeof(hello->server_name));

	require(len < sizeof(hello->server_name));
	for (size_t i = 0; i < len; i++) {
		require(
		    name[i] > ' ' && name[i] < 0x7f && (name[i] < 'A' || name[i] > 'Z'));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hello part = { "", false, false };
	struct hello whole = { "", false, false };
	enum hello_result first, last;
	size_t cut;

	if (size < 2) {
		return 0;
	}
	/* the first two bytes say where the peer's first packet ends */
	cut = ((size_t)data[0] << 8 | data[1]) % (size - 1);
	data += 2;
	size -= 2;
	first = hello_peek((struct slice){ (const char *)data, cut }, &part);
	last = hello_peek((struct slice){ (const char *)data, size }, &whole);
	check_name(&part);
	check_name(&whole);
	require(!(part.alpn_http11 && !part.alpn) && !(whole.alpn_http11 && !whole.alpn));
	if (first == HELLO_MORE) {
		require(part.server_name[0] == '\0');
		return 0;
	}
	require(first == last);
	if (first == HELLO_READ) {
		require(strcmp(part.server_name, whole.server_name) == 0);
		require(part.alpn == whole.alpn && part.alpn_http11 == whole.alpn_http11);
	}
	return 0;
}

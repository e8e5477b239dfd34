/* SPDX-License-Identifier: MIT */
#include "proxy/preface.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#define HEAD      "PROXY TCP"
#define HEAD_LEN  (sizeof(HEAD) - 1)
#define START_LEN (HEAD_LEN + 2) /* the family's digit and a blank */

/* Does the input fit as far as it goes? */
static bool starts(struct slice input)
{
	size_t len = input.len < HEAD_LEN ? input.len : HEAD_LEN;

	return memcmp(input.ptr, HEAD, len) == 0 &&
	       (input.len <= HEAD_LEN || input.ptr[HEAD_LEN] == '4' ||
	           input.ptr[HEAD_LEN] == '6') &&
	       (input.len <= HEAD_LEN + 1 || input.ptr[HEAD_LEN + 1] == ' ');
}

/* An address in its usual text; written to text, which holds 46 bytes. */
static bool take_address(struct slice *rest, int family, char *text)
{
	struct slice word = slice_cut(rest, ' ');
	unsigned char address[16];

	if (word.len == 0 || word.len >= 46) {
		return false;
	}
	memcpy(text, word.ptr, word.len);
	text[word.len] = '\0';
	return strlen(text) == word.len && inet_pton(family, text, address) == 1;
}

static bool take_port(struct slice *rest, int *ret_port)
{
	struct slice word = slice_cut(rest, ' ');
	int port = 0;

	if (word.len == 0 || word.len > 5 || (word.len > 1 && word.ptr[0] == '0')) {
		return false;
	}
	for (size_t i = 0; i < word.len; i++) {
		if (word.ptr[i] < '0' || word.ptr[i] > '9') {
			return false;
		}
		port = port * 10 + (word.ptr[i] - '0');
	}
	*ret_port = port;
	return port <= 65535;
}

enum preface_result preface_read(struct slice input, struct preface *ret_preface)
{
	size_t max = input.len < PREFACE_MAX ? input.len : PREFACE_MAX;
	struct preface preface = { "", 0, 0 };
	struct slice rest;
	char source[46];
	const char *end;
	int family;
	int source_port = 0;

	if (input.len == 0 || !starts(input)) {
		return input.len == 0 ? PREFACE_MORE : PREFACE_NONE;
	}
	end = memchr(input.ptr, '\n', max);
	if (!end) {
		return input.len < PREFACE_MAX ? PREFACE_MORE : PREFACE_BAD;
	}
	preface.len = (size_t)(end - input.ptr) + 1;
	if (preface.len < START_LEN + 2 || end[-1] != '\r') {
		return PREFACE_BAD;
	}
	rest = (struct slice){ input.ptr + START_LEN, preface.len - START_LEN - 2 };
	family = input.ptr[HEAD_LEN] == '4' ? AF_INET : AF_INET6;
	if (!take_address(&rest, family, source) ||
	    !take_address(&rest, family, preface.host) ||
	    !take_port(&rest, &source_port) || !take_port(&rest, &preface.port) ||
	    rest.ptr || preface.port == 0) {
		return PREFACE_BAD;
	}
	*ret_preface = preface;
	return PREFACE_READ;
}

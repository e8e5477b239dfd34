/* SPDX-License-Identifier: MIT */
#include "clients/connect/lead.h"

#include <string.h>

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

bool lead_is_v4(const struct lead_address *address)
{
	return memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

bool lead_address_read(
    const struct sockaddr *address, socklen_t len, struct lead_address *ret_address)
{
	if (len < (socklen_t)sizeof(sa_family_t)) {
		return false;
	}
	if (address->sa_family == AF_INET &&
	    len >= (socklen_t)sizeof(struct sockaddr_in)) {
		const struct sockaddr_in *v4 =
		    (const struct sockaddr_in *)(const void *)address;

		memcpy(ret_address->bytes, mapped, sizeof(mapped));
		memcpy(ret_address->bytes + 12, &v4->sin_addr, 4);
		ret_address->port = ntohs(v4->sin_port);
		return true;
	}
	/* the kernel takes one without sin6_scope_id too: RFC 2133 */
	if (address->sa_family == AF_INET6 &&
	    len >= (socklen_t)offsetof(struct sockaddr_in6, sin6_scope_id)) {
		const struct sockaddr_in6 *v6 =
		    (const struct sockaddr_in6 *)(const void *)address;

		memcpy(ret_address->bytes, &v6->sin6_addr, 16);
		ret_address->port = ntohs(v6->sin6_port);
		return true;
	}
	return false;
}

struct block {
	unsigned char first[4];
	int bits;
};

static bool in_block(const unsigned char *bytes, const struct block *block)
{
	for (int i = 0; i < block->bits; i++) {
		int bit = 0x80 >> (i % 8);

		if ((bytes[i / 8] & bit) != (block->first[i / 8] & bit)) {
			return false;
		}
	}
	return true;
}

bool lead_is_global(const struct lead_address *address)
{
	static const struct block not_global_v4[] = {
		{ { 0 }, 8 },
		{ { 10 }, 8 },
		{ { 100, 64 }, 10 },
		{ { 127 }, 8 },
		{ { 169, 254 }, 16 },
		{ { 172, 16 }, 12 },
		{ { 192, 0, 0 }, 24 },
		{ { 192, 168 }, 16 },
		{ { 198, 18 }, 15 },
		{ { 224 }, 3 },
	};
	static const struct block global_v6 = { { 0x20 }, 3 };
	static const struct block not_global_v6[] = {
		{ { 0x20, 0x01, 0x00, 0x00 }, 32 },
		{ { 0x20, 0x02 }, 16 },
	};

	if (lead_is_v4(address)) {
		for (size_t i = 0; i < sizeof(not_global_v4) / sizeof(not_global_v4[0]);
		     i++) {
			if (in_block(address->bytes + 12, &not_global_v4[i])) {
				return false;
			}
		}
		return true;
	}
	for (size_t i = 0; i < sizeof(not_global_v6) / sizeof(not_global_v6[0]); i++) {
		if (in_block(address->bytes, &not_global_v6[i])) {
			return false;
		}
	}
	return in_block(address->bytes, &global_v6);
}

/* ---- the line. Not by printf(3), which a signal handler may not call. */

static char *put_text(char *at, const char *text)
{
	size_t len = strlen(text);

	memcpy(at, text, len);
	return at + len;
}

static char *put_number(char *at, unsigned value, unsigned base)
{
	char digits[8];
	size_t count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value > 0);
	while (count > 0) {
		*at++ = digits[--count];
	}
	return at;
}

static char *put_v4(char *at, const unsigned char bytes[4])
{
	for (int i = 0; i < 4; i++) {
		at = put_number(at, bytes[i], 10);
		*at++ = i < 3 ? '.' : ' ';
	}
	return at;
}

static char *put_v6(char *at, const unsigned char bytes[16])
{
	for (int i = 0; i < 16; i += 2) {
		at = put_number(at, (unsigned)bytes[i] << 8 | bytes[i + 1], 16);
		*at++ = i < 14 ? ':' : ' ';
	}
	return at;
}

size_t lead_line(const struct lead_address *source, const struct lead_address *asked,
    char ret_line[LEAD_LINE_MAX])
{
	static const unsigned char loopback[4] = { 127, 0, 0, 1 };
	char *at = ret_line;

	if (lead_is_v4(asked)) {
		at = put_text(at, "PROXY TCP4 ");
		at = put_v4(at, lead_is_v4(source) ? source->bytes + 12 : loopback);
		at = put_v4(at, asked->bytes + 12);
	} else {
		at = put_text(at, "PROXY TCP6 ");
		at = put_v6(at, source->bytes);
		at = put_v6(at, asked->bytes);
	}
	at = put_number(at, (unsigned)source->port, 10);
	*at++ = ' ';
	at = put_number(at, (unsigned)asked->port, 10);
	*at++ = '\r';
	*at++ = '\n';
	return (size_t)(at - ret_line);
}

/* ---- the proxy's address */

bool lead_split(const char *text, char *ret_host, size_t host_size, char ret_port[6])
{
	const char *begin = text;
	const char *end;
	const char *colon;
	size_t port_len;

	if (strncmp(begin, "http://", 7) == 0) {
		begin += 7;
	}
	end = begin + strcspn(begin, "/?#");
	for (const char *c = begin; c < end; c++) {
		if (*c == '@') { /* the last one: a secret may hold some */
			begin = c + 1;
		}
	}
	if (*begin == '[') {
		begin++;
		colon = memchr(begin, ']', (size_t)(end - begin));
		if (!colon || colon[1] != ':') {
			return false;
		}
		text = colon + 2;
	} else {
		colon = memchr(begin, ':', (size_t)(end - begin));
		if (!colon) {
			return false;
		}
		text = colon + 1;
	}
	port_len = (size_t)(end - text);
	if (colon == begin || (size_t)(colon - begin) >= host_size || port_len == 0 ||
	    port_len > 5 || strspn(text, "0123456789") != port_len) {
		return false;
	}
	memcpy(ret_host, begin, (size_t)(colon - begin));
	ret_host[colon - begin] = '\0';
	memcpy(ret_port, text, port_len);
	ret_port[port_len] = '\0';
	return true;
}

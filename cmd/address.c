/* SPDX-License-Identifier: MIT */
/*
 * address: reading hosts, ports and address blocks.
 */
#include "cmd/address.h"

#include <arpa/inet.h>

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };

/* Reads a decimal number of 1 to 5 digits, at most max. */
static bool read_number(struct slice text, int max, int *ret)
{
	int value = 0;

	if (text.len == 0 || text.len > 5) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9') {
			return false;
		}
		value = value * 10 + (text.ptr[i] - '0');
	}
	if (value > max) {
		return false;
	}
	*ret = value;
	return true;
}

bool address_is_numeric(const char *host, uint8_t ret_address[16])
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1) {
		memcpy(ret_address, mapped_prefix, sizeof(mapped_prefix));
		memcpy(ret_address + sizeof(mapped_prefix), &v4, sizeof(v4));
		return true;
	}
	if (inet_pton(AF_INET6, host, &v6) == 1) {
		memcpy(ret_address, &v6, sizeof(v6));
		return true;
	}
	return false;
}

bool address_is_loopback(const uint8_t address[16])
{
	static const uint8_t one[16] = { [15] = 1 };

	if (memcmp(address, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		return address[12] == 127;
	}
	return memcmp(address, one, sizeof(one)) == 0;
}

/* Is text a name that DNS or a hosts file may hold? Copies it in lower case. */
static bool copy_name(struct slice text, char ret_host[ADDRESS_HOST_SIZE])
{
	size_t label = 0;

	if (text.len > 0 && text.ptr[text.len - 1] == '.') {
		text.len--;
	}
	if (text.len == 0 || text.len >= ADDRESS_HOST_SIZE) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool other = (c >= '0' && c <= '9') || c == '-' || c == '_';

		label = c == '.' ? 0 : label + 1;
		if ((c == '.' && (i == 0 || text.ptr[i - 1] == '.')) || label > 63 ||
		    !(letter || other || c == '.')) {
			return false;
		}
		ret_host[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	ret_host[text.len] = '\0';
	return true;
}

/* Copies the IPv6 address between brackets in its shortest form, so that equal ones
 * compare. */
static bool copy_v6(struct slice text, char ret_host[ADDRESS_HOST_SIZE])
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (text.len >= sizeof(copy)) {
		return false;
	}
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return inet_pton(AF_INET6, copy, &address) == 1 &&
	       inet_ntop(AF_INET6, &address, ret_host, ADDRESS_HOST_SIZE) != NULL;
}

const char *address_parse(struct slice text, struct address_pair *ret_pair)
{
	struct address_pair pair = { .port = -1 };
	struct slice rest = text;
	struct slice host = { NULL, 0 };

	if (text.len > 0 && text.ptr[0] == '[') {
		rest.ptr++;
		rest.len--;
		host = slice_cut(&rest, ']');
		if (!rest.ptr || !copy_v6(host, pair.host)) {
			return "between [ and ] an IPv6 address is expected";
		}
		if (rest.len > 0 && rest.ptr[0] != ':') {
			return "after ] only a port may follow, as in [::1]:8080";
		}
		rest = rest.len > 0 ? (struct slice){ rest.ptr + 1, rest.len - 1 }
		                    : (struct slice){ NULL, 0 };
	} else {
		host = slice_cut(&rest, ':');
		if (rest.ptr && rest.len > 0 && memchr(rest.ptr, ':', rest.len)) {
			return "an IPv6 address needs brackets, as in [::1]:8080";
		}
		if (host.len > 0 && !copy_name(host, pair.host)) {
			return "this is no host name (names with other than ASCII letters go in their xn-- form)";
		}
	}
	if (rest.ptr && rest.len > 0 && !read_number(rest, 65535, &pair.port)) {
		return "the port is no number from 0 to 65535";
	}
	*ret_pair = pair;
	return NULL;
}

/* Are all bits of the address beyond the first bits zero? */
static bool is_aligned(const struct address_range *range)
{
	for (int i = range->bits; i < 128; i++) {
		if (range->address[i / 8] & (0x80 >> i % 8)) {
			return false;
		}
	}
	return true;
}

const char *address_parse_range(struct slice text, struct address_range *ret_range)
{
	char host[INET6_ADDRSTRLEN];
	struct slice rest = text;
	struct slice head = slice_cut(&rest, '/');
	struct address_range range = { .bits = 128 };
	bool v4 = false;

	if (head.len == 0 || head.len >= sizeof(host)) {
		return "expected an address or a block such as 10.0.0.0/8 or fc00::/7";
	}
	memcpy(host, head.ptr, head.len);
	host[head.len] = '\0';
	if (!address_is_numeric(host, range.address)) {
		return "expected an address or a block such as 10.0.0.0/8 or fc00::/7";
	}
	v4 = strchr(host, ':') == NULL;
	if (rest.ptr) {
		if (!read_number(rest, v4 ? 32 : 128, &range.bits)) {
			return v4 ? "the part after / is no number from 0 to 32"
			          : "the part after / is no number from 0 to 128";
		}
		range.bits += v4 ? 96 : 0;
	}
	if (!is_aligned(&range)) {
		return "the address has bits set beyond its prefix; a block begins where they are zero";
	}
	*ret_range = range;
	return NULL;
}

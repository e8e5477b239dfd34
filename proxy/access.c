/* SPDX-License-Identifier: MIT */
#include "proxy/access.h"

#include "base/percent.h"
#include "proxy/target.h"

#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

bool access_mapped(const struct sockaddr *address, uint8_t ret_bytes[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 =
		    (const struct sockaddr_in *)(const void *)address;

		memcpy(ret_bytes, prefix, sizeof(prefix));
		memcpy(ret_bytes + 12, &v4->sin_addr, 4);
		return true;
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 =
		    (const struct sockaddr_in6 *)(const void *)address;

		memcpy(ret_bytes, &v6->sin6_addr, 16);
		return true;
	}
	return false;
}

static bool in_range(const uint8_t address[16], const struct address_range *range)
{
	int whole = range->bits / 8;
	int rest = range->bits % 8;

	if (memcmp(address, range->address, (size_t)whole) != 0) {
		return false;
	}
	return rest == 0 || ((address[whole] ^ range->address[whole]) &
	                        (uint8_t)(0xff00 >> rest)) == 0;
}

bool access_client(const struct proxy_settings *settings, const struct sockaddr *address)
{
	uint8_t bytes[16];

	if (!access_mapped(address, bytes)) {
		return false;
	}
	for (size_t i = 0; i < settings->client_count; i++) {
		if (in_range(bytes, &settings->clients[i])) {
			return true;
		}
	}
	return false;
}

static size_t percent_decode(const char *text, size_t len, char *ret_text)
{
	size_t out = 0;

	for (size_t i = 0; i < len; out++) {
		i += percent_byte((struct slice){ text + i, len - i }, &ret_text[out]);
	}
	return out;
}

/* Compares "user:secret" without telling by its time where they differ. */
static bool matches(const struct proxy_settings *settings, const char *pair, size_t len)
{
	unsigned found = 0;

	for (size_t i = 0; i < settings->credential_count; i++) {
		const struct credential *known = &settings->credentials[i];
		size_t user = strlen(known->user);
		size_t secret = strlen(known->secret);
		unsigned same = len == user + 1 + secret && pair[user] == ':';

		if (same) {
			same &= CRYPTO_memcmp(pair, known->user, user) == 0;
			same &=
			    CRYPTO_memcmp(pair + user + 1, known->secret, secret) == 0;
		}
		found |= same;
	}
	return found != 0;
}

bool access_credentials(const struct proxy_settings *settings, struct slice authorization)
{
	char pair[1024];
	char decoded[1024];
	struct slice token = authorization;
	int len;
	bool ok;

	if (settings->credential_count == 0) {
		return true;
	}
	if (!authorization.ptr || !slice_istarts(authorization, SLICE("basic "))) {
		return false;
	}
	token.ptr += 6;
	token.len -= 6;
	token = slice_trim(token);
	if (token.len == 0 || token.len % 4 != 0 || token.len / 4 * 3 > sizeof(pair)) {
		return false;
	}
	len = EVP_DecodeBlock(
	    (unsigned char *)pair, (const unsigned char *)token.ptr, (int)token.len);
	if (len < 0) {
		return false;
	}
	/* EVP_DecodeBlock counts the padding */
	len -= (token.ptr[token.len - 1] == '=') + (token.ptr[token.len - 2] == '=');
	ok = matches(settings, pair, (size_t)len);
	ok |= matches(settings, decoded, percent_decode(pair, (size_t)len, decoded));
	OPENSSL_cleanse(pair, sizeof(pair));
	OPENSSL_cleanse(decoded, sizeof(decoded));
	return ok;
}

const struct connect_to *access_connect_to(
    const struct proxy_settings *settings, struct slice host, int port)
{
	for (size_t i = 0; i < settings->connect_to_count; i++) {
		const struct connect_to *entry = &settings->connect_to[i];
		struct slice name = slice_of(entry->host);

		if ((entry->port == 0 || entry->port == port) &&
		    (name.len == 0 || host_equal(name, host))) {
			return entry;
		}
	}
	return NULL;
}

bool access_port(const struct proxy_settings *settings, struct slice host, int port)
{
	for (size_t i = 0; i < settings->connect_port_count; i++) {
		if (settings->connect_ports[i] == port) {
			return true;
		}
	}
	return access_connect_to(settings, host, port) != NULL;
}

/* clang-format off */
static const struct address_range private_ranges[] = {
	/* IPv4, mapped: 96 bits more */
	{ { [10] = 0xff, 0xff, 0 }, 96 + 8 },                  /* "this" network */
	{ { [10] = 0xff, 0xff, 10 }, 96 + 8 },
	{ { [10] = 0xff, 0xff, 100, 64 }, 96 + 10 },           /* shared, RFC 6598 */
	{ { [10] = 0xff, 0xff, 127 }, 96 + 8 },
	{ { [10] = 0xff, 0xff, 169, 254 }, 96 + 16 },          /* link-local, cloud metadata */
	{ { [10] = 0xff, 0xff, 172, 16 }, 96 + 12 },
	{ { [10] = 0xff, 0xff, 192, 0, 0 }, 96 + 24 },
	{ { [10] = 0xff, 0xff, 192, 0, 2 }, 96 + 24 },         /* documentation */
	{ { [10] = 0xff, 0xff, 192, 88, 99 }, 96 + 24 },       /* 6to4 relays, RFC 7526 */
	{ { [10] = 0xff, 0xff, 192, 168 }, 96 + 16 },
	{ { [10] = 0xff, 0xff, 198, 18 }, 96 + 15 },           /* benchmarking */
	{ { [10] = 0xff, 0xff, 198, 51, 100 }, 96 + 24 },
	{ { [10] = 0xff, 0xff, 203, 0, 113 }, 96 + 24 },
	{ { [10] = 0xff, 0xff, 224 }, 96 + 3 },                /* multicast, reserved, broadcast */
	/* IPv6 */
	{ { 0 }, 96 },                                         /* ::, ::1, IPv4-compatible */
	{ { [8] = 0xff, 0xff }, 96 },                          /* translated, RFC 2765 */
	{ { 0x00, 0x64, 0xff, 0x9b }, 32 },                    /* NAT64, well-known and local */
	{ { 0x01, 0x00 }, 64 },                                /* discard */
	{ { 0x20, 0x01, 0x00, 0x00 }, 32 },                    /* Teredo */
	{ { 0x20, 0x01, 0x00, 0x10 }, 28 },                    /* ORCHID, RFC 4843 */
	{ { 0x20, 0x01, 0x00, 0x20 }, 28 },                    /* ORCHIDv2, RFC 7343 */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 },                    /* documentation */
	{ { 0x20, 0x02 }, 16 },                                /* 6to4 */
	{ { 0x3f, 0xff }, 20 },                                /* documentation, RFC 9637 */
	{ { 0x5f, 0x00 }, 16 },                                /* SRv6, RFC 9602 */
	{ { 0xfc }, 7 },                                       /* unique local */
	{ { 0xfe, 0x80 }, 10 },                                /* link-local */
	{ { 0xfe, 0xc0 }, 10 },                                /* site-local */
	{ { 0xff }, 8 },                                       /* multicast */
};

/* clang-format on */

static bool is_private(const uint8_t address[16])
{
	for (size_t i = 0; i < sizeof(private_ranges) / sizeof(private_ranges[0]); i++) {
		if (in_range(address, &private_ranges[i])) {
			return true;
		}
	}
	return false;
}

/* ISATAP carries to the IPv4 address at its end (RFC 5214 6.1). */
static bool is_isatap(const uint8_t address[16])
{
	return (address[8] & 0xfd) == 0 && address[9] == 0 && address[10] == 0x5e &&
	       address[11] == 0xfe;
}

bool access_address(const struct proxy_settings *settings, const struct sockaddr *address)
{
	uint8_t bytes[16];
	uint8_t inner[16] = { [10] = 0xff, 0xff };

	if (!access_mapped(address, bytes)) {
		return false;
	}
	memcpy(inner + 12, bytes + 12, 4);
	return settings->private_upstreams ||
	       (!is_private(bytes) && !(is_isatap(bytes) && is_private(inner)));
}

/* Only what is an address of this machine can be bound to. */
static bool is_local(const struct sockaddr *address)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool local;

	if (address->sa_family == AF_INET) {
		v4.sin_addr =
		    ((const struct sockaddr_in *)(const void *)address)->sin_addr;
		local = bind(fd, (struct sockaddr *)&v4, sizeof(v4)) == 0;
	} else {
		const struct sockaddr_in6 *given =
		    (const struct sockaddr_in6 *)(const void *)address;

		v6.sin6_addr = given->sin6_addr;
		v6.sin6_scope_id = given->sin6_scope_id;
		local = bind(fd, (struct sockaddr *)&v6, sizeof(v6)) == 0;
	}
	if (fd < 0) {
		return true; /* nobody knows */
	}
	(void)close(fd);
	return local;
}

bool access_own(const struct proxy_settings *settings, int own_port,
    const struct sockaddr *address, int port)
{
	bool own = port == own_port ||
	           (settings->admin_port && port == atomic_load(settings->admin_port));

	return own && is_local(address);
}

/* SPDX-License-Identifier: MIT */
#include "proxy/quota.h"

#include "proxy/access.h"
#include "proxy/settings.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define BUCKETS    1024
#define IPV6_BYTES 8 /* of an address: the network, which is one customer's */

struct quota_client {
	LIST_ENTRY(quota_client) link;
	uint8_t address[16];
	int64_t connections; /* under the lock */
	struct rate rate;
};

LIST_HEAD(quota_clients, quota_client);

struct quota {
	const struct proxy_limits *limits;
	pthread_mutex_t lock;
	struct quota_clients bucket[BUCKETS];
};

struct quota *quota_create(const struct proxy_limits *limits)
{
	struct quota *quota = calloc(1, sizeof(*quota));

	if (quota) {
		quota->limits = limits;
		(void)pthread_mutex_init(&quota->lock, NULL);
	}
	return quota;
}

void quota_destroy(struct quota *quota)
{
	for (size_t i = 0; quota && i < BUCKETS; i++) {
		struct quota_client *client;

		while ((client = LIST_FIRST(&quota->bucket[i]))) {
			LIST_REMOVE(client, link);
			free(client);
		}
	}
	if (quota) {
		(void)pthread_mutex_destroy(&quota->lock);
		free(quota);
	}
}

static bool limited(const struct quota *quota)
{
	return quota->limits->client_connections > 0 ||
	       quota->limits->client_rate.interval_ns > 0;
}

static void make_key(const struct sockaddr *address, uint8_t ret_key[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memset(ret_key, 0, 16);
	(void)access_mapped(address, ret_key);
	if (memcmp(ret_key, mapped, sizeof(mapped)) != 0) {
		memset(ret_key + IPV6_BYTES, 0, 16 - IPV6_BYTES);
	}
}

/* FNV-1a. Whoever may use the proxy at all could lengthen one list; it stays as short as
 * the number of addresses that he has. */
static struct quota_clients *bucket_of(struct quota *quota, const uint8_t key[16])
{
	uint32_t hash = 2166136261u;

	for (int i = 0; i < 16; i++) {
		hash = (hash ^ key[i]) * 16777619u;
	}
	return &quota->bucket[(hash ^ hash >> 16) % BUCKETS];
}

/* The entry of this address. On the way those go that have nothing in use any more. */
static struct quota_client *find(
    struct quota_clients *bucket, const uint8_t key[16], int64_t now_ns)
{
	struct quota_client *found = NULL;
	struct quota_client *next = NULL;

	for (struct quota_client *client = LIST_FIRST(bucket); client; client = next) {
		next = LIST_NEXT(client, link);
		if (memcmp(client->address, key, sizeof(client->address)) == 0) {
			found = client;
		} else if (client->connections == 0 && client->rate.due_ns <= now_ns) {
			LIST_REMOVE(client, link);
			free(client);
		}
	}
	return found;
}

static struct quota_client *add(struct quota_clients *bucket, const uint8_t key[16])
{
	struct quota_client *client = calloc(1, sizeof(*client));

	if (client) {
		memcpy(client->address, key, sizeof(client->address));
		LIST_INSERT_HEAD(bucket, client, link);
	}
	return client;
}

bool quota_enter(struct quota *quota, const struct sockaddr *address, int64_t now_ns,
    struct quota_client **ret_client)
{
	int64_t most = quota->limits->client_connections;
	struct quota_clients *bucket = NULL;
	struct quota_client *client = NULL;
	uint8_t key[16];
	bool enters = false;

	*ret_client = NULL;
	if (!limited(quota)) {
		return true;
	}
	make_key(address, key);
	bucket = bucket_of(quota, key);
	(void)pthread_mutex_lock(&quota->lock);
	client = find(bucket, key, now_ns);
	client = client ? client : add(bucket, key);
	enters = client && (most == 0 || client->connections < most);
	if (enters) {
		client->connections++;
		*ret_client = client;
	}
	(void)pthread_mutex_unlock(&quota->lock);
	return enters;
}

void quota_leave(struct quota *quota, struct quota_client *client)
{
	if (client) {
		(void)pthread_mutex_lock(&quota->lock);
		client->connections--;
		(void)pthread_mutex_unlock(&quota->lock);
	}
}

size_t quota_count(struct quota *quota)
{
	const struct quota_client *client;
	size_t count = 0;

	(void)pthread_mutex_lock(&quota->lock);
	for (size_t i = 0; i < BUCKETS; i++) {
		LIST_FOREACH(client, &quota->bucket[i], link) {
			count++;
		}
	}
	(void)pthread_mutex_unlock(&quota->lock);
	return count;
}

int64_t quota_call(const struct quota *quota, struct quota_client *client, int64_t now_ns)
{
	return client ? rate_take(&client->rate, &quota->limits->client_rate, now_ns) : 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * tls_rejects: the table behind tls_reject.
 */
#include "proxy/tls_reject.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES   512
#define SECOND    INT64_C(1000000000)
#define ROW_NS    (60 * SECOND)
#define TUNNEL_NS (600 * SECOND)

struct entry {
	char client[64];
	char host[256]; /* "": free */
	int64_t row_ns; /* when it was last recorded */
	int64_t tunnel_until_ns;
};

struct tls_rejects {
	pthread_mutex_t lock; /* for all below */
	size_t count;         /* entries ever used: those past it are free */
	struct entry entry[ENTRIES];
};

struct tls_rejects *tls_rejects_create(void)
{
	struct tls_rejects *rejects = calloc(1, sizeof(*rejects));

	if (rejects) {
		(void)pthread_mutex_init(&rejects->lock, NULL);
	}
	return rejects;
}

void tls_rejects_destroy(struct tls_rejects *rejects)
{
	if (rejects) {
		(void)pthread_mutex_destroy(&rejects->lock);
		free(rejects);
	}
}

static struct entry *find(
    struct tls_rejects *rejects, const char *client, const char *host)
{
	for (size_t i = 0; i < rejects->count; i++) {
		struct entry *entry = &rejects->entry[i];

		if (strcmp(entry->host, host) == 0 &&
		    strcmp(entry->client, client) == 0) {
			return entry;
		}
	}
	return NULL;
}

/* A free entry, or one whose time is over, now for this pair; NULL: all are in use. */
static struct entry *take(
    struct tls_rejects *rejects, const char *client, const char *host, int64_t now_ns)
{
	struct entry *entry = NULL;

	for (size_t i = 0; i < rejects->count && !entry; i++) {
		struct entry *old = &rejects->entry[i];

		if (now_ns - old->row_ns >= ROW_NS && now_ns >= old->tunnel_until_ns) {
			entry = old;
		}
	}
	if (!entry && rejects->count < ENTRIES) {
		entry = &rejects->entry[rejects->count++];
	}
	if (entry) {
		*entry = (struct entry){ .row_ns = now_ns - ROW_NS };
		(void)snprintf(entry->client, sizeof(entry->client), "%s", client);
		(void)snprintf(entry->host, sizeof(entry->host), "%s", host);
	}
	return entry;
}

bool tls_rejects_note(struct tls_rejects *rejects, const char *client, const char *host,
    int64_t now_ns, bool tunnel)
{
	struct entry *entry;
	bool due = false;

	(void)pthread_mutex_lock(&rejects->lock);
	entry = find(rejects, client, host);
	entry = entry ? entry : take(rejects, client, host, now_ns);
	if (entry) {
		due = now_ns - entry->row_ns >= ROW_NS;
		entry->row_ns = due ? now_ns : entry->row_ns;
		entry->tunnel_until_ns = tunnel ? now_ns + TUNNEL_NS : 0;
	}
	(void)pthread_mutex_unlock(&rejects->lock);
	return due;
}

bool tls_rejects_tunnels(
    struct tls_rejects *rejects, const char *client, const char *host, int64_t now_ns)
{
	const struct entry *entry;
	bool tunnels;

	(void)pthread_mutex_lock(&rejects->lock);
	entry = find(rejects, client, host);
	tunnels = entry && now_ns < entry->tunnel_until_ns;
	(void)pthread_mutex_unlock(&rejects->lock);
	return tunnels;
}

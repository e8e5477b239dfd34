/* SPDX-License-Identifier: MIT */
/*
 * quota: what each client address may use of the proxy: limits.client_connections and
 * limits.client_rate. An IPv6 client is its /64: it has all of that to itself.
 *
 * safety  one table for all workers behind a lock, taken when a connection begins and
 * ends; only addresses with a connection, or that had one within a period of the rate,
 * are in it. Without limits there is no table, and nothing is counted.
 */
#ifndef PROXY_QUOTA_H
#define PROXY_QUOTA_H

#include "base/rate.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct quota;
struct proxy_limits;

/* What one address uses; the same for all of its connections. */
struct quota_client;

/* Limits are borrowed. NULL: no memory. */
struct quota *quota_create(const struct proxy_limits *limits);
void quota_destroy(struct quota *quota);

/*
 * A connection from address begins. Returns false when it is one too many, or there is no
 * memory to count it. *ret_client, NULL without limits, goes back with quota_leave.
 */
bool quota_enter(struct quota *quota, const struct sockaddr *address, int64_t now_ns,
    struct quota_client **ret_client);
void quota_leave(struct quota *quota, struct quota_client *client);

/* How many addresses are in the table: for tests. */
size_t quota_count(struct quota *quota);

/* A call or a blind tunnel begins. Returns 0, or after how many ns one may. Any thread,
 * no lock. client may be NULL. */
int64_t quota_call(
    const struct quota *quota, struct quota_client *client, int64_t now_ns);

#endif

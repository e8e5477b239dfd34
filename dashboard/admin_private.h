/* SPDX-License-Identifier: MIT */
/*
 * admin_private: what the files of the admin port share; not for handlers of others.
 */
#ifndef DASHBOARD_ADMIN_PRIVATE_H
#define DASHBOARD_ADMIN_PRIVATE_H

#include "dashboard/admin.h"
#include "dashboard/guard.h"
#include "dashboard/http.h"
#include "dashboard/keys.h"

#include <pthread.h>
#include <stdatomic.h>

struct rollup;
struct server;
struct sessions;

enum { ADMIN_RESERVE = 4 };

struct admin {
	struct admin_parts parts;
	struct ask_pool *rows;  /* owned */
	struct ask_pool *store; /* owned; may be rows */
	struct ask_pool *sums; /* owned: the rows too, for the thread that sums them up */
	struct rollup *rollup; /* owned */
	pthread_t thread;      /* accepts */
	int wake_fd;
	int reserve[ADMIN_RESERVE]; /* spare descriptors; -1: given away. The thread's */
	atomic_bool draining;
	atomic_bool stopping;

	/* from when it listens on; before that no request is there */
	int listen_fd;
	int port;
	struct keys keys;
	struct guard guard;
	struct sessions *sessions; /* owned */
	struct server *server;     /* owned */

	char told[512]; /* the trouble that is logged; the thread's */
};

/* dispatch.c: the body is whole, or left out for ROLE_ANON. */
void dispatch(const struct request *request, struct reply *reply);

/* server.c */
MUST_CHECK int server_start(
    struct admin *admin, struct server **ret_server, struct err *err);
/* Takes the connection, always. */
void server_add(struct server *server, int fd);
/* Waits for the requests under way. NULL is fine. */
void server_stop(struct server *server);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * admin: the admin port: the page, the rows, the metrics and the health of this program.
 *
 * properties  one thread accepts; each connection then has a thread of its own, which may
 *             wait for a database. Whoever may not come in is turned away before anything
 *             is routed (guard.h); what a path means is one line of dispatch.c.
 * operation   keys → listen → accept → guard → role → route → reply. Where the keys are
 *             not safe or the port is taken it says so, and tries again every 10 s: the
 *             proxy does not wait for it.
 * safety      a few descriptors are kept back, so that it answers when there are no more.
 */
#ifndef DASHBOARD_ADMIN_H
#define DASHBOARD_ADMIN_H

#include "base/err.h"
#include "sql/shipper.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct admin;
struct ask_pool;

/* What the port shows, and whom it asks; all borrowed until admin_stop has returned. */
struct admin_parts {
	const char *host;         /* numeric; where to listen */
	int port;                 /* 0: the kernel chooses */
	const char *const *hosts; /* more names that it is called by: admin.hosts */
	size_t host_count;

	const char *state_dir;  /* its keys are in keys/ */
	const char *store_path; /* …/waybill.db */
	const char *database;   /* postgresql://…; NULL: the store is the database */

	const char *version;
	const char *proxy; /* "http://127.0.0.1:8080" */
	const char *ca;    /* path of the certificate that clients must trust */

	int64_t stuck_after_ns; /* delivery in trouble for longer: not ready; 0: 60 s */

	/* Notices of the parts above; any thread. Each may be NULL. */
	void *arg;
	/* Can the store be written? Tries it. 0, or a negative errno with words in err.
	 */
	int (*check_store)(void *arg, struct err *err);
	/* How delivery goes; NULL: rows stay in the store. */
	void (*delivery)(void *arg, struct shipper_status *ret_status);
	/* Is it a call that waits for news by design, and so has no latency? */
	bool (*is_long_poll)(void *arg, const char *service, const char *action);
	/* It listens now at url ("http://127.0.0.1:8081"); the key is for a person's eyes
	 * only, and stands in key_path. */
	void (*on_listening)(
	    void *arg, const char *url, const char *key, const char *key_path);
};

/* Starts the thread. A port that is taken and keys that are not safe are no error here.
 */
MUST_CHECK int admin_start(
    const struct admin_parts *parts, struct admin **ret_admin, struct err *err);

/* The program is about to end: not ready any more, streams end, no new questions. */
void admin_drain(struct admin *admin);

/* Ends all connections and the threads; waits for the questions under way. NULL is fine.
 */
void admin_stop(struct admin *admin);

/* For handlers. */
const struct admin_parts *admin_parts(const struct admin *admin);
/* The rows, where they are. */
struct ask_pool *admin_rows(const struct admin *admin);
/* The store of this machine, also where the rows are in PostgreSQL. */
struct ask_pool *admin_store(const struct admin *admin);
/* Streams look here about once a second, and end. */
bool admin_is_stopping(const struct admin *admin);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * session: the page's cookie. It stands for the reading key, never for more.
 *
 * properties  waybill_session=1.EXPIRY.NONCE.MAC: signed with a key derived from the
 *             reading key, so that it outlives a restart and ends when that key is
 *             replaced. HttpOnly, SameSite=Strict, 30 days.
 * safety      any thread.
 */
#ifndef DASHBOARD_SESSION_H
#define DASHBOARD_SESSION_H

#include "base/buf.h"
#include "base/err.h"
#include "dashboard/http.h"

struct sessions;

/* key: the reading key, copied. NULL: no memory. */
struct sessions *sessions_create(const char *key);
void sessions_destroy(struct sessions *sessions);

/* Appends the value of a new cookie. now_us: wall clock. */
MUST_CHECK int sessions_begin(struct sessions *sessions, int64_t now_us, struct buf *out);

/* Does a Cookie field hold a session that is valid now? */
bool sessions_valid(struct sessions *sessions, struct slice cookies, int64_t now_us);

/* Ends the sessions in a Cookie field, until the program ends; then they are ended by the
 * browser alone, which was told to forget them. */
void sessions_end(struct sessions *sessions, struct slice cookies, int64_t now_us);

/* GET, POST and DELETE /session */
void session_handle(const struct request *request, struct reply *reply);

#endif

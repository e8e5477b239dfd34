/* SPDX-License-Identifier: MIT */
/*
 * doctor_relay: a port that passes everything on to waybill and notes which hosts were
 * asked for: so that the connections of one command are told from everybody else's.
 *
 * Thread: one; driven by the caller's poll(2).
 */
#ifndef CMD_DOCTOR_RELAY_H
#define CMD_DOCTOR_RELAY_H

#include "base/slice.h"

#include <poll.h>

struct doctor;
struct relay;

enum { RELAY_LINKS = 256, RELAY_HOSTS = 256, RELAY_POLL = 1 + 2 * RELAY_LINKS };

struct relay_host {
	char host[256];
	unsigned connections;
	char program[64]; /* who opened the last of them, as far as is known */
};

/* Listens on a port of 127.0.0.1. Returns 0 or a negative errno. */
int relay_create(const struct doctor *doctor, struct relay **ret_relay, int *ret_port);
void relay_destroy(struct relay *relay); /* NULL is fine */

/* Fills in what to wait for, at most RELAY_POLL; returns how many. */
size_t relay_want(struct relay *relay, struct pollfd *fds);

/* Does what they allow now. program: who connected last. */
void relay_serve(struct relay *relay, const struct pollfd *fds, const char *program);

const struct relay_host *relay_hosts(const struct relay *relay, size_t *ret_count);

/* The host that a client's first bytes ask for: CONNECT, absolute-form, or a ClientHello.
 * False: more bytes may tell; *ret_none: they will not. */
bool relay_read_host(struct slice bytes, char ret_host[256], bool *ret_none);

#endif

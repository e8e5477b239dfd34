/* SPDX-License-Identifier: MIT */
/*
 * doctor_watch: every connect(2) of a command and of what it starts, as it is made.
 *
 * The kernel asks this program before it carries one out (seccomp user notification,
 * Linux 5.5), whatever the language and however the program is linked; nothing is held
 * back or changed. Two things it costs: set-user-id programs below the command lose their
 * rights (no_new_privs), and what outlives the command in the background cannot connect
 * any more. What goes through io_uring is not seen.
 */
#ifndef CMD_DOCTOR_WATCH_H
#define CMD_DOCTOR_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { WATCH_TARGETS = 128 };

/* Where a TCP connection was made to, past waybill. */
struct watcher_target {
	char address[64]; /* numeric; IPv4-mapped as IPv4 */
	int port;
	char program[64]; /* "node", "python3.11" */
	unsigned count;
};

struct watcher {
	int fd;            /* -1: this kernel or container does not let us */
	char last[64];     /* the program that connected last, wherever to */
	unsigned to_proxy; /* straight to waybill's own port */
	struct watcher_target target[WATCH_TARGETS];
	size_t targets;
};

/*
 * Starts a command with the present environment, watched where that is possible.
 * quiet: its standard output goes to standard error. Returns its process id or a negative
 * errno.
 */
pid_t watcher_start(struct watcher *watch, char **argv, bool quiet);
void watcher_finish(struct watcher *watch);

/* The descriptor is readable: notes one connect(2) and lets it go on. ours: the ports of
 * 127.0.0.1 and of waybill that are no bypass. */
struct watcher_own {
	int relay_port; /* on 127.0.0.1 */
	const char *proxy_host;
	int proxy_port;
};

void watcher_serve(struct watcher *watch, const struct watcher_own *own);

#endif

/* SPDX-License-Identifier: MIT */
#include "proxy/reaper.h"

#include <errno.h>
#include <stddef.h>

static void bury_all(struct reaper *reaper)
{
	while (reaper->first) {
		struct grave *grave = reaper->first;

		reaper->first = grave->next;
		grave->bury(grave);
	}
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	bury_all(arg);
}

int reaper_init(struct reaper *reaper, struct event_base *base)
{
	reaper->first = NULL;
	reaper->event = event_new(base, -1, 0, on_reap, reaper);
	return reaper->event ? 0 : -ENOMEM;
}

void reaper_finish(struct reaper *reaper)
{
	bury_all(reaper);
	if (reaper->event) {
		event_free(reaper->event);
		reaper->event = NULL;
	}
}

void reaper_add(
    struct reaper *reaper, struct grave *grave, void (*bury)(struct grave *grave))
{
	grave->bury = bury;
	grave->next = reaper->first;
	reaper->first = grave;
	event_active(reaper->event, EV_TIMEOUT, 0);
}

/* SPDX-License-Identifier: MIT */
/*
 * reaper: frees objects after the event callback that ended them has returned, so that
 * nothing is freed while it is being called back.
 *
 * Thread: one worker's.
 */
#ifndef PROXY_REAPER_H
#define PROXY_REAPER_H

#include <event2/event.h>

/* Embedded in what can be reaped. */
struct grave {
	struct grave *next;
	void (*bury)(struct grave *grave);
};

struct reaper {
	struct event *event; /* owned */
	struct grave *first;
};

/* Returns 0 or -ENOMEM. */
int reaper_init(struct reaper *reaper, struct event_base *base);

/* Buries what is left. */
void reaper_finish(struct reaper *reaper);

/* bury(grave) runs in this worker's next turn of the loop. Once per object. */
void reaper_add(
    struct reaper *reaper, struct grave *grave, void (*bury)(struct grave *grave));

#endif

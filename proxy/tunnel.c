/* SPDX-License-Identifier: MIT */
#include "proxy/tunnel.h"

#include "base/clock.h"

#include <stdlib.h>

struct tunnel {
	struct grave grave;
	struct reaper *reaper;
	struct stream *side[2];
	tunnel_done *done;
	void *owner;
	int64_t active_ns;
	bool dead;
};

static void bury(struct grave *grave)
{
	free(grave);
}

void tunnel_destroy(struct tunnel *tunnel)
{
	if (!tunnel || tunnel->dead) {
		return;
	}
	tunnel->dead = true;
	stream_destroy(tunnel->side[0], false);
	stream_destroy(tunnel->side[1], false);
	reaper_add(tunnel->reaper, &tunnel->grave, bury);
}

static void end(struct tunnel *tunnel, bool reset)
{
	if (tunnel->dead) {
		return;
	}
	tunnel->dead = true;
	stream_destroy(tunnel->side[0], reset);
	stream_destroy(tunnel->side[1], reset);
	reaper_add(tunnel->reaper, &tunnel->grave, bury);
	tunnel->done(tunnel->owner);
}

/* Moves what `from` has received to `to`, as far as `to` keeps up. */
static void pump(struct tunnel *tunnel, struct stream *from, struct stream *to)
{
	if (evbuffer_get_length(from->in) > 0) {
		(void)evbuffer_add_buffer(to->out, from->in);
		tunnel->active_ns = mono_ns();
		stream_flush(to);
	}
	if (tunnel->dead) {
		return;
	}
	stream_read_enable(from, stream_has_room(to));
	stream_consumed(from);
	if (from->eof && !to->finishing) {
		stream_finish(to);
	}
	if (!tunnel->dead && from->eof && to->eof && stream_backlog(from) == 0 &&
	    stream_backlog(to) == 0) {
		end(tunnel, false);
	}
}

static void on_stream(struct stream *stream, enum stream_event event, void *owner)
{
	struct tunnel *tunnel = owner;
	struct stream *other = tunnel->side[stream == tunnel->side[0]];

	switch (event) {
	case STREAM_READ:
	case STREAM_EOF:
		pump(tunnel, stream, other);
		break;
	case STREAM_WRITTEN:
		pump(tunnel, other, stream);
		break;
	case STREAM_FAILED:
		end(tunnel, true);
		break;
	case STREAM_SECURED:
		break;
	}
}

struct tunnel *tunnel_create(struct reaper *reaper, struct stream *left,
    struct stream *right, tunnel_done *done, void *owner)
{
	struct tunnel *tunnel = calloc(1, sizeof(*tunnel));

	if (!tunnel) {
		stream_destroy(left, true);
		stream_destroy(right, true);
		return NULL;
	}
	tunnel->reaper = reaper;
	tunnel->side[0] = left;
	tunnel->side[1] = right;
	tunnel->done = done;
	tunnel->owner = owner;
	tunnel->active_ns = mono_ns();
	for (int i = 0; i < 2; i++) {
		stream_hand_over(tunnel->side[i], on_stream, tunnel);
		stream_read_enable(tunnel->side[i], true);
		if (evbuffer_get_length(tunnel->side[i]->in) > 0) {
			event_active(tunnel->side[i]->read_event, EV_READ, 0);
		}
	}
	return tunnel;
}

int64_t tunnel_active_ns(const struct tunnel *tunnel)
{
	return tunnel->active_ns;
}

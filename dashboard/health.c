/* SPDX-License-Identifier: MIT */
/*
 * health: is the program there, and can it do its work?
 */
#include "dashboard/health.h"
#include "base/clock.h"
#include "base/json.h"
#include "dashboard/admin_private.h"
#include "dashboard/handlers.h"

#include <stdio.h>

void health_look(const struct admin_parts *parts, struct health *ret_health)
{
	struct health health = { .store_ok = true };
	struct err err = { "" };

	if (parts->check_store && parts->check_store(parts->arg, &err) != 0) {
		health.store_ok = false;
		(void)snprintf(health.store_message, sizeof(health.store_message), "%.*s",
		    (int)sizeof(health.store_message) - 1, err.text);
	}
	if (parts->delivery) {
		health.delivers = true;
		parts->delivery(parts->arg, &health.delivery);
		health.stuck =
		    health.delivery.mono_trouble_ns != 0 &&
		    mono_ns() - health.delivery.mono_trouble_ns > parts->stuck_after_ns;
	}
	*ret_health = health;
}

void health_live(const struct request *request, struct reply *reply)
{
	(void)request;
	buf_puts(&reply->body, "{\"status\":\"ok\"}\n");
}

void health_ready(const struct request *request, struct reply *reply)
{
	struct buf *out = &reply->body;
	struct health health;
	bool ready;

	health_look(admin_parts(request->admin), &health);
	ready = health.store_ok && !health.stuck && !admin_is_stopping(request->admin);
	reply->status = ready ? 200 : 503;
	buf_printf(out, "{\"status\":\"%s\",\"store\":{\"ok\":%s,\"message\":",
	    ready ? "ready" : "unready", health.store_ok ? "true" : "false");
	json_put_string(out, slice_of(health.store_message));
	buf_printf(out,
	    "},\"delivery\":{\"state\":\"%s\",\"waiting\":%lld,\"refused\":%lld,\"message\":",
	    shipper_state_text(health.delivery.state), (long long)health.delivery.waiting,
	    (long long)health.delivery.refused);
	json_put_string(out, slice_of(health.delivery.problem));
	buf_printf(out, "},\"stopping\":%s}\n",
	    admin_is_stopping(request->admin) ? "true" : "false");
}

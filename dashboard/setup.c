/* SPDX-License-Identifier: MIT */
/*
 * setup: GET /api/setup: what a person needs to point a service here.
 */
#include "base/clock.h"
#include "base/json.h"
#include "dashboard/admin.h"
#include "dashboard/handlers.h"

static void put(struct buf *out, const char *name, const char *value)
{
	buf_putc(out, out->len == 0 ? '{' : ',');
	json_put_string(out, slice_of(name));
	buf_putc(out, ':');
	if (value) {
		json_put_string(out, slice_of(value));
	} else {
		buf_puts(out, "null");
	}
}

void setup_handle(const struct request *request, struct reply *reply)
{
	const struct admin_parts *parts = admin_parts(request->admin);
	char now[CLOCK_TEXT_SIZE];

	clock_format_us(wall_us(), now);
	put(&reply->body, "version", parts->version);
	put(&reply->body, "proxy", parts->proxy);
	put(&reply->body, "ca", parts->ca);
	put(&reply->body, "database", parts->database ? "postgresql" : "sqlite");
	put(&reply->body, "now", now);
	buf_puts(&reply->body, "}\n");
}

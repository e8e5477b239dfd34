/* SPDX-License-Identifier: MIT */
#include "dashboard/guard.h"

#include "base/percent.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static void put_lower(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		buf_putc(out, (char)tolower((unsigned char)text.ptr[i]));
	}
}

/* With port 80 a client leaves the port out: RFC 9110 4.2.3. */
static void put_host(struct buf *out, const char *host, int port)
{
	bool v6 = strchr(host, ':') && host[0] != '[';

	for (int plain = 0; plain <= (port == 80 ? 1 : 0); plain++) {
		buf_puts(out, v6 ? "[" : "");
		put_lower(out, slice_of(host));
		buf_puts(out, v6 ? "]" : "");
		if (!plain) {
			buf_printf(out, ":%d", port);
		}
		buf_putc(out, '\n');
	}
}

/* Does the name end in a port? */
static bool has_port(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon && !strchr(colon, ']') &&
	       (name[0] == '[' || strchr(name, ':') == colon);
}

int guard_init(struct guard *guard, const char *host, int port, const char *const *names,
    size_t name_count)
{
	static const char *const local[] = { "localhost", "127.0.0.1", "::1" };

	*guard = (struct guard){ 0 };
	put_host(&guard->hosts, host, port);
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		put_host(&guard->hosts, local[i], port);
	}
	for (size_t i = 0; i < name_count; i++) {
		put_lower(&guard->names, slice_of(names[i]));
		buf_putc(&guard->names, '\n');
		if (!has_port(names[i])) {
			put_host(&guard->names, names[i], port);
		}
	}
	return guard->hosts.failed || guard->names.failed ? -ENOMEM : 0;
}

void guard_finish(struct guard *guard)
{
	buf_finish(&guard->hosts);
	buf_finish(&guard->names);
}

static bool has_line(const struct buf *lines, struct slice text)
{
	struct slice rest = buf_slice(lines);

	while (rest.len > 0) {
		if (slice_ieq(slice_cut(&rest, '\n'), text)) {
			return text.len > 0;
		}
	}
	return false;
}

/* RFC 6454 7: "scheme://host:port", or "null". */
static bool is_own_origin(
    const struct guard *guard, struct slice origin, struct slice host)
{
	if (slice_istarts(origin, SLICE("http://"))) {
		origin.ptr += 7;
		origin.len -= 7;
		return slice_ieq(origin, host);
	}
	if (slice_istarts(origin, SLICE("https://")) && has_line(&guard->names, host)) {
		origin.ptr += 8;
		origin.len -= 8;
		return slice_ieq(origin, host);
	}
	return false;
}

/*
 * Decodes once. Refuses what could mean two paths: escapes of a slash, a backslash, a dot
 * or a percent sign, segments of dots, empty segments, and controls.
 */
static bool read_path(struct slice raw, struct buf *path)
{
	buf_truncate(path, 0);
	for (size_t i = 0; i < raw.len; i++) {
		unsigned char c = (unsigned char)raw.ptr[i];
		bool escaped = c == '%';

		if (escaped) {
			if (i + 2 >= raw.len || hex_digit(raw.ptr[i + 1]) < 0 ||
			    hex_digit(raw.ptr[i + 2]) < 0) {
				return false;
			}
			c = (unsigned char)(hex_digit(raw.ptr[i + 1]) << 4 |
			                    hex_digit(raw.ptr[i + 2]));
			i += 2;
		}
		if (c < 0x20 || c == 0x7F || c == '\\' || (c == ' ' && !escaped) ||
		    (c > 0x7F && !escaped) ||
		    (escaped && (c == '/' || c == '.' || c == '%'))) {
			return false;
		}
		buf_putc(path, (char)c);
	}
	return true;
}

static bool has_odd_segments(struct slice path)
{
	struct slice rest = path;

	(void)slice_cut(&rest, '/'); /* before the first slash */
	while (rest.ptr) {
		struct slice segment = slice_cut(&rest, '/');

		if (slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE("..")) ||
		    (segment.len == 0 && rest.ptr)) {
			return true;
		}
	}
	return false;
}

/*
 * A link that somebody was sent leads here from another site: that shows the page, which
 * has no data in it. All else must come from the page itself, or from no page at all.
 * (Fetch Metadata, W3C; same-site is another port of the same name.)
 */
static bool is_wanted_fetch(const struct guard_request *request, struct slice path)
{
	bool page = slice_ieq(request->fetch_mode, SLICE("navigate")) &&
	            slice_ieq(request->fetch_dest, SLICE("document")) &&
	            strcmp(request->method, "GET") == 0 && slice_eq(path, SLICE("/"));

	return !request->fetch_site.ptr || page ||
	       slice_ieq(request->fetch_site, SLICE("same-origin")) ||
	       slice_ieq(request->fetch_site, SLICE("none"));
}

static struct guard_verdict refuse(int status, const char *code, const char *message)
{
	return (struct guard_verdict){ status, code, message };
}

struct guard_verdict guard_check(const struct guard *guard,
    const struct guard_request *request, struct buf *path, struct slice *ret_query)
{
	struct slice query = request->target;
	struct slice raw = slice_cut(&query, '?');

	if (request->repeated || request->framed_twice) {
		return refuse(
		    400, "BAD_REQUEST", "a field that may come once came twice");
	}
	if (!has_line(&guard->hosts, request->host) &&
	    !has_line(&guard->names, request->host)) {
		return refuse(403, "HOST_REFUSED",
		    "this port answers to the address it listens on and to localhost; add "
		    "other names to admin.hosts");
	}
	if (request->origin.ptr &&
	    !is_own_origin(guard, request->origin, request->host)) {
		return refuse(
		    403, "ORIGIN_REFUSED", "pages of other origins may not ask here");
	}
	if (raw.len == 0 || raw.ptr[0] != '/' || !read_path(raw, path) ||
	    has_odd_segments(buf_slice(path))) {
		return refuse(403, "PATH_REFUSED",
		    "the path has dots, empty parts or escapes that it needs not");
	}
	if (!is_wanted_fetch(request, buf_slice(path))) {
		return refuse(
		    403, "SITE_REFUSED", "pages of other sites may not ask here");
	}
	*ret_query = query.ptr ? query : (struct slice){ "", 0 };
	return refuse(path->failed ? 500 : 0, "OUT_OF_MEMORY", "out of memory");
}

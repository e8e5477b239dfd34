/* SPDX-License-Identifier: MIT */
/*
 * coverage_suggest: from the counts of the store to what suggest.h makes of them.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cmd/coverage.h"
#include "cmd/suggest.h"
#include "routes/routes.h"

struct found {
	const struct coverage_options *options;
	struct unrouted_path *path; /* owned, with their texts */
	size_t paths;
	struct unrouted_host *host;
	size_t hosts;
	bool failed; /* no memory */
};

static void found_finish(struct found *found)
{
	for (size_t i = 0; i < found->paths; i++) {
		free((char *)found->path[i].method);
		free((char *)found->path[i].path);
	}
	for (size_t i = 0; i < found->hosts; i++) {
		free((char *)found->host[i].host);
	}
	free(found->path);
	free(found->host);
}

static const char *text_of(sqlite3_stmt *rows, int column)
{
	const char *text = (const char *)sqlite3_column_text(rows, column);

	return text ? text : "";
}

static bool is_chosen(
    const struct found *found, const char *host, const struct service *service)
{
	const char *only = found->options->only;
	struct slice domain;

	if (!only || strcasecmp(only, host) == 0) {
		return true;
	}
	if (service) {
		return strcmp(only, service->name) == 0;
	}
	domain = suggest_domain(slice_of(host));
	return domain.ptr && slice_ieq(domain, slice_of(only));
}

static void add_path(struct found *found, sqlite3_stmt *rows)
{
	const struct coverage_options *options = found->options;
	const char *host = text_of(rows, 0);
	const struct service *service = route_table_host(options->table, slice_of(host));
	struct unrouted_path *grown;

	if (!service || !is_chosen(found, host, service) ||
	    !coverage_still_unrouted(
	        options->table, host, text_of(rows, 1), text_of(rows, 2))) {
		return;
	}
	grown = realloc(found->path, (found->paths + 1) * sizeof(*grown));
	if (!grown) {
		found->failed = true;
		return;
	}
	found->path = grown;
	found->path[found->paths] = (struct unrouted_path){ .service = service,
		.method = strdup(text_of(rows, 1)),
		.path = strdup(text_of(rows, 2)),
		.count = sqlite3_column_int64(rows, 3) };
	found->failed = found->failed || !found->path[found->paths].method ||
	                !found->path[found->paths].path;
	found->paths++;
}

static void add_host(struct found *found, sqlite3_stmt *rows)
{
	const char *host = text_of(rows, 0);
	struct unrouted_host *grown;

	if (route_table_host(found->options->table, slice_of(host)) ||
	    !is_chosen(found, host, NULL)) {
		return;
	}
	grown = realloc(found->host, (found->hosts + 1) * sizeof(*grown));
	if (!grown) {
		found->failed = true;
		return;
	}
	found->host = grown;
	found->host[found->hosts] = (struct unrouted_host){ .host = strdup(host),
		.count = sqlite3_column_int64(rows, 1) };
	found->failed = found->failed || !found->host[found->hosts].host;
	found->hosts++;
}

/* Returns SQLITE_DONE or a code. */
static int each(sqlite3 *db, const char *sql, struct found *found,
    void (*add)(struct found *found, sqlite3_stmt *rows))
{
	char since[CLOCK_TEXT_SIZE];
	sqlite3_stmt *rows = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &rows, NULL);

	clock_format_us(found->options->since_us, since);
	if (code == SQLITE_OK) {
		code = sqlite3_bind_text(rows, 1, since, -1, SQLITE_STATIC);
	}
	while ((code == SQLITE_OK || code == SQLITE_ROW) &&
	       (code = sqlite3_step(rows)) == SQLITE_ROW) {
		add(found, rows);
	}
	sqlite3_finalize(rows);
	return found->failed ? SQLITE_NOMEM : code;
}

static int look(
    const struct coverage_options *options, struct found *found, struct err *err)
{
	sqlite3 *db = NULL;
	int r = coverage_open(options->database, &db, err);
	int code;

	if (r != 0) {
		return r;
	}
	code = each(db,
	    "SELECT host, method, path, count FROM waybill_unrouted WHERE last_seen >= ?1"
	    " ORDER BY host, path, method",
	    found, add_path);
	if (code == SQLITE_DONE) {
		code = each(db,
		    "SELECT host, sum(count) FROM waybill_coverage WHERE kind IN ('tunnel',"
		    " 'unrouted_https', 'unrouted_http') AND last_seen >= ?1 GROUP BY host"
		    " ORDER BY sum(count) DESC, host",
		    found, add_host);
	}
	if (code != SQLITE_DONE) {
		r = err_set(err, EIO, "%s: cannot be read: %s", options->database,
		    code == SQLITE_NOMEM ? "out of memory" : sqlite3_errmsg(db));
	}
	(void)sqlite3_close(db); /* only read from */
	return r;
}

/* The paths of one service, moved to the front of those left. Returns how many. */
static size_t gather(struct unrouted_path *path, size_t count)
{
	size_t same = 0;

	for (size_t i = 0; i < count; i++) {
		if (path[i].service == path[0].service) {
			struct unrouted_path held = path[i];

			path[i] = path[same];
			path[same++] = held;
		}
	}
	return same;
}

static size_t gather_hosts(struct unrouted_host *host, size_t count)
{
	struct slice domain = suggest_domain(slice_of(host[0].host));
	size_t same = 1;

	for (size_t i = 1; i < count && domain.ptr; i++) {
		struct slice other = suggest_domain(slice_of(host[i].host));

		if (other.ptr && slice_eq(other, domain)) {
			struct unrouted_host held = host[i];

			/* the others stay in their order: by count */
			memmove(&host[same + 1], &host[same], (i - same) * sizeof(*host));
			host[same++] = held;
		}
	}
	return same;
}

static void put_all(struct found *found, struct buf *out)
{
	size_t begin = out->len;
	size_t same;

	for (size_t at = 0; at < found->paths; at += same) {
		same = gather(&found->path[at], found->paths - at);
		buf_puts(out, out->len > begin ? "\n" : "");
		suggest_routes(found->path[at].service, &found->path[at], same, out);
	}
	for (size_t at = 0; at < found->hosts; at += same) {
		same = gather_hosts(&found->host[at], found->hosts - at);
		buf_puts(out, out->len > begin ? "\n" : "");
		if (suggest_domain(slice_of(found->host[at].host)).ptr) {
			suggest_service(
			    found->options->table, &found->host[at], same, out);
		} else {
			buf_printf(out,
			    "# %s: service files name hosts, so its calls cannot be recorded\n",
			    found->host[at].host);
		}
	}
}

int coverage_suggest(
    const struct coverage_options *options, struct buf *out, struct err *err)
{
	struct found found = { .options = options };
	int r = look(options, &found, err);

	if (r == 0) {
		put_all(&found, out);
	}
	found_finish(&found);
	return r == 0 && out->failed ? err_set(err, ENOMEM, "out of memory") : r;
}

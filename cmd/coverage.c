/* SPDX-License-Identifier: MIT */
#include "cmd/coverage.h"

#include <errno.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "base/json.h"
#include "cmd/grid.h"
#include "cmd/print.h"
#include "routes/routes.h"
#include "sql/store.h"

#define CELL_MAX 120 /* bytes of a cell that are shown */

enum column_type { TEXT, NUMBER, TIME, LIST, SERVICE };

struct column {
	const char *name;  /* in JSON */
	const char *title; /* NULL: in JSON only */
	enum column_type type;
};

/* One table: the columns are those of the statement, in order; the first is the host. */
struct section {
	const char *name;
	const char *title;
	const char *empty;
	const char *sql; /* ?1: since when */
	/* Is the row of interest with these routes? */
	bool (*wanted)(const struct route_table *table, sqlite3_stmt *rows);
	struct column column[10];
};

static const char *text_of(sqlite3_stmt *rows, int column)
{
	const char *text = (const char *)sqlite3_column_text(rows, column);

	return text ? text : "";
}

static const struct service *service_of(
    const struct route_table *table, sqlite3_stmt *rows)
{
	return route_table_host(table, slice_of(text_of(rows, 0)));
}

bool coverage_still_unrouted(const struct route_table *table, const char *host,
    const char *method, const char *path)
{
	const struct service *service = route_table_host(table, slice_of(host));
	struct route_match match;
	struct buf sample = { 0 };
	bool unrouted = false;

	if (!service) {
		return false;
	}
	/* a value stands where the template has a {name} */
	for (struct slice rest = slice_of(path); rest.ptr;) {
		buf_put_slice(&sample, slice_cut(&rest, '{'));
		if (rest.ptr) {
			buf_putc(&sample, '0');
			(void)slice_cut(&rest, '}');
		}
	}
	if (!sample.failed &&
	    route_match(service, slice_of(method), buf_slice(&sample), &match) == 0) {
		unrouted = match.route == &service->other;
		route_match_finish(&match);
	}
	buf_finish(&sample);
	return unrouted;
}

static bool any_host(const struct route_table *table, sqlite3_stmt *rows)
{
	(void)table;
	(void)rows;
	return true;
}

static bool host_without_route(const struct route_table *table, sqlite3_stmt *rows)
{
	return !service_of(table, rows);
}

static bool path_without_route(const struct route_table *table, sqlite3_stmt *rows)
{
	return coverage_still_unrouted(
	    table, text_of(rows, 0), text_of(rows, 2), text_of(rows, 3));
}

#define SUM(kind) "coalesce(sum(count) FILTER (WHERE kind = '" kind "'), 0)"

static const struct section sections[] = {
	{ "hosts", "Routed hosts", "no routed host was called",
	    "SELECT host, NULL, client, " SUM("recorded") ", " SUM("routed_tunnel") ", " SUM(
	        "tls_rejected") ", " SUM("cleartext") ", min(first_seen), max(last_seen)"
	                                              " FROM waybill_coverage WHERE kind IN ('recorded',"
	                                              " 'routed_tunnel', 'tls_rejected', 'cleartext')"
	                                              " AND last_seen >= ?1 GROUP BY host, client"
	                                              " ORDER BY host, client",
	    any_host,
	    { { "host", "host", TEXT }, { "service", "service", SERVICE },
	        { "client", "client", TEXT }, { "recorded", "recorded", NUMBER },
	        { "tunnelled", "tunnelled", NUMBER },
	        { "tls_rejected", "rejected", NUMBER },
	        { "cleartext", "cleartext", NUMBER }, { "first_seen", NULL, TIME },
	        { "last_seen", "last seen", TIME } } },
	{ "unrouted_hosts", "Hosts without a route",
	    "every host that was called has a route",
	    "SELECT host, sum(count), " SUM("tunnel") ", " SUM("unrouted_https") ", " SUM(
	        "unrouted_http") ", group_concat(DISTINCT client), min(first_seen),"
	                         " max(last_seen) FROM waybill_coverage WHERE kind IN"
	                         " ('tunnel', 'unrouted_https', 'unrouted_http')"
	                         " AND last_seen >= ?1 GROUP BY host"
	                         " ORDER BY sum(count) DESC, host",
	    host_without_route,
	    { { "host", "host", TEXT }, { "count", "count", NUMBER },
	        { "tunnels", "tunnels", NUMBER }, { "https", "https", NUMBER },
	        { "http", "http", NUMBER }, { "clients", "clients", LIST },
	        { "first_seen", NULL, TIME }, { "last_seen", "last seen", TIME } } },
	{ "unrouted_paths", "Paths of routed hosts that no route matches",
	    "every call matched a route",
	    "SELECT host, NULL, method, path, count, first_seen, last_seen"
	    " FROM waybill_unrouted WHERE last_seen >= ?1"
	    " ORDER BY count DESC, host, path, method",
	    path_without_route,
	    { { "host", "host", TEXT }, { "service", "service", SERVICE },
	        { "method", "method", TEXT }, { "path", "path", TEXT },
	        { "count", "count", NUMBER }, { "first_seen", NULL, TIME },
	        { "last_seen", "last seen", TIME } } },
};

#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

int coverage_open(const char *path, struct sqlite3 **ret_db, struct err *err)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *look = NULL;
	int r = store_open_reader(path, &db, err);
	bool there;

	if (r != 0) {
		return r;
	}
	there = sqlite3_prepare_v2(db, "SELECT 1 FROM waybill_coverage, waybill_unrouted",
	            -1, &look, NULL) == SQLITE_OK;
	sqlite3_finalize(look);
	if (!there) {
		(void)sqlite3_close(db);
		return err_set(err, ENOENT,
		    "%s was made by an older waybill, which counted nothing; start this one on it "
		    "first",
		    path);
	}
	*ret_db = db;
	return 0;
}

static int columns_of(const struct section *section)
{
	int count = 0;

	while (section->column[count].name) {
		count++;
	}
	return count;
}

static bool add_cell(struct grid *grid, const struct column *column, sqlite3_stmt *rows,
    int at, const struct coverage_options *options)
{
	const struct service *service = service_of(options->table, rows);
	struct buf cell = { 0 };

	if (column->type == SERVICE) {
		buf_puts(&cell, service ? service->name : "-");
	} else if (column->type == NUMBER) {
		print_thousands(&cell, sqlite3_column_int64(rows, at));
		grid->right[grid->count % (size_t)grid->columns] = true;
	} else if (column->type == TIME) {
		print_local_time(&cell, text_of(rows, at));
		buf_truncate(&cell, cell.len > 4 ? cell.len - 4 : 0); /* no ms */
	} else {
		print_clean(&cell, text_of(rows, at), CELL_MAX);
	}
	return grid_add(grid, &cell);
}

static bool add_header(struct grid *grid, const struct section *section)
{
	for (int i = 0; section->column[i].name; i++) {
		struct buf cell = { 0 };

		if (section->column[i].title) {
			buf_puts(&cell, section->column[i].title);
			if (!grid_add(grid, &cell)) {
				return false;
			}
		}
	}
	return true;
}

/* Returns SQLITE_DONE or a code. */
static int put_table(struct buf *out, sqlite3_stmt *rows, const struct section *section,
    const struct coverage_options *options)
{
	struct grid grid = { 0 };
	int code = SQLITE_DONE;

	for (int i = 0; section->column[i].name; i++) {
		grid.columns += section->column[i].title != NULL;
	}
	if (!add_header(&grid, section)) {
		code = SQLITE_NOMEM;
	}
	while (code == SQLITE_DONE && (code = sqlite3_step(rows)) == SQLITE_ROW) {
		bool added = true;

		for (int i = 0; added && section->column[i].name &&
		                section->wanted(options->table, rows);
		     i++) {
			added = !section->column[i].title ||
			        add_cell(&grid, &section->column[i], rows, i, options);
		}
		code = added ? SQLITE_DONE : SQLITE_NOMEM;
		if (!added) {
			break;
		}
	}
	if (code == SQLITE_DONE) {
		buf_printf(out, "%s\n\n", section->title);
		if (grid.count == (size_t)grid.columns) {
			buf_printf(out, "%s\n", section->empty);
		} else {
			grid_put(&grid, out);
		}
	}
	grid_finish(&grid);
	return code;
}

static void put_list(struct buf *out, const char *text)
{
	struct slice rest = slice_of(text);
	const char *between = "";

	buf_putc(out, '[');
	while (rest.ptr) {
		buf_puts(out, between);
		json_put_string(out, slice_cut(&rest, ','));
		between = ",";
	}
	buf_putc(out, ']');
}

static void put_json_row(struct buf *out, sqlite3_stmt *rows,
    const struct section *section, const struct coverage_options *options)
{
	const struct service *service = service_of(options->table, rows);

	for (int i = 0; section->column[i].name; i++) {
		const struct column *column = &section->column[i];

		buf_puts(out, i == 0 ? "{" : ",");
		json_put_string(out, slice_of(column->name));
		buf_putc(out, ':');
		if (column->type == SERVICE && !service) {
			buf_puts(out, "null");
		} else if (column->type == NUMBER) {
			buf_puts(out, text_of(rows, i));
		} else if (column->type == LIST) {
			put_list(out, text_of(rows, i));
		} else {
			json_put_string(
			    out, slice_of(column->type == SERVICE ? service->name
			                                          : text_of(rows, i)));
		}
	}
	buf_putc(out, '}');
}

static int put_json(struct buf *out, sqlite3_stmt *rows, const struct section *section,
    const struct coverage_options *options)
{
	const char *between = "";
	int code;

	buf_printf(out, "\"%s\":[", section->name);
	while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
		if (section->wanted(options->table, rows)) {
			buf_puts(out, between);
			put_json_row(out, rows, section, options);
			between = ",";
		}
	}
	buf_putc(out, ']');
	return code;
}

typedef int put_section(struct buf *out, sqlite3_stmt *rows,
    const struct section *section, const struct coverage_options *options);

static int put_one(struct buf *out, sqlite3 *db, const struct section *section,
    const struct coverage_options *options, put_section *put)
{
	char since[CLOCK_TEXT_SIZE];
	sqlite3_stmt *rows = NULL;
	int code = sqlite3_prepare_v2(db, section->sql, -1, &rows, NULL);

	clock_format_us(options->since_us, since);
	if (code == SQLITE_OK) {
		code = sqlite3_bind_text(rows, 1, since, -1, SQLITE_STATIC);
	}
	if (code == SQLITE_OK && sqlite3_column_count(rows) != columns_of(section)) {
		code = SQLITE_MISMATCH;
	}
	if (code == SQLITE_OK) {
		code = put(out, rows, section, options);
	}
	sqlite3_finalize(rows);
	return code;
}

/* Exact names of service files that were not called at all. */
static void put_unseen(struct buf *out, sqlite3 *db,
    const struct coverage_options *options, const char *before, bool json)
{
	sqlite3_stmt *look = NULL;
	const char *between = before;
	char since[CLOCK_TEXT_SIZE];

	clock_format_us(options->since_us, since);
	if (sqlite3_prepare_v2(db,
	        "SELECT 1 FROM waybill_coverage WHERE host = ?1 AND last_seen >= ?2", -1,
	        &look, NULL) != SQLITE_OK) {
		return;
	}
	for (size_t i = 0; i < route_table_count(options->table); i++) {
		const struct service *service = route_table_service(options->table, i);

		for (size_t h = 0; h < service->host_count; h++) {
			const char *host = service->hosts[h];

			(void)sqlite3_reset(look);
			(void)sqlite3_bind_text(look, 1, host, -1, SQLITE_STATIC);
			(void)sqlite3_bind_text(look, 2, since, -1, SQLITE_STATIC);
			if (host[0] == '*' || sqlite3_step(look) == SQLITE_ROW) {
				continue;
			}
			buf_puts(out, between);
			between = json ? "," : " ";
			if (json) {
				json_put_string(out, slice_of(host));
			} else {
				buf_puts(out, host);
			}
		}
	}
	buf_puts(out, json || between == before ? "" : "\n");
	sqlite3_finalize(look);
}

static int put_all(
    const struct coverage_options *options, struct buf *out, bool json, struct err *err)
{
	sqlite3 *db = NULL;
	int r = coverage_open(options->database, &db, err);
	int code = SQLITE_OK;

	if (r != 0) {
		return r;
	}
	code = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL); /* all as of one moment */
	buf_puts(out, json ? "{" : "");
	for (size_t i = 0; i < SECTIONS && (code == SQLITE_OK || code == SQLITE_DONE);
	     i++) {
		buf_puts(out, i == 0 ? "" : json ? "," : "\n");
		code =
		    put_one(out, db, &sections[i], options, json ? put_json : put_table);
	}
	if (code == SQLITE_DONE) {
		buf_puts(out, json ? ",\"not_seen\":[" : "");
		put_unseen(out, db, options,
		    json ? "" : "\nRouted hosts that nobody called: ", json);
		buf_puts(out, json ? "]}\n" : "");
	} else {
		r = err_set(err, EIO, "%s: cannot be read: %s", options->database,
		    code == SQLITE_NOMEM ? "out of memory" : sqlite3_errmsg(db));
	}
	(void)sqlite3_close(db); /* only read from */
	return r == 0 && out->failed ? err_set(err, ENOMEM, "out of memory") : r;
}

int coverage_tables(
    const struct coverage_options *options, struct buf *out, struct err *err)
{
	return put_all(options, out, false, err);
}

int coverage_json(
    const struct coverage_options *options, struct buf *out, struct err *err)
{
	return put_all(options, out, true, err);
}

/* SPDX-License-Identifier: MIT */
#include "sql/pg_connect.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define CONNECT_S 10 /* for each host, unless the URL has a connect_timeout */

/* What the URL says, without the password. */
struct target {
	int hosts;     /* at least 1 */
	int connect_s; /* for each */
};

/*
 * What a refused start means, by SQLSTATE or, where the server did not get that far, by
 * libpq's English words (the program sets no locale). First match wins.
 */
static const struct diagnosis {
	const char *mark;
	const char *meaning;
} diagnoses[] = {
	{ "28P01",
	    "the password is wrong; correct it in the URL, with every character that "
	    "is no letter or digit percent-encoded" },
	{ "28000", "the server does not let this user in; check the user's name and the "
	           "server's pg_hba.conf" },
	{ "3D000",
	    "there is no such database; create it, or correct the name at the end of "
	    "the URL" },
	{ "53300", "the server has no connection left; close some, or connect through a "
	           "pooler" },
	{ "57P03", "the server is starting up or shutting down; try again in a moment" },
	{ "no password supplied", "the server wants a password; put it into the URL: "
	                          "postgresql://USER:PASSWORD@HOST/DATABASE" },
	{ "Tenant or user not found",
	    "the pooler does not know this project; the user is "
	    "called postgres.PROJECT there" },
	{ "SASL authentication failed", "the password is wrong; correct it in the URL" },
	{ "could not translate host name",
	    "the host's name cannot be resolved; check its "
	    "spelling and the DNS" },
	{ "Connection refused",
	    "nothing listens there; check host and port, and that the "
	    "server runs" },
	{ "No route to host",
	    "the host cannot be reached; check the address and the network" },
	{ "Network is unreachable",
	    "the host cannot be reached from here; a host with only "
	    "an IPv6 address needs IPv6, or use its pooler" },
	{ "timed out", "the host gives no answer; check the address and the firewalls" },
	{ "does not support SSL",
	    "the server has no TLS; drop sslmode from the URL if the "
	    "network between is trusted" },
	{ "certificate", "the server's certificate is not trusted; check sslrootcert" },
	{ "session is read-only",
	    "this server is a read-only standby; name the primary" },
	{ "server is in hot standby mode", "this server is a standby; name the primary" },
};

const char *pg_one_line(char *out, size_t size, const char *text, const char *more)
{
	size_t n = 0;

	for (int part = 0; part < 2; part++) {
		const char *from = part == 0 ? text : more;

		if (!from || !*from) {
			continue;
		}
		if (n > 0 && n + 2 < size) {
			out[n++] = ';';
			out[n++] = ' ';
		}
		for (; *from && n + 1 < size; from++) {
			bool control = (unsigned char)*from < ' ' || *from == 127;

			if (!control) {
				out[n++] = *from;
			} else if (n > 0 && out[n - 1] != ' ') {
				out[n++] = ' ';
			}
		}
		while (n > 0 && out[n - 1] == ' ') {
			n--;
		}
	}
	out[n] = '\0';
	return out;
}

static bool is_port_list(const char *text)
{
	return text[strspn(text, "0123456789,")] == '\0';
}

/*
 * Reads the URL for what is needed of it. A password with a bare / or @ in it ends up in
 * the port, or in the name of the database: found here, because libpq's own words would
 * show it.
 */
static int read_url(const char *url, struct target *target, struct err *err)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	bool good = options != NULL;

	*target = (struct target){ .hosts = 1, .connect_s = CONNECT_S };
	for (PQconninfoOption *o = options; o && o->keyword; o++) {
		const char *value = o->val;

		if (!value) {
			continue;
		}
		if (strcmp(o->keyword, "port") == 0) {
			good = good && is_port_list(value);
		} else if (strcmp(o->keyword, "dbname") == 0) {
			good = good && !strchr(value, '@');
		} else if (strcmp(o->keyword, "host") == 0) {
			good = good && !strchr(value, '@');
			for (; *value; value++) {
				target->hosts += *value == ',';
			}
		} else if (strcmp(o->keyword, "connect_timeout") == 0 &&
		           atoi(value) > 0) {
			target->connect_s = atoi(value) > 600 ? 600 : atoi(value);
		}
	}
	PQconninfoFree(options);
	if (!good) {
		return err_set(err, EINVAL,
		    "the database's URL cannot be read; it looks like "
		    "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and in user and password every "
		    "character that is no letter or digit is percent-encoded (@ is %%40)");
	}
	return 0;
}

/* Begins to connect; NULL: out of memory. */
static PGconn *begin(const struct pg_settings *settings)
{
	/* What stands before dbname gives way to the URL, what stands after it does not.
	 */
	const char *names[] = {
		"fallback_application_name",
		"tcp_user_timeout",
		"keepalives_idle",
		"keepalives_interval",
		"target_session_attrs",
		"dbname",
		"client_encoding",
		NULL,
	};
	const char *values[] = {
		settings->program,
		"15000",
		"15",
		"5",
		settings->writing ? "read-write" : "any",
		settings->url,
		"UTF8",
		NULL,
	};

	return PQconnectStartParams(names, values, 1);
}

/* True: connected. *ret_late: no answer in time. */
static bool finish(PGconn *conn, int64_t mono_end_ns, bool *ret_late)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	while (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING) {
		int ready = pg_wait(
		    conn, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, mono_end_ns);

		if (ready == 0) {
			*ret_late = true;
		}
		if (ready <= 0) {
			return false;
		}
		next = PQconnectPoll(conn);
	}
	return next == PGRES_POLLING_OK;
}

/* "the database shop on db.example.com:5432 as waybill" */
static void describe(const PGconn *conn, char *out, size_t size)
{
	const char *host = PQhost(conn);
	const char *port = PQport(conn);
	const char *database = PQdb(conn);
	const char *user = PQuser(conn);

	(void)snprintf(out, size, "the database %s on %s:%s as %s",
	    database ? database : "?", host && *host ? host : "this machine",
	    port && *port ? port : "5432", user ? user : "?");
}

static int complain(const PGconn *conn, bool is_late, int seconds, struct err *err)
{
	char target[512];
	char said[1024];
	const char *meaning = NULL;
	char *end;

	describe(conn, target, sizeof(target));
	if (is_late) {
		return err_set(err, EIO,
		    "cannot connect to %s: no answer within %d s; check the address, the firewalls "
		    "and the server",
		    target, seconds);
	}
	(void)pg_one_line(said, sizeof(said), PQerrorMessage(conn), NULL);
	for (size_t i = 0; i < sizeof(diagnoses) / sizeof(diagnoses[0]) && !meaning;
	     i++) {
		meaning = strstr(said, diagnoses[i].mark) ? diagnoses[i].meaning : NULL;
	}
	end = strstr(said, " LOCATION:"); /* a place in the server's source */
	if (end) {
		*end = '\0';
	}
	return err_set(err, EIO, "cannot connect to %s: %s%s%s%s", target,
	    meaning ? meaning : said, meaning ? " (" : "", meaning ? said : "",
	    meaning ? ")" : "");
}

int pg_connect(const struct pg_settings *settings, PGconn **ret_conn, struct err *err)
{
	struct target target;
	PGconn *conn;
	bool is_late = false;
	int64_t wait_ns;
	int result = read_url(settings->url, &target, err);

	if (result < 0) {
		return result;
	}
	wait_ns = target.connect_s * target.hosts * INT64_C(1000000000);
	if (settings->connect_ns > 0 && settings->connect_ns < wait_ns) {
		wait_ns = settings->connect_ns;
	}
	conn = begin(settings);
	if (!conn) {
		return err_set(err, ENOMEM, "out of memory");
	}
	(void)PQsetErrorVerbosity(conn, PQERRORS_VERBOSE); /* with the SQLSTATE */
	if (PQstatus(conn) == CONNECTION_BAD ||
	    !finish(conn, mono_ns() + wait_ns, &is_late)) {
		result = complain(conn, is_late, (int)(wait_ns / 1000000000), err);
		PQfinish(conn);
		return result;
	}
	(void)PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
	*ret_conn = conn;
	return 0;
}

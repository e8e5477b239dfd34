/* SPDX-License-Identifier: MIT */
#include "cmd/doctor_run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "cmd/client_setup.h"
#include "cmd/doctor_advice.h"
#include "cmd/doctor_relay.h"
#include "cmd/doctor_watch.h"
#include "routes/routes.h"
#include "sql/store.h"

#define POLL_MS        50
#define SETTLE_NS      INT64_C(15000000000) /* how long the proxy's counts are waited for */
#define SETTLE_STEP_MS 100

/* What the store says of a host since the command began. */
enum seen {
	SEEN_RECORDED = 1,
	SEEN_REJECTED = 2,
	SEEN_TUNNEL = 4, /* a routed host, unseen */
	SEEN_UNROUTED = 8,
};

struct run {
	struct doctor *doctor;
	struct doctor_run *out;
	struct client_setup setup;
	struct relay *relay;
	struct watcher watch;
	struct watcher_own own;
	int64_t begun_us;
	bool watched; /* the kernel told of connections */
};

static volatile sig_atomic_t told; /* a signal for the command */

static void on_signal(int number)
{
	told = number;
}

/* The terminal's own go to the command too; these are sent to us alone. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
}

static int set_environment(struct run *run, struct err *err)
{
	struct client_env env = { 0 };
	int r = client_env_make(&run->setup.place, &env, err);

	for (size_t i = 0; i < env.count && r == 0; i++) {
		if (setenv(env.item[i].name, env.item[i].value, 1) != 0) {
			r = err_set(err, errno, "%s", strerror(errno));
		}
	}
	client_env_finish(&env);
	return r;
}

/* What the command has, with what was kept of ours: NO_PROXY above all. */
static void check_environment(struct run *run, int relay_port)
{
	struct doctor as_seen = *run->doctor;

	(void)snprintf(as_seen.host, sizeof(as_seen.host), "127.0.0.1");
	as_seen.port = relay_port;
	doctor_check_environment(&as_seen);
}

/* Passes bytes on and notes connections until the command has ended. */
static int serve(struct run *run, pid_t pid)
{
	static struct pollfd fds[RELAY_POLL + 1];
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		size_t count = relay_want(run->relay, fds);

		fds[count] = (struct pollfd){ .fd = run->watch.fd, .events = POLLIN };
		if (told) {
			(void)kill(pid, told);
			told = 0;
		}
		if (poll(fds, count + 1, POLL_MS) <= 0) {
			continue;
		}
		if (fds[count].revents & POLLIN) {
			watcher_serve(&run->watch, &run->own);
		} else if (fds[count].revents) {
			watcher_finish(&run->watch); /* nobody is left to watch */
		}
		relay_serve(run->relay, fds, run->watch.last);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const struct service *service_of(const struct run *run, const char *host)
{
	return route_table_host(run->doctor->table, slice_of(host));
}

/* ---- what the proxy made of it */

static unsigned look_up(sqlite3 *db, const char *host, int64_t since_us)
{
	static const struct {
		const char *kind;
		unsigned seen;
	} kinds[] = { { "recorded", SEEN_RECORDED }, { "tls_rejected", SEEN_REJECTED },
		{ "routed_tunnel", SEEN_TUNNEL }, { "tunnel", SEEN_UNROUTED },
		{ "unrouted_https", SEEN_UNROUTED }, { "unrouted_http", SEEN_UNROUTED } };

	char since[CLOCK_TEXT_SIZE];
	sqlite3_stmt *rows = NULL;
	unsigned seen = 0;

	clock_format_us(since_us, since);
	if (sqlite3_prepare_v2(db,
	        "SELECT kind FROM waybill_coverage WHERE host = ?1 AND last_seen >= ?2",
	        -1, &rows, NULL) != SQLITE_OK ||
	    sqlite3_bind_text(rows, 1, host, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_text(rows, 2, since, -1, SQLITE_STATIC) != SQLITE_OK) {
		sqlite3_finalize(rows);
		return 0;
	}
	while (sqlite3_step(rows) == SQLITE_ROW) {
		const char *kind = (const char *)sqlite3_column_text(rows, 0);

		for (size_t i = 0; kind && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			seen |= strcmp(kind, kinds[i].kind) == 0 ? kinds[i].seen : 0;
		}
	}
	sqlite3_finalize(rows);
	return seen;
}

static long long rows_of(sqlite3 *db, const char *service, int64_t since_us)
{
	char since[CLOCK_TEXT_SIZE];
	sqlite3_stmt *rows = NULL;
	long long count = 0;

	clock_format_us(since_us, since);
	if (sqlite3_prepare_v2(db,
	        "SELECT count(*) FROM integration_logs WHERE service_name = ?1"
	        " AND created_at >= ?2 AND action <> 'tls_rejected'",
	        -1, &rows, NULL) == SQLITE_OK &&
	    sqlite3_bind_text(rows, 1, service, -1, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_bind_text(rows, 2, since, -1, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_step(rows) == SQLITE_ROW) {
		count = sqlite3_column_int64(rows, 0);
	}
	sqlite3_finalize(rows);
	return count;
}

/* Fills in seen for each host; the proxy writes its counts down every two seconds. */
static void settle(struct run *run, sqlite3 *db, unsigned seen[RELAY_HOSTS])
{
	int64_t end_ns = mono_ns() + SETTLE_NS;
	size_t count = 0;
	const struct relay_host *host = relay_hosts(run->relay, &count);
	size_t known = 0;

	for (;;) {
		known = 0;
		for (size_t i = 0; i < count; i++) {
			seen[i] = look_up(db, host[i].host, run->begun_us);
			known += seen[i] != 0;
		}
		if (known == count || mono_ns() >= end_ns) {
			return;
		}
		(void)poll(NULL, 0, SETTLE_STEP_MS);
	}
}

static struct advice_place place_of(const struct run *run)
{
	const struct client_place *place = &run->setup.place;

	return (struct advice_place){ .root = place->root,
		.bundle = place->bundle,
		.truststore = place->truststore,
		.preloaded = place->preload_cjs != NULL };
}

static void report_rejected(struct run *run, const struct relay_host *host, bool also)
{
	struct advice_place place = place_of(run);
	struct buf fix = { 0 };

	advice_reject(host->program, &place, &fix);
	buf_putc(&fix, '\0');
	report_add(run->doctor->report, FINDING_FAIL, "command",
	    fix.failed ? NULL : fix.ptr, "%s: it %s waybill's certificate (%s)",
	    host->host, also ? "accepted and also rejected" : "rejects", host->program);
	buf_finish(&fix);
}

static void report_host(
    struct run *run, sqlite3 *db, const struct relay_host *host, unsigned seen)
{
	struct doctor_report *report = run->doctor->report;
	const struct service *service = service_of(run, host->host);
	char fix[400];

	if (!service) {
		(void)snprintf(fix, sizeof(fix),
		    "`waybill coverage --suggest %s` prints a service file, if its calls are to "
		    "be recorded",
		    host->host);
		report_add(report, FINDING_OK, "command", fix,
		    "%s: through waybill (connections: %u), but no service file routes it",
		    host->host, host->connections);
		return;
	}
	if (seen & SEEN_REJECTED) {
		report_rejected(run, host, seen & SEEN_RECORDED);
	} else if (seen & SEEN_TUNNEL) {
		report_add(report, FINDING_FAIL, "command",
		    "let its client speak HTTP/1.1 too, and trust the root",
		    "%s: through waybill, but only as a tunnel: its calls are not recorded",
		    host->host);
	} else if (seen & SEEN_RECORDED) {
		report_add(report, FINDING_OK, "command", NULL,
		    "%s: through waybill (connections: %u; rows of %s meanwhile: %lld)",
		    host->host, host->connections, service->name,
		    rows_of(db, service->name, run->begun_us));
	} else {
		report_add(report, FINDING_WARN, "command", NULL,
		    "%s: it connected through waybill (%u), but made no call", host->host,
		    host->connections);
	}
}

/* ---- what went past it */

/* Is it one of the addresses that the name has now? */
static bool has_address(const char *name, const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	bool has = false;

	if (getaddrinfo(name, NULL, &hints, &list) != 0) {
		return false;
	}
	for (struct addrinfo *one = list; one && !has; one = one->ai_next) {
		char text[64];

		has = getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof(text), NULL,
		          0, NI_NUMERICHOST) == 0 &&
		      strcmp(text, address) == 0;
	}
	freeaddrinfo(list);
	return has;
}

/* The routed host that has this address; NULL: none that can be looked up. */
static const char *host_at(const struct run *run, const char *address)
{
	for (size_t i = 0; i < route_table_count(run->doctor->table); i++) {
		const struct service *service =
		    route_table_service(run->doctor->table, i);

		for (size_t h = 0; h < service->host_count; h++) {
			if (service->hosts[h][0] != '*' &&
			    has_address(service->hosts[h], address)) {
				return service->hosts[h];
			}
		}
	}
	return NULL;
}

static void report_direct(struct run *run, const struct watcher_target *target)
{
	struct doctor_report *report = run->doctor->report;
	struct advice_place place = place_of(run);
	const char *host = host_at(run, target->address);
	struct buf fix = { 0 };

	if (!host) {
		report_add(report, FINDING_OK, "command", NULL,
		    "%s:%d, past waybill (%u times, %s): no routed host has that address now; "
		    "hosts below a \"*.\" cannot be looked up",
		    target->address, target->port, target->count, target->program);
		return;
	}
	advice_bypass(target->program, &place, &fix);
	buf_putc(&fix, '\0');
	report_add(report, FINDING_FAIL, "command", fix.failed ? NULL : fix.ptr,
	    "%s: it goes past waybill, straight to %s:%d (%u times, %s)", host,
	    target->address, target->port, target->count, target->program);
	buf_finish(&fix);
}

static size_t report_all_direct(struct run *run)
{
	size_t count = 0;

	for (size_t i = 0; i < run->watch.targets; i++) {
		const struct watcher_target *target = &run->watch.target[i];

		if (target->port == 443 || target->port == 80) {
			report_direct(run, target);
			count++;
		}
	}
	if (!run->watched) {
		report_add(run->doctor->report, FINDING_WARN, "command",
		    "run doctor outside of the container, or on Linux 5.5 or later",
		    "connections past waybill cannot be seen here (seccomp is not allowed)");
	}
	return count;
}

static void report_run(struct run *run)
{
	char *path = command_state_path(run->doctor->settings, "waybill.db");
	unsigned seen[RELAY_HOSTS] = { 0 };
	sqlite3 *db = NULL;
	struct err err;
	size_t count = 0;
	const struct relay_host *host = relay_hosts(run->relay, &count);
	size_t direct;

	if (run->out->exit_code != 0) {
		report_add(run->doctor->report, FINDING_WARN, "command", NULL,
		    "%s ended with exit code %d", run->out->argv[0], run->out->exit_code);
	}
	if (!path || store_open_reader(path, &db, &err) != 0) {
		report_add(run->doctor->report, FINDING_FAIL, "command", NULL, "%s",
		    path ? err.text : "out of memory");
		free(path);
		return;
	}
	settle(run, db, seen);
	for (size_t i = 0; i < count; i++) {
		report_host(run, db, &host[i], seen[i]);
	}
	direct = report_all_direct(run);
	if (run->watch.to_proxy > 0) {
		report_add(run->doctor->report, FINDING_WARN, "command", NULL,
		    "%u connections went to waybill by an address of the command's own: which "
		    "hosts they were for is not known",
		    run->watch.to_proxy);
	} else if (count == 0 && direct == 0) {
		report_add(run->doctor->report, FINDING_WARN, "command", NULL,
		    "it asked waybill for no host%s",
		    run->watched ? ", and connected to no port 443 or 80" : "");
	}
	(void)sqlite3_close(db); /* only read from */
	free(path);
}

void doctor_run(
    const struct command *command, struct doctor *doctor, struct doctor_run *out)
{
	struct client_options options = { .config = out->config, .node = !out->env_only };
	struct run run = { .doctor = doctor, .out = out, .watch = { .fd = -1 } };
	struct err err;
	pid_t pid;
	int port = 0;

	out->exit_code = -1;
	if (client_setup_make(command, &options, &run.setup) != EXIT_FINE ||
	    relay_create(doctor, &run.relay, &port) != 0) {
		report_add(doctor->report, FINDING_FAIL, "command", NULL,
		    "the environment for the command cannot be made");
		client_setup_finish(&run.setup);
		return;
	}
	run.own = (struct watcher_own){
		.relay_port = port, .proxy_host = doctor->host, .proxy_port = doctor->port
	};
	run.setup.place.proxy_host = "127.0.0.1";
	run.setup.place.proxy_port = port;
	run.begun_us = wall_us();
	catch_signals();
	pid = -EINVAL;
	if (set_environment(&run, &err) == 0) {
		check_environment(&run, port);
		pid = watcher_start(&run.watch, out->argv, out->quiet);
	}
	if (pid > 0) {
		run.watched = run.watch.fd >= 0;
		out->exit_code = serve(&run, pid);
		report_run(&run);
	} else {
		report_add(doctor->report, FINDING_FAIL, "command", NULL,
		    "the command cannot be started: %s",
		    pid == -EINVAL ? err.text : strerror(-(int)pid));
	}
	watcher_finish(&run.watch);
	relay_destroy(run.relay);
	client_setup_finish(&run.setup);
}

/* SPDX-License-Identifier: MIT */
/*
 * run: starts the parts in order, waits for signals, stops them in reverse.
 *
 * Thread: main. Order of starting: configuration, lock, routes, CA, store, recorder,
 * proxy: a wrong configuration ends the program before anything stored is touched.
 */
#include "base/log.h"
#include "cmd/bind_now.h"
#include "cmd/client_files.h"
#include "cmd/client_setup.h"
#include "cmd/command.h"
#include "cmd/dashboard.h"
#include "cmd/hosts.h"
#include "cmd/memory_lock.h"
#include "cmd/storage.h"
#include "proxy/proxy.h"
#include "routes/routes.h"
#include "tls/ca.h"
#include "tls/upstream.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define GRACE_NS                                                                         \
	INT64_C(8000000000) /* under the 10 s after which `docker stop` kills            \
	                     */

struct program {
	struct settings *settings;
	int lock_fd;
	struct route_table *table; /* counted */
	struct ca *ca;
	struct upstream_tls *upstream_tls;
	struct storage *storage;
	struct proxy_settings proxy_settings;
	atomic_int admin_port;
	struct proxy *proxy;
	struct dashboard *dashboard;
};

/* Makes state_dir and takes its lock: two programs on one store would each lose rows. */
static int lock_state_dir(struct program *program, struct err *err)
{
	const char *dir = program->settings->state_dir;
	char *path = command_state_path(program->settings, "lock");

	if (!path) {
		return err_set(err, ENOMEM, "out of memory");
	}
	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		int error = errno;

		free(path);
		return err_set(err, error,
		    "cannot make state_dir %s: %s; make it or change state_dir", dir,
		    strerror(error));
	}
	program->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(path);
	if (program->lock_fd < 0) {
		return err_set(err, errno,
		    "cannot write in state_dir %s: %s; it must be writable for this user",
		    dir, strerror(errno));
	}
	if (flock(program->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		return err_set(err, EBUSY,
		    "another waybill runs on state_dir %s; stop it, or give this one a state_dir "
		    "of its own",
		    dir);
	}
	return 0;
}

static int open_ca(struct program *program, struct err *err)
{
	char *dir = command_state_path(program->settings, "ca");
	struct ca_settings where = { .dir = dir,
		.discard_root_key = program->settings->discard_root_key };
	struct host_list hosts = { 0 };
	int rc = dir ? host_list_init(&hosts, program->table, err) : -ENOMEM;

	if (rc == 0) {
		rc = ca_open(&where, hosts.item, hosts.count, &program->ca, err);
	}
	host_list_finish(&hosts);
	free(dir);
	return rc;
}

static struct proxy_settings proxy_settings_from(
    const struct settings *settings, size_t capture_limit)
{
	return (struct proxy_settings){
		.listen_host = settings->listen_host,
		.listen_port = settings->listen_port,
		.workers = settings->workers,
		.clients = settings->clients,
		.client_count = settings->client_count,
		.credentials = settings->credentials,
		.credential_count = settings->credential_count,
		.connect_ports = settings->connect_ports,
		.connect_port_count = settings->connect_port_count,
		.private_upstreams = settings->private_upstreams,
		.connect_to = settings->connect_to,
		.connect_to_count = settings->connect_to_count,
		.connect_timeout_ns = settings->connect_timeout_ns,
		.response_timeout_ns = settings->response_timeout_ns,
		.via = settings->via,
		.hold_max_ns = settings->record_hold_max_ns,
		.pending_after_ns = settings->record_pending_after_ns,
		.capture_limit = capture_limit,
		.limits = settings->limits,
		.on_tls_reject = settings->on_tls_reject,
	};
}

static int start_proxy(struct program *program, struct err *err)
{
	struct proxy_parts parts = {
		.settings = &program->proxy_settings,
		.ca = program->ca,
		.upstream_tls = program->upstream_tls,
		.recorder = storage_recorder(program->storage),
		.table = program->table,
	};

	program->proxy_settings = proxy_settings_from(
	    program->settings, storage_capture_limit(program->storage));
	program->proxy_settings.admin_port = &program->admin_port;
	return proxy_start(&parts, &program->proxy, err);
}

static int start_dashboard(struct program *program, struct err *err)
{
	struct dashboard_parts parts = {
		.settings = program->settings,
		.storage = program->storage,
		.table = program->table,
		.proxy_port = proxy_port(program->proxy),
		.ca_root = ca_facts(program->ca)->root_path,
		.listening_port = &program->admin_port,
	};

	return dashboard_start(&parts, &program->dashboard, err);
}

/* As many descriptors as we may have; no core file with keys in it. */
static void set_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	limit = (struct rlimit){ 0, 0 };
	(void)setrlimit(RLIMIT_CORE, &limit);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* The file that `waybill env` reads the port from, when the kernel chose it. */
static void write_listen_file(const struct program *program)
{
	const struct settings *settings = program->settings;
	bool v6 = strchr(settings->listen_host, ':') != NULL;
	char *path = command_state_path(settings, CLIENT_LISTEN_FILE);
	FILE *file = path ? fopen(path, "we") : NULL;
	bool ok =
	    file && fprintf(file, "%s%s%s:%d\n", v6 ? "[" : "", settings->listen_host,
	                v6 ? "]" : "", proxy_port(program->proxy)) > 0;

	if ((file && fclose(file) != 0) || !ok) {
		log_warn("cannot write %s: `waybill env` will not know the port",
		    path ? path : CLIENT_LISTEN_FILE);
	}
	free(path);
}

static void remove_listen_file(const struct program *program)
{
	char *path = command_state_path(program->settings, CLIENT_LISTEN_FILE);

	if (path) {
		(void)unlink(path); /* one that is not there is fine */
	}
	free(path);
}

/* Clients without these files fail loudly; the proxy serves those that need none. */
static void write_client_files(const struct program *program)
{
	struct err err;

	if (client_files_write(program->settings, &err) != 0) {
		log_warn("files for clients: %s", err.text);
	}
}

static void print_start(const struct program *program)
{
	const struct settings *settings = program->settings;
	bool v6 = strchr(settings->listen_host, ':') != NULL;
	const char *root = ca_facts(program->ca)->root_path;
	char *whole = realpath(root, NULL); /* for copying into another shell */

	log_info("listening on %s%s%s:%d", v6 ? "[" : "", settings->listen_host,
	    v6 ? "]" : "", proxy_port(program->proxy));
	log_info("rows go to %s/waybill.db%s; %zu services; clients trust %s",
	    settings->state_dir,
	    settings_is_sqlite(settings) ? "" : " and from there to PostgreSQL",
	    route_table_count(program->table), whole ? whole : root);
	free(whole);
	if (settings->private_upstreams) {
		log_warn(
		    "access.private_upstreams is on: clients reach this machine's own network");
	}
}

/* SIGHUP: new routes for calls that begin from now on; a broken file keeps the old ones.
 */
static void reload(struct program *program)
{
	struct route_table *table = NULL;
	struct host_list hosts = { 0 };
	struct err err;
	int rc = route_table_load(program->settings->services, &table, &err);

	if (rc == 0) {
		rc = host_list_init(&hosts, table, &err);
	}
	if (rc == 0) {
		rc = ca_reload(program->ca, hosts.item, hosts.count, &err);
	}
	host_list_finish(&hosts);
	if (rc != 0) {
		/* the line with the place; the source line and the caret are for a
		 * terminal */
		log_error("reload failed, the old routes stay: %.*s",
		    (int)strcspn(err.text, "\n"), err.text);
		route_table_unref(table);
		return;
	}
	write_client_files(program); /* with ca.root_key: discard the root is a new one */
	proxy_reload(program->proxy, table);
	dashboard_reload(program->dashboard, table);
	route_table_unref(program->table);
	program->table = table;
	log_info("reloaded: %zu services", route_table_count(table));
}

static void watched_signals(sigset_t *ret_set)
{
	(void)sigemptyset(ret_set);
	(void)sigaddset(ret_set, SIGHUP);
	(void)sigaddset(ret_set, SIGTERM);
	(void)sigaddset(ret_set, SIGINT);
}

static void wait_for_stop(struct program *program)
{
	sigset_t set;
	int number = 0;

	watched_signals(&set);
	while (sigwait(&set, &number) == 0 && number == SIGHUP) {
		reload(program);
	}
	log_info(
	    "stopping: calls in flight have %d s to end; a second signal stops at once",
	    (int)(GRACE_NS / 1000000000));
}

/* While the proxy drains: a second SIGTERM or SIGINT hurries it. */
static void *watch_hurry(void *arg)
{
	struct program *program = arg;
	sigset_t set;
	int number = 0;

	watched_signals(&set);
	while (sigwait(&set, &number) == 0) {
		if (number != SIGHUP) {
			(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
			proxy_hurry(program->proxy);
			return NULL;
		}
	}
	return NULL;
}

static void stop_proxy(struct program *program)
{
	pthread_t watcher;
	bool watching;

	if (!program->proxy) {
		return;
	}
	watching = pthread_create(&watcher, NULL, watch_hurry, program) == 0;
	proxy_stop(program->proxy, GRACE_NS);
	if (watching) {
		(void)pthread_cancel(watcher);
		(void)pthread_join(watcher, NULL);
	}
	proxy_destroy(program->proxy);
	program->proxy = NULL;
	remove_listen_file(program);
}

static void finish(struct program *program)
{
	dashboard_drain(program->dashboard);
	stop_proxy(program);
	dashboard_stop(program->dashboard); /* so long it has told how things stand */
	storage_stop(program->storage);
	upstream_tls_destroy(program->upstream_tls);
	ca_close(program->ca);
	route_table_unref(program->table);
	if (program->lock_fd >= 0) {
		(void)close(program->lock_fd);
	}
	settings_free(program->settings);
}

/* Returns the exit code: EXIT_FINE when everything runs. */
static int start(struct program *program, struct err *err)
{
	if (route_table_load(program->settings->services, &program->table, err) != 0) {
		return EXIT_USAGE;
	}
	if (lock_state_dir(program, err) != 0 || open_ca(program, err) != 0 ||
	    upstream_tls_create(
	        program->settings->upstream_ca_file, &program->upstream_tls, err) != 0 ||
	    upstream_tls_add_crls(
	        program->upstream_tls, program->settings->upstream_crl_file, err) != 0 ||
	    storage_start(program->settings, &program->storage, err) != 0 ||
	    start_proxy(program, err) != 0) {
		return EXIT_FAILED;
	}
	return EXIT_FINE;
}

static int run(struct settings *settings)
{
	struct program program = { .settings = settings, .lock_fd = -1 };
	struct err err;
	sigset_t set;
	int rc;

	set_limits();
	memory_lock();
	(void)signal(SIGPIPE, SIG_IGN);
	watched_signals(&set);
	/* before any thread is made, so that all inherit it and only sigwait sees them */
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	rc = start(&program, &err);
	if (rc == EXIT_FINE) {
		write_client_files(&program);
		write_listen_file(&program);
		print_start(&program);
		if (start_dashboard(&program, &err) != 0) {
			/* the proxy is what this program is for */
			log_error("no admin port: %s", err.text);
		}
		wait_for_stop(&program);
	} else {
		(void)fprintf(
		    stderr, "%s%s\n", rc == EXIT_FAILED ? "waybill: " : "", err.text);
	}
	finish(&program);
	if (rc == EXIT_FINE) {
		log_info("stopped");
	}
	return rc;
}

int command_run(const struct command *command, int argc, char **argv)
{
	struct settings *settings = NULL;
	const char *config = NULL;
	int rc = command_config_option(command, argc, argv, &config);

	if (rc >= 0) {
		return rc;
	}
	bind_now(argv - 1); /* main has gone one further */
	rc = command_settings(config, &settings);
	return rc == EXIT_FINE ? run(settings) : rc;
}

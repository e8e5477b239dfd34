/* SPDX-License-Identifier: MIT */
#include "dashboard/admin.h"

#include "base/listener.h"
#include "base/log.h"
#include "dashboard/admin_private.h"
#include "dashboard/rollup.h"
#include "dashboard/session.h"
#include "sql/ask.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)

enum {
	RETRY_MS = 10000, /* a port that is taken, keys that are not safe */
	REFILL_MS = 1000, /* spare descriptors, and the limit, are looked after */
	PAUSE_MS = 100,   /* no descriptor left at all */
	STATEMENT_S = 5,  /* of one statement of the database */
	SUM_UP_S = 60,    /* likewise, of those that nobody waits for */
	HANDLES = 6,      /* of the database at a time, for each right */
	OUT_OF_REACH = 8, /* descriptors */
	LIMIT_MIN = 32,   /* where there are so few anyway, nothing is kept back */
};

/*
 * The last descriptors are out of everybody's reach: the soft limit ends before them, and
 * is moved only while this thread takes one. What it took falls back there when it is
 * closed. The spare ones bridge the time after somebody has changed the limit.
 */
static void move_limit(bool reach)
{
	struct rlimit limit;
	rlim_t end;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < LIMIT_MIN) {
		return;
	}
	end = reach ? limit.rlim_max : limit.rlim_max - OUT_OF_REACH;
	if (reach ? limit.rlim_cur < end : limit.rlim_cur > end) {
		limit.rlim_cur = end;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* the spare ones are left */
	}
}

static void refill(struct admin *admin)
{
	for (size_t i = 0; i < ADMIN_RESERVE; i++) {
		if (admin->reserve[i] < 0) {
			admin->reserve[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		}
	}
}

static void drop_reserve(struct admin *admin)
{
	for (size_t i = 0; i < ADMIN_RESERVE; i++) {
		if (admin->reserve[i] >= 0) {
			(void)close(admin->reserve[i]);
			admin->reserve[i] = -1;
		}
	}
}

/* Gives a spare descriptor away. False: there is none. */
static bool spend(struct admin *admin)
{
	for (size_t i = ADMIN_RESERVE; i-- > 0;) {
		if (admin->reserve[i] >= 0) {
			(void)close(admin->reserve[i]);
			admin->reserve[i] = -1;
			return true;
		}
	}
	return false;
}

static bool is_exhausted(void)
{
	return errno == EMFILE || errno == ENFILE;
}

static int accept_one(struct admin *admin)
{
	int fd = accept4(admin->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && is_exhausted()) {
		int error;

		move_limit(true);
		fd = accept4(admin->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		error = errno;
		move_limit(false);
		errno = error;
	}
	return fd;
}

/* Returns how long to wait before the next look, in ms; -1: until something happens. */
static int accept_all(struct admin *admin)
{
	for (;;) {
		int fd = accept_one(admin);

		if (fd >= 0) {
			server_add(admin->server, fd);
			continue;
		}
		if (is_exhausted() && spend(admin)) {
			continue; /* another thread may be faster: then the next one */
		}
		if (is_exhausted() || errno == ENOBUFS || errno == ENOMEM) {
			return PAUSE_MS;
		}
		if (errno != EINTR && errno != ECONNABORTED) {
			return -1;
		}
	}
}

/* Waits for the end of the program, and on fd (-1: none). */
static void wait_on(struct admin *admin, int fd, int ms)
{
	struct pollfd fds[] = {
		{ .fd = admin->wake_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	(void)poll(fds, 2, ms);
}

static void serve(struct admin *admin)
{
	while (!atomic_load(&admin->stopping)) {
		int ms = accept_all(admin);

		if (ms >= 0) {
			wait_on(admin, -1, ms);
			continue;
		}
		refill(admin);
		move_limit(false);
		wait_on(admin, admin->listen_fd, REFILL_MS);
	}
}

/* What was made for a port that then could not be opened. */
static void close_port(struct admin *admin)
{
	server_stop(admin->server);
	admin->server = NULL;
	if (admin->listen_fd >= 0) {
		(void)close(admin->listen_fd);
		admin->listen_fd = -1;
	}
	sessions_destroy(admin->sessions);
	admin->sessions = NULL;
	guard_finish(&admin->guard);
	keys_wipe(&admin->keys);
}

static int open_port(struct admin *admin, struct err *err)
{
	const struct admin_parts *parts = &admin->parts;
	int r = keys_open(parts->state_dir, &admin->keys, err);

	if (r != 0) {
		return r;
	}
	admin->listen_fd =
	    listener_open("admin.listen", parts->host, parts->port, false, err);
	if (admin->listen_fd < 0) {
		return admin->listen_fd;
	}
	admin->port = listener_port(admin->listen_fd);
	admin->sessions = sessions_create(admin->keys.authenticated);
	if (!admin->sessions || guard_init(&admin->guard, parts->host, admin->port,
	                            parts->hosts, parts->host_count) != 0) {
		return err_set(err, ENOMEM, "out of memory");
	}
	return server_start(admin, &admin->server, err);
}

static void tell(struct admin *admin)
{
	const struct admin_parts *parts = &admin->parts;
	const char *host = parts->host;
	bool v6 = strchr(host, ':') != NULL;
	char url[128];
	char path[PATH_MAX];

	assert(host);
	log_info(
	    "admin port on %s%s%s:%d", v6 ? "[" : "", host, v6 ? "]" : "", admin->port);
	/* any address: from here it is this one */
	host = strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1"
	       : strcmp(host, "::") == 0    ? "::1"
	                                    : host;
	(void)snprintf(url, sizeof(url), "http://%s%s%s:%d", v6 ? "[" : "", host,
	    v6 ? "]" : "", admin->port);
	(void)snprintf(
	    path, sizeof(path), "%s/keys/authenticated", admin->parts.state_dir);
	if (parts->on_listening) {
		parts->on_listening(parts->arg, url, admin->keys.authenticated, path);
	}
}

/* Keys, port, server. False: not now; the log says why, once for the same trouble. */
static bool try_open(struct admin *admin)
{
	struct err err = { "" };

	if (open_port(admin, &err) == 0) {
		tell(admin);
		return true;
	}
	close_port(admin);
	if (strncmp(admin->told, err.text, sizeof(admin->told) - 1) != 0) {
		(void)snprintf(admin->told, sizeof(admin->told), "%.511s", err.text);
		log_error(
		    "no admin port, calls are relayed and recorded all the same: %s; "
		    "tried again every %d s",
		    err.text, RETRY_MS / 1000);
	}
	return false;
}

static void *run(void *arg)
{
	struct admin *admin = arg;

	while (!admin->server && !atomic_load(&admin->stopping)) {
		wait_on(admin, -1, RETRY_MS);
		if (!atomic_load(&admin->stopping) && try_open(admin)) {
			break;
		}
	}
	if (admin->server) {
		serve(admin);
	}
	return NULL;
}

static int create_pools(struct admin *admin, struct err *err)
{
	struct ask_settings settings = {
		.store_path = admin->parts.store_path,
		.database = admin->parts.database,
		.timeout_ns = STATEMENT_S * SECOND_NS,
		.handles = HANDLES,
	};
	int r = ask_pool_create(&settings, &admin->rows, err);

	if (r != 0) {
		return r;
	}
	admin->store = admin->rows;
	if (settings.database) {
		settings.database = NULL;
		admin->store = NULL;
		r = ask_pool_create(&settings, &admin->store, err);
	}
	if (r == 0) {
		settings.database = admin->parts.database;
		settings.timeout_ns = SUM_UP_S * SECOND_NS;
		settings.handles = 1;
		r = ask_pool_create(&settings, &admin->sums, err);
	}
	return r;
}

static void on_sums_trouble(void *arg, const char *what)
{
	(void)arg;
	if (what[0]) {
		log_warn("%s", what);
	} else {
		log_info("the dashboard's sums are kept up again");
	}
}

static void destroy(struct admin *admin)
{
	close_port(admin);
	rollup_stop(admin->rollup);
	ask_pool_destroy(admin->sums);
	if (admin->store != admin->rows) {
		ask_pool_destroy(admin->store);
	}
	ask_pool_destroy(admin->rows);
	drop_reserve(admin);
	if (admin->wake_fd >= 0) {
		(void)close(admin->wake_fd);
	}
	free(admin);
}

static int start_thread(struct admin *admin, struct err *err)
{
	sigset_t all;
	sigset_t before;
	int code;

	/* Signals are for the main thread. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)try_open(admin); /* its threads inherit the mask */
	if (rollup_start(admin->sums, on_sums_trouble, NULL, &admin->rollup, err) != 0) {
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
		return -EAGAIN;
	}
	code = pthread_create(&admin->thread, NULL, run, admin);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code != 0) {
		return err_set(err, code, "cannot start a thread: %s", strerror(code));
	}
	(void)pthread_setname_np(admin->thread, "admin"); /* only for the eye */
	return 0;
}

int admin_start(
    const struct admin_parts *parts, struct admin **ret_admin, struct err *err)
{
	struct admin *admin = calloc(1, sizeof(*admin));
	int r;

	if (!admin) {
		return err_set(err, ENOMEM, "out of memory");
	}
	admin->parts = *parts;
	if (admin->parts.stuck_after_ns == 0) {
		admin->parts.stuck_after_ns = 60 * SECOND_NS;
	}
	admin->listen_fd = -1;
	memset(admin->reserve, 0xFF, sizeof(admin->reserve)); /* -1 each */
	refill(admin);
	move_limit(false);
	admin->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = admin->wake_fd < 0
	        ? err_set(err, errno, "cannot make an eventfd: %s", strerror(errno))
	        : create_pools(admin, err);
	r = r ? r : start_thread(admin, err);
	if (r != 0) {
		destroy(admin);
		return r;
	}
	*ret_admin = admin;
	return 0;
}

void admin_drain(struct admin *admin)
{
	if (admin) {
		atomic_store(&admin->draining, true);
	}
}

void admin_stop(struct admin *admin)
{
	const uint64_t one = 1;

	if (!admin) {
		return;
	}
	admin_drain(admin);
	atomic_store(&admin->stopping, true);
	(void)!write(admin->wake_fd, &one, sizeof(one)); /* fails only when it is set */
	(void)pthread_join(admin->thread, NULL);
	destroy(admin);
}

const struct admin_parts *admin_parts(const struct admin *admin)
{
	return &admin->parts;
}

struct ask_pool *admin_rows(const struct admin *admin)
{
	return admin->rows;
}

struct ask_pool *admin_store(const struct admin *admin)
{
	return admin->store;
}

bool admin_is_stopping(const struct admin *admin)
{
	return atomic_load(&admin->draining);
}

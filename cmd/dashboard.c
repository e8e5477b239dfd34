/* SPDX-License-Identifier: MIT */
#include "cmd/dashboard.h"

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/storage.h"
#include "dashboard/admin.h"
#include "routes/routes.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long /readyz waits for a commit. */
#define CHECK_NS INT64_C(2000000000)

struct dashboard {
	struct storage *storage;
	struct admin_parts parts;
	char *store_path;
	char *ca;
	char proxy[128];
	bool print_link;
	atomic_int *listening_port; /* borrowed */
	pthread_mutex_t lock;       /* guards table */
	struct route_table *table;  /* counted */
	struct admin *admin;
};

static int on_check_store(void *arg, struct err *err)
{
	struct dashboard *dashboard = arg;

	return recorder_check(storage_recorder(dashboard->storage), CHECK_NS, err);
}

static void on_delivery(void *arg, struct shipper_status *ret_status)
{
	struct dashboard *dashboard = arg;

	shipper_status(storage_shipper(dashboard->storage), ret_status);
}

/* Could this action have come from the template? A {part} stands for one letter or more.
 */
static bool fits(const char *template, const char *action)
{
	const char *end;

	while (*template != '{') {
		if (*template != *action) {
			return false;
		}
		if (*template == '\0') {
			return true;
		}
		template ++;
		action++;
	}
	end = strchr(template, '}');
	for (action++; end && action[-1]; action++) {
		if (fits(end + 1, action)) {
			return true;
		}
	}
	return false;
}

static bool is_long_poll(
    const struct service *service, const char *name, const char *action)
{
	if (strcmp(service->name, name) != 0) {
		return false;
	}
	for (size_t i = 0; i < service->route_count; i++) {
		if (service->routes[i].long_poll &&
		    fits(service->routes[i].action, action)) {
			return true;
		}
	}
	return false;
}

static bool on_is_long_poll(void *arg, const char *service, const char *action)
{
	struct dashboard *dashboard = arg;
	struct route_table *table;
	bool found = false;

	(void)pthread_mutex_lock(&dashboard->lock);
	table = route_table_ref(dashboard->table);
	(void)pthread_mutex_unlock(&dashboard->lock);
	for (size_t i = 0; i < route_table_count(table) && !found; i++) {
		found = is_long_poll(route_table_service(table, i), service, action);
	}
	route_table_unref(table);
	return found;
}

/* Does systemd's journal keep what is written to standard output? systemd.exec(5) */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device = 0;
	unsigned long long inode = 0;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDOUT_FILENO, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

/* A key does not belong into a log. */
static void on_listening(
    void *arg, const char *url, const char *key, const char *key_path)
{
	struct dashboard *dashboard = arg;

	atomic_store(dashboard->listening_port, atoi(strrchr(url, ':') + 1));
	if (dashboard->print_link && !is_journal()) {
		(void)printf("dashboard: %s/#key=%s\n", url, key);
	} else {
		(void)printf("dashboard: %s/#key= and what is in %s\n", url, key_path);
	}
	(void)fflush(stdout);
}

static int init(struct dashboard *dashboard, const struct dashboard_parts *parts)
{
	const struct settings *settings = parts->settings;
	const char *host = settings->listen_host;

	/* any address: from here it is this one */
	host = strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1"
	       : strcmp(host, "::") == 0    ? "::1"
	                                    : host;
	dashboard->storage = parts->storage;
	dashboard->listening_port = parts->listening_port;
	dashboard->print_link = settings->admin_print_link;
	dashboard->store_path = command_state_path(settings, "waybill.db");
	dashboard->ca = realpath(parts->ca_root, NULL); /* for copying elsewhere */
	(void)snprintf(dashboard->proxy, sizeof(dashboard->proxy), "http://%s%s%s:%d",
	    strchr(host, ':') ? "[" : "", host, strchr(host, ':') ? "]" : "",
	    parts->proxy_port);
	dashboard->parts = (struct admin_parts){
		.host = settings->admin_host,
		.port = settings->admin_port,
		.hosts = settings->admin_hosts,
		.host_count = settings->admin_host_count,
		.state_dir = settings->state_dir,
		.store_path = dashboard->store_path,
		.database = settings_is_sqlite(settings) ? NULL : settings->database,
		.version = WAYBILL_VERSION,
		.proxy = dashboard->proxy,
		.ca = dashboard->ca ? dashboard->ca : parts->ca_root,
		.arg = dashboard,
		.check_store = on_check_store,
		.delivery = storage_shipper(parts->storage) ? on_delivery : NULL,
		.is_long_poll = on_is_long_poll,
		.on_listening = on_listening,
	};
	return dashboard->store_path ? 0 : -ENOMEM;
}

int dashboard_start(const struct dashboard_parts *parts, struct dashboard **ret_dashboard,
    struct err *err)
{
	struct dashboard *dashboard = calloc(1, sizeof(*dashboard));
	int r;

	if (!dashboard) {
		return err_set(err, ENOMEM, "out of memory");
	}
	(void)pthread_mutex_init(&dashboard->lock, NULL);
	dashboard->table = route_table_ref(parts->table);
	if (init(dashboard, parts) != 0) {
		dashboard_stop(dashboard);
		return err_set(err, ENOMEM, "out of memory");
	}
	if (parts->settings->admin_allow_remote) {
		log_warn(
		    "admin.allow_remote is on: the keys of the admin port cross the "
		    "network in the clear unless something in front of it speaks TLS");
	}
	r = admin_start(&dashboard->parts, &dashboard->admin, err);
	if (r != 0) {
		dashboard_stop(dashboard);
		return r;
	}
	*ret_dashboard = dashboard;
	return 0;
}

void dashboard_reload(struct dashboard *dashboard, struct route_table *table)
{
	struct route_table *old;

	if (!dashboard) {
		return;
	}
	(void)pthread_mutex_lock(&dashboard->lock);
	old = dashboard->table;
	dashboard->table = route_table_ref(table);
	(void)pthread_mutex_unlock(&dashboard->lock);
	route_table_unref(old);
}

void dashboard_drain(struct dashboard *dashboard)
{
	if (dashboard) {
		admin_drain(dashboard->admin);
	}
}

void dashboard_stop(struct dashboard *dashboard)
{
	if (dashboard) {
		admin_stop(dashboard->admin);
		route_table_unref(dashboard->table);
		(void)pthread_mutex_destroy(&dashboard->lock);
		free(dashboard->store_path);
		free(dashboard->ca);
		free(dashboard);
	}
}

/* SPDX-License-Identifier: MIT */
#include "cmd/client_setup.h"

#include "cmd/address.h"
#include "cmd/client_files.h"
#include "tls/trust.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define PRELOAD "preload.cjs"

/* Takes text; gives it back, or NULL when there was none. */
static const char *keep(struct client_setup *setup, char *text)
{
	if (text) {
		setup->text[setup->text_count++] = text;
	}
	return text;
}

static const char *keep_path(
    struct client_setup *setup, const char *folder, const char *name)
{
	char *path = NULL;

	return keep(setup, asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path);
}

char *client_installed(const char *const *candidates, size_t count)
{
	char folder[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	char *slash;

	if (len <= 0) {
		return NULL;
	}
	folder[len] = '\0';
	slash = strrchr(folder, '/');
	if (slash) {
		*slash = '\0';
	}
	for (size_t i = 0; i < count; i++) {
		char *path = NULL;
		char *whole;

		if (asprintf(&path, "%s/%s", folder, candidates[i]) < 0) {
			return NULL;
		}
		whole = realpath(path, NULL);
		free(path);
		if (whole) {
			return whole;
		}
	}
	return NULL;
}

/* ---- the proxy's address */

const char *client_reachable(const char *host)
{
	if (strcmp(host, "0.0.0.0") == 0) {
		return "127.0.0.1";
	}
	return strcmp(host, "::") == 0 ? "::1" : host;
}

int client_running_port(const struct settings *settings)
{
	char *path = command_state_path(settings, CLIENT_LISTEN_FILE);
	FILE *file = path ? fopen(path, "re") : NULL;
	char line[ADDRESS_HOST_SIZE + 16] = "";
	struct address_pair pair = { .port = 0 };

	if (file) {
		if (fgets(line, sizeof(line), file)) {
			line[strcspn(line, "\n")] = '\0';
		}
		(void)fclose(file); /* only read from */
	}
	free(path);
	return line[0] && !address_parse(slice_of(line), &pair) && pair.port > 0
	           ? pair.port
	           : 0;
}

static int find_proxy(const struct command *command, const struct client_options *options,
    struct client_setup *setup)
{
	const struct settings *settings = setup->settings;
	struct address_pair pair = { .port = -1 };
	const char *wrong = NULL;

	if (options->host) {
		wrong = address_parse(slice_of(options->host), &pair);
	}
	if (wrong || (options->host && (!pair.host[0] || pair.port == 0))) {
		return command_misuse(command, "--host %s: %s", options->host,
		    wrong ? wrong : "expected HOST or HOST:PORT");
	}
	(void)snprintf(setup->host, sizeof(setup->host), "%s",
	    options->host ? pair.host : client_reachable(settings->listen_host));
	setup->place.proxy_host = setup->host;
	setup->place.proxy_port = settings->listen_port;
	if (pair.port > 0) {
		setup->place.proxy_port = pair.port;
	} else if (settings->listen_port == 0) {
		setup->place.proxy_port = client_running_port(settings);
	}
	if (setup->place.proxy_port == 0) {
		(void)fprintf(stderr,
		    "waybill %s: listen has port 0 and no waybill runs: start `waybill run`, "
		    "or give listen a port\n",
		    command->name);
		return EXIT_FAILED;
	}
	return EXIT_FINE;
}

static int find_credential(const struct command *command,
    const struct client_options *options, struct client_setup *setup)
{
	const struct settings *settings = setup->settings;
	struct buf users = { 0 };
	int rc;

	for (size_t i = 0; i < settings->credential_count; i++) {
		const struct credential *credential = &settings->credentials[i];

		if (options->user ? strcmp(options->user, credential->user) == 0
		                  : settings->credential_count == 1) {
			setup->place.user = credential->user;
			setup->place.secret = credential->secret;
		}
		buf_printf(&users, "%s%s", i ? ", " : "", credential->user);
	}
	if (setup->place.user || (!options->user && settings->credential_count == 0)) {
		buf_finish(&users);
		return EXIT_FINE;
	}
	buf_putc(&users, '\0');
	if (options->user) {
		rc = command_misuse(command, "%s is none of access.credentials (%s)",
		    options->user,
		    settings->credential_count && !users.failed ? users.ptr : "empty");
	} else {
		rc = command_misuse(command,
		    "access.credentials has several users: name one of %s with --user",
		    users.failed ? "them" : users.ptr);
	}
	buf_finish(&users);
	return rc;
}

/* ---- what of the caller's environment cannot be kept */

/* A file of roots that is neither ours nor the system's. */
static void note_roots(const struct client_setup *setup, const char *name)
{
	const char *present = setup->place.present(name);
	const char *system_roots = trust_system_roots();

	if (present && *present && strcmp(present, setup->place.root) != 0 &&
	    strcmp(present, setup->place.bundle) != 0 &&
	    !(system_roots && strcmp(present, system_roots) == 0)) {
		(void)fprintf(stderr,
		    "waybill: %s was %s: what only that file trusts is not in %s; "
		    "update-ca-certificates adds it to the system's roots, which are\n",
		    name, present, setup->place.bundle);
	}
}

void client_setup_note(const struct client_setup *setup)
{
	const char *bypass = setup->place.present("NO_PROXY");

	note_roots(setup, "NODE_EXTRA_CA_CERTS");
	note_roots(setup, "SSL_CERT_FILE");
	if (bypass && strcmp(bypass, "*") == 0) {
		(void)fprintf(stderr,
		    "waybill: NO_PROXY is *, so that no call goes through the proxy\n");
	}
}

/* wget reads one file of the user's, and that may hold what it needs. */
static bool has_wgetrc(const char *ours)
{
	const char *named = getenv("WGETRC");
	const char *home = getenv("HOME");
	char *path = NULL;
	bool has = false;

	if (named && *named) {
		return strcmp(named, ours) != 0;
	}
	if (home && asprintf(&path, "%s/.wgetrc", home) >= 0) {
		has = access(path, F_OK) == 0;
		free(path);
	}
	return has;
}

/* ---- all together */

/* For Node: where it is, or a copy where the client sees it. */
static int place_preload(const struct client_options *options, const char *folder,
    const char *seen, struct client_setup *setup, struct err *err)
{
	static const char *const preload[] = {
		"../lib/waybill/" PRELOAD,
		"../../clients/node/" PRELOAD, /* in a build directory */
	};
	char *path = client_installed(preload, sizeof(preload) / sizeof(preload[0]));
	int r = 0;

	if (!path) {
		return err_set(err, ENOENT,
		    PRELOAD
		    " is not installed: it belongs in ../lib/waybill/, seen from this "
		    "program's folder");
	}
	if (!options->files) {
		setup->place.preload_cjs = keep(setup, path);
		return 0;
	}
	r = client_files_copy(path, folder, err);
	free(path);
	if (r == 0) {
		setup->place.preload_cjs = keep_path(setup, seen, PRELOAD);
		r = setup->place.preload_cjs ? 0 : err_set(err, ENOMEM, "out of memory");
	}
	return r;
}

static int place_files(const char *folder, struct client_setup *setup, struct err *err)
{
	struct client_place *place = &setup->place;

	place->root = keep_path(setup, folder, "root.pem");
	place->bundle = keep_path(setup, folder, "bundle.pem");
	place->truststore = keep_path(setup, folder, "truststore.p12");
	place->php_dir = keep_path(setup, folder, CLIENT_PHP_DIR);
	place->wgetrc = keep_path(setup, folder, CLIENT_WGETRC);
	if (!place->root || !place->bundle || !place->truststore || !place->php_dir ||
	    !place->wgetrc) {
		return err_set(err, ENOMEM, "out of memory");
	}
	if (has_wgetrc(place->wgetrc)) {
		place->wgetrc = NULL;
	}
	return 0;
}

/* Finds what LD_PRELOAD is to name. Says what is wrong, and returns the exit code. */
static int find_connect_so(const struct command *command, struct client_setup *setup)
{
	static const char *const library[] = {
		"../lib/waybill/libwaybill-connect.so",
		"../clients/connect/libwaybill-connect.so", /* in a build directory */
	};

	if (setup->settings->credential_count > 0) {
		return command_misuse(command,
		    "--preload has no way to send a user and a secret, and "
		    "access.credentials asks for them: leave one of the two out");
	}
	setup->place.connect_so =
	    keep(setup, client_installed(library, sizeof(library) / sizeof(library[0])));
	if (!setup->place.connect_so) {
		(void)fprintf(stderr,
		    "waybill %s: libwaybill-connect.so is not installed: it belongs in "
		    "../lib/waybill/, seen from this program's folder\n",
		    command->name);
		return EXIT_FAILED;
	}
	if (strpbrk(setup->place.connect_so, " :")) {
		(void)fprintf(stderr,
		    "waybill %s: LD_PRELOAD cannot name %s: install waybill where the path has "
		    "no blank and no colon\n",
		    command->name, setup->place.connect_so);
		return EXIT_FAILED;
	}
	return EXIT_FINE;
}

/* What is not needed for the default is not said. Returns 0 or -ENOMEM. */
static int find_ports(struct client_setup *setup)
{
	const struct settings *settings = setup->settings;
	struct buf text = { 0 };

	if (settings->connect_port_count == 1 && settings->connect_ports[0] == 443) {
		return 0;
	}
	for (size_t i = 0; i < settings->connect_port_count; i++) {
		buf_printf(&text, "%s%d", i ? "," : "", settings->connect_ports[i]);
	}
	setup->place.ports = keep(setup, buf_steal(&text));
	return setup->place.ports ? 0 : -ENOMEM;
}

static int find_files(const struct command *command, const struct client_options *options,
    struct client_setup *setup)
{
	struct err err;
	char *folder = NULL;
	char *hosts = NULL;
	const char *seen;
	int rc = client_files_ensure(
	    setup->settings, options->files, options->files_at, &folder, &hosts, &err);

	setup->place.hosts = keep(setup, hosts);
	seen = options->files_at ? options->files_at : folder;
	if (rc == 0) {
		rc = place_files(seen, setup, &err);
	}
	if (rc == 0 && options->node) {
		rc = place_preload(options, folder, seen, setup, &err);
	}
	if (rc == 0 && find_ports(setup) != 0) {
		rc = err_set(&err, ENOMEM, "out of memory");
	}
	free(folder);
	if (rc != 0) {
		(void)fprintf(stderr, "waybill %s: %s\n", command->name, err.text);
		return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	}
	return EXIT_FINE;
}

static const char *environment(const char *name)
{
	return getenv(name);
}

int client_setup_make(const struct command *command, const struct client_options *options,
    struct client_setup *ret_setup)
{
	int rc;

	*ret_setup = (struct client_setup){ .place = { .present = environment } };
	rc = command_settings(options->config, &ret_setup->settings);
	if (rc == EXIT_FINE) {
		rc = find_credential(command, options, ret_setup);
	}
	if (rc == EXIT_FINE) {
		rc = find_proxy(command, options, ret_setup);
	}
	if (rc == EXIT_FINE) {
		rc = find_files(command, options, ret_setup);
	}
	if (rc == EXIT_FINE && options->preload) {
		rc = find_connect_so(command, ret_setup);
	}
	return rc;
}

void client_setup_finish(struct client_setup *setup)
{
	for (size_t i = 0; i < setup->text_count; i++) {
		free(setup->text[i]);
	}
	setup->text_count = 0;
	settings_free(setup->settings);
	setup->settings = NULL;
}

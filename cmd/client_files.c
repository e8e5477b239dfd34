/* SPDX-License-Identifier: MIT */
#include "cmd/client_files.h"

#include "cmd/command.h"
#include "cmd/hosts.h"
#include "routes/routes.h"
#include "tls/ca.h"
#include "tls/pemfile.h"
#include "tls/trust.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_MAX (1024 * 1024)

/* Puts text into folder/name. */
static int put_text(
    const char *folder, const char *name, struct buf *text, struct err *err)
{
	char *path = NULL;
	int r = -ENOMEM;

	if (!text->failed && asprintf(&path, "%s/%s", folder, name) >= 0) {
		r = pemfile_put(path, 0644, buf_slice(text), err);
		free(path);
	} else {
		(void)err_set(err, ENOMEM, "out of memory");
	}
	buf_finish(text);
	return r;
}

/* PHP's curl and streams take their roots from the configuration only. */
static int put_php(const char *folder, const char *seen, struct err *err)
{
	struct buf text = { 0 };
	char *path = NULL;
	int r = 0;

	if (asprintf(&path, "%s/" CLIENT_PHP_DIR, folder) < 0) {
		return err_set(err, ENOMEM, "out of memory");
	}
	if (mkdir(path, 0755) != 0 && errno != EEXIST) {
		r = err_set(err, errno, "cannot make %s: %s", path, strerror(errno));
	}
	if (r == 0 && chmod(path, 0755) != 0 &&
	    errno != EPERM) { /* whatever the umask is */
		r = err_set(err, errno, "cannot open %s: %s", path, strerror(errno));
	}
	free(path);
	if (r != 0) {
		return r;
	}
	buf_printf(&text,
	    "; written by waybill; for PHP_INI_SCAN_DIR\n"
	    "curl.cainfo = \"%s/bundle.pem\"\n"
	    "openssl.cafile = \"%s/bundle.pem\"\n",
	    seen, seen);
	return put_text(folder, CLIENT_PHP_DIR "/waybill.ini", &text, err);
}

static int put_all(
    const char *ca_dir, const char *folder, const char *seen, struct err *err)
{
	struct buf text = { 0 };
	int r = trust_write(ca_dir, trust_system_roots(), folder, err);

	if (r == 0) {
		r = put_php(folder, seen, err);
	}
	if (r == 0) {
		buf_printf(&text,
		    "# written by waybill; for WGETRC\nca_certificate = %s/bundle.pem\n",
		    seen);
		r = put_text(folder, CLIENT_WGETRC, &text, err);
	}
	return r;
}

/* Another user's state_dir gets no CA of ours: its owner could not read the keys. */
static int check_owner(const char *state_dir, struct err *err)
{
	struct stat st;

	if (stat(state_dir, &st) == 0 && st.st_uid != geteuid()) {
		return err_set(err, EACCES,
		    "there is no CA in %s yet, and the folder belongs to user %u: start "
		    "`waybill run` as that user once",
		    state_dir, (unsigned)st.st_uid);
	}
	return 0;
}

static int make_ca(const struct settings *settings, const char *ca_dir,
    const struct host_list *hosts, struct err *err)
{
	struct ca_settings where = { .dir = ca_dir,
		.discard_root_key = settings->discard_root_key };
	struct ca *ca = NULL;
	int r = check_owner(settings->state_dir, err);

	if (r == 0) {
		r = ca_open(&where, hosts->item, hosts->count, &ca, err);
	}
	ca_close(ca);
	return r;
}

static int ensure_ca(const struct settings *settings, const char *ca_dir,
    const struct host_list *hosts, struct err *err)
{
	char *root = NULL;
	int r = 0;

	if (asprintf(&root, "%s/root.pem", ca_dir) < 0) {
		return err_set(err, ENOMEM, "out of memory");
	}
	if (access(root, R_OK) != 0) {
		r = errno == ENOENT
		        ? make_ca(settings, ca_dir, hosts, err)
		        : err_set(err, errno,
		              "cannot read %s: %s; run this as the user that "
		              "runs waybill, or as root with --files DIR, which "
		              "puts what clients read where they can read it",
		              root, strerror(errno));
	}
	free(root);
	return r;
}

static int join_hosts(const struct host_list *hosts, char **ret_text, struct err *err)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < hosts->count; i++) {
		buf_printf(&text, "%s%s", i ? "," : "", hosts->item[i]);
	}
	*ret_text = buf_steal(&text);
	return *ret_text ? 0 : err_set(err, ENOMEM, "out of memory");
}

/* The folder's whole path; made when it is one for clients. Gives it. */
static int open_folder(
    const char *ca_dir, const char *files, char **ret_folder, struct err *err)
{
	const char *name = files ? files : ca_dir;

	if (files && mkdir(files, 0755) != 0 && errno != EEXIST) {
		return err_set(err, errno, "cannot make %s: %s", files, strerror(errno));
	}
	*ret_folder = realpath(name, NULL);
	return *ret_folder
	           ? 0
	           : err_set(err, errno, "cannot open %s: %s", name, strerror(errno));
}

/* A folder that may only be read from is fine when all is there. */
static int put_or_find(
    const char *ca_dir, const char *folder, const char *seen, struct err *err)
{
	char *bundle = NULL;
	int r = put_all(ca_dir, folder, seen, err);

	if ((r == -EACCES || r == -EROFS || r == -EPERM) &&
	    asprintf(&bundle, "%s/" CLIENT_WGETRC, folder) >= 0) {
		if (access(bundle, R_OK) == 0) {
			(void)fprintf(stderr, "waybill: %s; the files stay as they are\n",
			    err->text);
			r = 0;
		}
		free(bundle);
	}
	return r;
}

static int make_files(const struct settings *settings, const char *ca_dir,
    const struct host_list *hosts, const char *files, const char *files_at,
    char **ret_folder, struct err *err)
{
	int r = ensure_ca(settings, ca_dir, hosts, err);

	if (r == 0) {
		r = open_folder(ca_dir, files, ret_folder, err);
	}
	if (r == 0) {
		r = put_or_find(
		    ca_dir, *ret_folder, files_at ? files_at : *ret_folder, err);
	}
	return r;
}

/* What `waybill run` has published, for users who may not look into state_dir. */
static char *find_published(const struct settings *settings)
{
	char *path = NULL;
	char *folder = NULL;

	if (settings->ca_publish &&
	    asprintf(&path, "%s/" CLIENT_WGETRC, settings->ca_publish) >= 0) {
		folder =
		    access(path, R_OK) == 0 ? realpath(settings->ca_publish, NULL) : NULL;
		free(path);
	}
	return folder;
}

int client_files_ensure(const struct settings *settings, const char *files,
    const char *files_at, char **ret_folder, char **ret_hosts, struct err *err)
{
	struct route_table *table = NULL;
	struct host_list hosts = { 0 };
	char *ca_dir = command_state_path(settings, "ca");
	char *folder = NULL;
	char *text = NULL;
	int r = ca_dir ? 0 : err_set(err, ENOMEM, "out of memory");

	if (r == 0) {
		r = route_table_load(settings->services, &table, err);
	}
	if (r == 0) {
		r = host_list_init(&hosts, table, err);
	}
	if (r == 0) {
		r = join_hosts(&hosts, &text, err);
	}
	if (r == 0 && !files) {
		folder = find_published(settings);
	}
	if (r == 0 && !folder) {
		r = make_files(settings, ca_dir, &hosts, files, files_at, &folder, err);
	}
	host_list_finish(&hosts);
	route_table_unref(table);
	free(ca_dir);
	if (r != 0) {
		free(folder);
		free(text);
		return r;
	}
	*ret_folder = folder;
	*ret_hosts = text;
	return 0;
}

int client_files_copy(const char *path, const char *folder, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct buf text = { 0 };
	int r = pemfile_read(path, COPY_MAX, "install waybill anew", &text, err);

	if (r < 0) {
		buf_finish(&text);
		return r;
	}
	return put_text(folder, slash ? slash + 1 : path, &text, err);
}

int client_files_write(const struct settings *settings, struct err *err)
{
	char *ca_dir = command_state_path(settings, "ca");
	char *folder = NULL;
	int r = ca_dir ? open_folder(ca_dir, NULL, &folder, err)
	               : err_set(err, ENOMEM, "out of memory");

	if (r == 0) {
		r = put_all(ca_dir, folder, folder, err);
	}
	if (r == 0 && settings->ca_publish) {
		free(folder);
		folder = NULL;
		r = open_folder(ca_dir, settings->ca_publish, &folder, err);
		r = r == 0 ? put_all(ca_dir, folder, folder, err) : r;
	}
	free(folder);
	free(ca_dir);
	return r;
}

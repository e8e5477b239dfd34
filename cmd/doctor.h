/* SPDX-License-Identifier: MIT */
/*
 * doctor: what the checks share.
 */
#ifndef CMD_DOCTOR_H
#define CMD_DOCTOR_H

#include "cmd/doctor_report.h"
#include "cmd/settings.h"

struct route_table;

struct doctor {
	const struct settings *settings;
	const struct route_table *table; /* NULL: the service files are wrong */
	struct doctor_report *report;
	char host[256]; /* where the proxy is reached from here */
	int port;       /* 0: not known */
};

/* doctor_files.c: state_dir, the CA, the files for clients, the store, the database. */
void doctor_check_files(struct doctor *doctor);
void doctor_check_database(struct doctor *doctor);

/* The variables of this process's environment: doctor_check_env below. */
void doctor_check_environment(struct doctor *doctor);

/* doctor_port.c: what answers on the port; a call through itself, but for the call. */
void doctor_check_port(struct doctor *doctor);

/* Connects to the proxy, blocking, with timeouts. Returns a descriptor or a negative
 * errno. */
int doctor_connect(const struct doctor *doctor);

/* doctor_env.c: the variables of this environment; get is getenv, or a test's. */
struct doctor_env {
	const char *const *hosts; /* routed */
	size_t host_count;
	const char *proxy_host;
	int proxy_port;
	const char *root_pem; /* our root's text; NULL: not known */
	const char *(*get)(const char *name);
};

void doctor_check_env(const struct doctor_env *env, struct doctor_report *report);

/* Does an entry of a NO_PROXY list take this host out? As curl, Go and Python have it. */
bool doctor_no_proxy_has(const char *list, const char *host);

/*
 * doctor_pem.c: what a file of certificates is. wanted (PEM, may be NULL) is looked for
 * in it. Returns NULL when it is fine, or, in words, what is wrong.
 */
const char *doctor_pem_fault(const char *path, const char *wanted);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * static: the page's files, built into the program by assets.py. There is no data in
 * them.
 */
#ifndef DASHBOARD_STATIC_H
#define DASHBOARD_STATIC_H

#include "dashboard/http.h"

struct asset {
	const char *path; /* "/app.js" */
	const char *type;
	const char *etag; /* with its quotes */
	const unsigned char *data;
	size_t len;
};

/* Ends with a path of NULL. */
extern const struct asset assets[];

/* "/" is "/index.html". NULL: there is none. */
const struct asset *static_find(struct slice path);

/* GET; 404 for what is none of the files. */
void static_handle(const struct request *request, struct reply *reply);

#endif

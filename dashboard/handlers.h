/* SPDX-License-Identifier: MIT */
/*
 * handlers: what stands behind the paths of dispatch.c. Each fills the reply in.
 */
#ifndef DASHBOARD_HANDLERS_H
#define DASHBOARD_HANDLERS_H

#include "dashboard/http.h"

/* health.c */
void health_live(const struct request *request, struct reply *reply);
void health_ready(const struct request *request, struct reply *reply);

/* metrics.c */
void metrics_handle(const struct request *request, struct reply *reply);

/* setup.c */
void setup_handle(const struct request *request, struct reply *reply);

/* coverage.c */
void coverage_handle(const struct request *request, struct reply *reply);

/* facets.c */
void facets_handle(const struct request *request, struct reply *reply);

/* chain.c */
void chain_handle(const struct request *request, struct reply *reply);

/* live.c */
void live_handle(const struct request *request, struct reply *reply);

/* export.c */
void export_handle(const struct request *request, struct reply *reply);

/* overview.c */
void overview_handle(const struct request *request, struct reply *reply);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * route_match: CPU time per match with few and with many routes, in one run, and the
 * ratio.
 *
 * Each table has groups of five routes such as a service file has. What is asked for is
 * spread over the whole table, one call in five matching nothing.
 */
#include "base/buf.h"
#include "bench/cpu_clock.h"
#include "routes/routes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define GROUP_ROUTES 5
#define TARGETS                                                                          \
	1000 /* the same number in every table, so that the cache is no part of it */
#define MATCHES 2000000
#define ROUNDS  5

/* NULL, with words on standard error, when it fails. */
static struct route_table *make_table(size_t routes)
{
	struct route_table *table = NULL;
	struct err err = { "out of memory" };
	struct buf text = { .ptr = NULL };

	buf_puts(&text, "service: bench\nhosts: [bench.test]\nroutes:\n");
	for (size_t i = 0; i < routes / GROUP_ROUTES; i++) {
		buf_printf(&text,
		    "  - {methods: POST, path: /v1/thing%04zu, action: create_thing}\n"
		    "  - {methods: GET, path: '/v1/thing%04zu/{id}', action: get_thing}\n"
		    "  - {methods: POST, path: '/v1/thing%04zu/{id}/send', action: send_thing}\n"
		    "  - {methods: GET, path: '/v1/{any}/part%04zu', action: get_part}\n"
		    "  - {path: '/bot{token}/m%04zu-*', action: 'call_{token}'}\n",
		    i, i, i, i, i);
	}
	if (text.failed ||
	    route_table_parse("bench.yaml", buf_slice(&text), &table, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
	}
	buf_finish(&text);
	return table;
}

static void make_target(char target[64], size_t i, size_t groups)
{
	size_t group = i * 7919 % groups; /* a prime: far apart */

	switch (i % GROUP_ROUTES) {
	case 0:
		(void)snprintf(target, 64, "/v1/thing%04zu/31650001", group);
		break;
	case 1:
		(void)snprintf(target, 64, "/v1/thing%04zu/31650001/send", group);
		break;
	case 2:
		(void)snprintf(target, 64, "/v1/anything/part%04zu", group);
		break;
	case 3:
		(void)snprintf(target, 64, "/bot1234:AAF/m%04zu-get", group);
		break;
	default:
		(void)snprintf(target, 64, "/v1/nothing%04zu/at/all", group);
		break;
	}
}

/* The best of some rounds: CPU nanoseconds per match, or a negative number. */
static double measure(size_t routes)
{
	static char target[TARGETS][64];
	struct route_table *table = make_table(routes);
	int64_t best = INT64_MAX;
	size_t found = 0;

	if (!table) {
		return -1;
	}
	for (size_t i = 0; i < TARGETS; i++) {
		make_target(target[i], i, routes / GROUP_ROUTES);
	}
	for (int round = 0; round < ROUNDS; round++) {
		const struct service *service = route_table_service(table, 0);
		int64_t begun = cpu_ns();
		int64_t took;

		for (size_t i = 0; i < MATCHES / ROUNDS; i++) {
			struct slice method =
			    i % GROUP_ROUTES == 1 ? SLICE("POST") : SLICE("GET");
			struct route_match match;

			if (route_match(service, method, slice_of(target[i % TARGETS]),
			        &match) < 0) {
				route_table_unref(table);
				return -1;
			}
			found += match.route != &service->other;
			route_match_finish(&match);
		}
		took = cpu_ns() - begun;
		best = took < best ? took : best;
	}
	route_table_unref(table);
	return found == (size_t)MATCHES / GROUP_ROUTES * (GROUP_ROUTES - 1)
	           ? (double)best / (MATCHES / ROUNDS)
	           : -1;
}

int main(void)
{
	double few = measure(10);
	double many = measure(10000);

	if (few <= 0 || many <= 0) {
		(void)fprintf(stderr, "the tables do not match what they should\n");
		return EXIT_FAILURE;
	}
	printf("route_match      10 routes: %7.1f CPU ns per match\n", few);
	printf("route_match  10,000 routes: %7.1f CPU ns per match\n", many);
	printf("route_match          ratio: %7.2f\n", many / few);
	return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: MIT */
/*
 * ship_driver: a store and its shipper without a proxy, for tests/e2e/test_delivery.py.
 *
 *     ship_driver FOLDER URL [BATCH_TIMEOUT_MS]
 *
 * Commands come on standard input, a line each; answers go to standard output:
 *     load COUNT BYTES PER_COMMIT PAUSE_US DAYS   writes rows with payloads of BYTES,
 * begun DAYS from now; prints each id once its row is committed ("lost N" for N rows that
 *         the store did not take), then "done MAX_US": the slowest commit
 *     life COUNT      writes pending rows and then what became of them; prints likewise
 *     status          prints state, waiting, refused, counters, problem
 *     stop DRAIN_MS   ends; prints "stopped"
 */
#include "base/clock.h"
#include "base/counter.h"
#include "sql/shipper.h"
#include "sql/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define US_PER_DAY INT64_C(86400000000)

struct driver {
	struct store *store;
	struct shipper *shipper;
	char *payload; /* owned; of the current load */
};

static char *make_payload(size_t bytes)
{
	static const char head[] =
	    "{\"email\": {\"to\": \"someone@example.test\", \"text\": \"";
	static const char tail[] = "\"}}";
	char *json = malloc(bytes + sizeof(head) + sizeof(tail));
	size_t at = sizeof(head) - 1;
	unsigned seed = 7;

	if (!json) {
		abort();
	}
	memcpy(json, head, at);
	while (at + sizeof(tail) - 1 < bytes) {
		seed = seed * 1103515245 + 12345;
		json[at++] = (char)('a' + (seed >> 16) % 26);
	}
	memcpy(json + at, tail, sizeof(tail));
	return json;
}

static struct row make_row(
    const struct driver *driver, int64_t days, enum row_status status)
{
	int64_t now_us = wall_us() + days * US_PER_DAY;

	return (struct row){
		.id = uuid7_make(),
		.service_name = (char *)"resend",
		.action = (char *)"send_email",
		.status = status,
		.request_payload = driver->payload,
		.response_payload =
		    status == ROW_PENDING ? NULL : (char *)"{\"id\": \"re_123\"}",
		.duration_ms = status == ROW_PENDING ? -1 : 12,
		.created_us = now_us,
		.updated_us = now_us,
	};
}

static bool put_rows(
    struct driver *driver, struct row *rows, size_t count, int64_t *max_us)
{
	int64_t begin = mono_ns();
	struct err err;
	int result = store_begin(driver->store, &err);

	for (size_t i = 0; i < count && result == 0; i++) {
		result = store_put(driver->store, &rows[i], &err);
	}
	if (result == 0) {
		result = store_commit(driver->store, &err);
	}
	if (result != 0) {
		store_rollback(driver->store);
		(void)fprintf(stderr, "%s\n", err.text);
	}
	if ((mono_ns() - begin) / 1000 > *max_us) {
		*max_us = (mono_ns() - begin) / 1000;
	}
	return result == 0;
}

static void print_ids(const struct row *rows, size_t count)
{
	char text[UUID_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		uuid_format(&rows[i].id, text);
		(void)printf("%s\n", text);
	}
	(void)fflush(stdout);
}

static void load(
    struct driver *driver, size_t count, size_t per_commit, int pause_us, int64_t days)
{
	struct row *rows = calloc(per_commit, sizeof(*rows));
	int64_t max_us = 0;

	while (rows && count > 0) {
		size_t n = count < per_commit ? count : per_commit;

		for (size_t i = 0; i < n; i++) {
			rows[i] = make_row(driver, days, ROW_SUCCESS);
		}
		if (put_rows(driver, rows, n, &max_us)) {
			print_ids(rows, n);
		} else {
			(void)printf("lost %zu\n", n);
		}
		count -= n;
		if (pause_us > 0) {
			(void)usleep((useconds_t)pause_us);
		}
	}
	free(rows);
	(void)printf("done %lld\n", (long long)max_us);
	(void)fflush(stdout);
}

static void life(struct driver *driver, size_t count)
{
	int64_t max_us = 0;

	for (size_t i = 0; i < count; i++) {
		struct row row = make_row(driver, 0, ROW_PENDING);

		(void)put_rows(driver, &row, 1, &max_us);
		(void)usleep(1000 * (useconds_t)(i % 20));
		row.status = i % 2 ? ROW_SUCCESS : ROW_FAILED;
		row.response_payload = (char *)"{\"late\": true}";
		row.duration_ms = (int64_t)i;
		if (put_rows(driver, &row, 1, &max_us)) {
			print_ids(&row, 1);
		}
	}
	(void)printf("done %lld\n", (long long)max_us);
	(void)fflush(stdout);
}

static void print_status(struct driver *driver)
{
	struct shipper_status status;

	shipper_status(driver->shipper, &status);
	(void)printf("status %s %lld %lld %llu %llu %llu %llu|%s\n",
	    shipper_state_text(status.state), (long long)status.waiting,
	    (long long)status.refused,
	    (unsigned long long)counter_get(COUNTER_ROWS_DELIVERED),
	    (unsigned long long)counter_get(COUNTER_DELIVERY_BATCHES),
	    (unsigned long long)counter_get(COUNTER_ROWS_REPAIRED),
	    (unsigned long long)counter_get(COUNTER_ROWS_EVICTED), status.problem);
	(void)fflush(stdout);
}

/* Returns false on stop. */
static bool obey(struct driver *driver, const char *line)
{
	unsigned long count = 0;
	unsigned long bytes = 0;
	unsigned long per_commit = 1;
	int pause_us = 0;
	int days = 0;
	int drain_ms = 0;

	if (sscanf(line, "load %lu %lu %lu %d %d", &count, &bytes, &per_commit, &pause_us,
	        &days) == 5) {
		free(driver->payload);
		driver->payload = make_payload(bytes);
		load(driver, count, per_commit, pause_us, days);
	} else if (sscanf(line, "life %lu", &count) == 1) {
		life(driver, count);
	} else if (strncmp(line, "status", 6) == 0) {
		print_status(driver);
	} else if (sscanf(line, "stop %d", &drain_ms) == 1) {
		store_close(driver->store);
		shipper_stop(driver->shipper, (int64_t)drain_ms * 1000000);
		free(driver->payload);
		(void)printf("stopped\n");
		return false;
	} else {
		(void)printf("unknown: %s", line);
		(void)fflush(stdout);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct driver driver = { 0 };
	struct shipper_settings shipping = { 0 };
	struct store_settings storing = { .sync = STORE_SYNC_NORMAL, .deliver = true };
	char *quarantined = NULL;
	char path[1000];
	char ballast[1000];
	char line[200];
	struct err err;

	if (argc < 3) {
		return 2;
	}
	(void)snprintf(path, sizeof(path), "%s/waybill.db", argv[1]);
	(void)snprintf(ballast, sizeof(ballast), "%s/ballast", argv[1]);
	storing.path = path;
	shipping.store_path = path;
	shipping.ballast_path = ballast;
	shipping.database = argv[2];
	shipping.batch_timeout_ns = argc > 3 ? atoll(argv[3]) * 1000000 : 0;
	shipping.connect_timeout_ns = shipping.batch_timeout_ns;
	driver.payload = make_payload(200);
	if (store_open(&storing, &driver.store, &quarantined, &err) != 0 ||
	    shipper_start(&shipping, &driver.shipper, &err) != 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	store_on_commit(driver.store, shipper_notify, driver.shipper);
	(void)printf("%s\n", quarantined ? quarantined : "ready");
	(void)fflush(stdout);
	free(quarantined);
	while (fgets(line, sizeof(line), stdin) && obey(&driver, line)) {
	}
	return 0;
}

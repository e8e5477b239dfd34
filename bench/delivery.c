/* SPDX-License-Identifier: MIT */
/*
 * delivery: rows per second from the outbox into PostgreSQL, against COPY BINARY of the
 * same rows into the same table of the same server in one run; and the client's CPU.
 *
 *     bench_delivery [ROWS]
 *
 * WAYBILL_BENCH_DATABASE names a database with the table, whose rows are DELETED; without
 * it a private server is started.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/json.h"
#include "sql/shipper.h"
#include "sql/store.h"

#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define ROUNDS         5
#define REQUEST_BYTES  2000
#define RESPONSE_BYTES 500
#define EPOCH_2000_US  INT64_C(946684800000000)
#define COPY_CHUNK     ((size_t)64 << 10)
#define GIVE_UP_NS     INT64_C(300000000000)

struct bench {
	char folder[64];
	char store_path[96];
	char *url;     /* owned */
	FILE *server;  /* its standard output; NULL: a server of somebody's */
	int server_in; /* closing it ends the server */
	size_t rows;
	struct buf copy; /* the rows in the form of COPY BINARY */
};

static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "delivery: %s: %s\n", what, why);
	exit(1);
}

/* JSON of about so many bytes, of words such as mails are made of. */
static char *make_json(size_t bytes, unsigned *seed)
{
	static const char *const words[] = { "order", "delivery", "payment", "Almaty",
		"confirmed", "course", "lesson", "student", "schedule", "invoice",
		"manager", "contact", "7701", "2026", "https://example.test/", "thank",
		"you", "please" };
	struct buf json = { 0 };

	buf_printf(&json,
	    "{\"to\": \"client%u@example.test\", \"lead\": %u, \"text\": \"",
	    *seed % 100000, *seed);
	while (json.len + 12 < bytes) {
		*seed = *seed * 1103515245 + 12345;
		buf_printf(&json, "%s %u ",
		    words[(*seed >> 16) % (sizeof(words) / sizeof(words[0]))],
		    (*seed >> 8) % 1000);
	}
	buf_puts(&json, "\"}");
	return buf_steal(&json);
}

static void put_be32(struct buf *out, uint32_t number)
{
	uint32_t net = htobe32(number);

	buf_put(out, &net, sizeof(net));
}

static void put_field(struct buf *out, const void *data, size_t len)
{
	put_be32(out, (uint32_t)len);
	buf_put(out, data, len);
}

static void put_json_field(struct buf *out, const char *json)
{
	put_be32(out, (uint32_t)strlen(json) + 1);
	buf_putc(out, 1); /* jsonb_recv: the version */
	buf_puts(out, json);
}

static void put_time(struct buf *out, int64_t us)
{
	uint64_t net = htobe64((uint64_t)(us - EPOCH_2000_US));

	put_field(out, &net, sizeof(net));
}

/* www.postgresql.org/docs/15/sql-copy.html, "Binary Format". */
static void put_copy_row(struct buf *out, const struct row *row)
{
	uint16_t columns = htobe16(14);
	uint32_t number = htobe32((uint32_t)row->duration_ms);
	const char *status = row_status_text(row->status);

	buf_put(out, &columns, sizeof(columns));
	put_field(out, row->id.byte, sizeof(row->id.byte));
	put_field(out, row->service_name, strlen(row->service_name));
	put_field(out, row->action, strlen(row->action));
	put_field(out, status, strlen(status));
	put_field(out, row->related_entity_type, strlen(row->related_entity_type));
	put_field(out, row->related_entity_id.byte, sizeof(row->id.byte));
	put_json_field(out, row->request_payload);
	put_json_field(out, row->response_payload);
	put_be32(out, UINT32_MAX); /* NULL */
	put_be32(out, UINT32_MAX);
	put_field(out, &number, sizeof(number));
	number = 0;
	put_field(out, &number, sizeof(number));
	put_time(out, row->created_us);
	put_time(out, row->updated_us);
}

/* Writes the rows into a new store and keeps them for COPY. */
static void make_rows(struct bench *bench)
{
	static const char header[] = "PGCOPY\n\377\r\n"; /* and its NUL */
	struct store_settings settings = {
		.path = bench->store_path, .sync = STORE_SYNC_OFF, .deliver = true
	};
	struct store *store = NULL;
	char *quarantined = NULL;
	unsigned seed = 1;
	uint16_t end = UINT16_MAX;
	struct err err;

	if (store_open(&settings, &store, &quarantined, &err) != 0 ||
	    store_begin(store, &err) != 0) {
		die("the store", err.text);
	}
	buf_truncate(&bench->copy, 0);
	buf_put(&bench->copy, header, sizeof(header));
	put_be32(&bench->copy, 0);
	put_be32(&bench->copy, 0);
	for (size_t i = 0; i < bench->rows; i++) {
		struct row row = { .id = uuid7_make(),
			.service_name = (char *)(i % 3 ? "resend" : "telegram"),
			.action = (char *)(i % 3 ? "send_email" : "telegram_sendmessage"),
			.status = i % 20 ? ROW_SUCCESS : ROW_FAILED,
			.related_entity_type = (char *)"lead",
			.related_entity_id = uuid7_make(),
			.request_payload = make_json(REQUEST_BYTES, &seed),
			.response_payload = make_json(RESPONSE_BYTES, &seed),
			.duration_ms = (int64_t)(i % 900),
			.created_us = wall_us(),
			.updated_us = wall_us() };

		if (!row.request_payload || !row.response_payload ||
		    store_put(store, &row, &err) != 0) {
			die("the store", err.text);
		}
		put_copy_row(&bench->copy, &row);
		free(row.request_payload);
		free(row.response_payload);
	}
	buf_put(&bench->copy, &end, sizeof(end));
	if (bench->copy.failed || store_commit(store, &err) != 0) {
		die("the store", err.text);
	}
	store_close(store);
	free(quarantined);
}

static void run_sql(PGconn *conn, const char *sql, ExecStatusType wanted)
{
	PGresult *result = PQexec(conn, sql);

	if (PQresultStatus(result) != wanted) {
		die(sql, PQerrorMessage(conn));
	}
	PQclear(result);
}

static double cpu_seconds(void)
{
	struct rusage use;

	(void)getrusage(RUSAGE_SELF, &use); /* cannot fail with these arguments */
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/* Returns seconds. */
static double copy_rows(struct bench *bench, PGconn *conn)
{
	int64_t begin;
	PGresult *result;

	run_sql(conn, "TRUNCATE public.integration_logs", PGRES_COMMAND_OK);
	run_sql(conn, "CHECKPOINT", PGRES_COMMAND_OK);
	begin = mono_ns();
	run_sql(conn, "COPY public.integration_logs FROM STDIN (FORMAT binary)",
	    PGRES_COPY_IN);
	for (size_t at = 0; at < bench->copy.len; at += COPY_CHUNK) {
		size_t len = bench->copy.len - at;

		if (PQputCopyData(conn, bench->copy.ptr + at,
		        (int)(len < COPY_CHUNK ? len : COPY_CHUNK)) != 1) {
			die("COPY", PQerrorMessage(conn));
		}
	}
	if (PQputCopyEnd(conn, NULL) != 1) {
		die("COPY", PQerrorMessage(conn));
	}
	while ((result = PQgetResult(conn))) {
		if (PQresultStatus(result) != PGRES_COMMAND_OK) {
			die("COPY", PQerrorMessage(conn));
		}
		PQclear(result);
	}
	return (double)(mono_ns() - begin) / 1e9;
}

/* Returns seconds; *ret_cpu: of this process. */
static double ship_rows(struct bench *bench, PGconn *conn, double *ret_cpu)
{
	struct shipper_settings settings = { .store_path = bench->store_path,
		.database = bench->url };
	uint64_t target = counter_get(COUNTER_ROWS_DELIVERED) + bench->rows;
	struct shipper *shipper = NULL;
	double cpu;
	double seconds;
	int64_t begin;
	struct err err;

	run_sql(conn, "TRUNCATE public.integration_logs", PGRES_COMMAND_OK);
	run_sql(conn, "CHECKPOINT", PGRES_COMMAND_OK);
	begin = mono_ns();
	cpu = cpu_seconds();
	if (shipper_start(&settings, &shipper, &err) != 0) {
		die("the shipper", err.text);
	}
	while (counter_get(COUNTER_ROWS_DELIVERED) < target) {
		if (mono_ns() - begin > GIVE_UP_NS) {
			die("the shipper", "no end in sight");
		}
		(void)usleep(1000);
	}
	seconds = (double)(mono_ns() - begin) / 1e9;
	shipper_stop(shipper, 1000000000);
	*ret_cpu = cpu_seconds() - cpu;
	return seconds;
}

static void remove_store(const struct bench *bench)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char path[128];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "%s%s", bench->store_path, suffixes[i]);
		(void)unlink(path); /* not there: so much the better */
	}
}

/* A private server, started by the helper of the end-to-end tests. */
static void start_server(struct bench *bench)
{
	int in[2];
	int out[2];
	size_t cap = 0;

	if (pipe(in) < 0 || pipe(out) < 0) {
		die("a private server", "no pipe");
	}
	switch (fork()) {
	case -1:
		die("a private server", "cannot fork");
		break;
	case 0:
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)close(in[1]);
		(void)close(out[0]);
		(void)execl("/usr/bin/python3", "python3",
		    BENCH_SOURCE "/tests/e2e/lib/postgres_serve.py", (char *)NULL);
		_exit(127);
	default:
		break;
	}
	(void)close(in[0]);
	(void)close(out[1]);
	bench->server_in = in[1];
	bench->server = fdopen(out[0], "r");
	if (!bench->server || getline(&bench->url, &cap, bench->server) < 0) {
		die("a private server", "it did not start");
	}
	bench->url[strcspn(bench->url, "\n")] = '\0';
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(struct bench *bench, PGconn *conn)
{
	double copy[ROUNDS];
	double ship[ROUNDS];
	double cpu[ROUNDS];
	double rows = (double)bench->rows;

	for (int i = 0; i < ROUNDS; i++) {
		remove_store(bench);
		make_rows(bench);
		copy[i] = copy_rows(bench, conn);
		ship[i] = ship_rows(bench, conn, &cpu[i]);
		(void)printf(
		    "COPY BINARY %.0f rows/s, waybill %.0f rows/s, its CPU %.1f us/row\n",
		    rows / copy[i], rows / ship[i], cpu[i] / rows * 1e6);
	}
	qsort(copy, ROUNDS, sizeof(copy[0]), compare);
	qsort(ship, ROUNDS, sizeof(ship[0]), compare);
	qsort(cpu, ROUNDS, sizeof(cpu[0]), compare);
	(void)printf(
	    "median: waybill %.0f rows/s, %.2f of COPY BINARY (at least 0.75 wanted); "
	    "CPU of the client %.1f us/row\n",
	    rows / ship[ROUNDS / 2], copy[ROUNDS / 2] / ship[ROUNDS / 2],
	    cpu[ROUNDS / 2] / rows * 1e6);
}

int main(int argc, char **argv)
{
	struct bench bench = { .folder = "/tmp/waybill-bench-XXXXXX", .rows = 20000 };
	const char *url = getenv("WAYBILL_BENCH_DATABASE");
	PGconn *conn;

	if (argc > 1 && atoi(argv[1]) > 0) {
		bench.rows = (size_t)atoi(argv[1]);
	}
	if (!mkdtemp(bench.folder)) {
		die(bench.folder, "cannot be made");
	}
	(void)snprintf(
	    bench.store_path, sizeof(bench.store_path), "%s/waybill.db", bench.folder);
	if (url) {
		bench.url = strdup(url);
	} else {
		start_server(&bench);
	}
	conn = PQconnectdb(bench.url);
	if (PQstatus(conn) != CONNECTION_OK) {
		die("the server", PQerrorMessage(conn));
	}
	measure(&bench, conn);
	PQfinish(conn);
	if (bench.server) {
		char byte;

		(void)close(bench.server_in);
		(void)!fread(&byte, 1, 1, bench.server); /* until it has cleaned up */
		(void)fclose(bench.server);
	}
	remove_store(&bench);
	(void)rmdir(bench.folder);
	free(bench.url);
	buf_finish(&bench.copy);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * metrics: GET /metrics, in Prometheus' text format 0.0.4. No secret and no payload is in
 * it. The counters and their words are those of base/counter.def.
 */
#include "base/clock.h"
#include "base/counter.h"
#include "dashboard/admin.h"
#include "dashboard/handlers.h"
#include "dashboard/health.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void put_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n') {
			buf_puts(out, "\\n");
		} else {
			buf_puts(out, *text == '\\' ? "\\" : "");
			buf_putc(out, *text);
		}
	}
}

static void put_head(
    struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s ", name);
	put_escaped(out, help);
	buf_printf(out, "\n# TYPE %s %s\n", name, type);
}

static void put_number(
    struct buf *out, const char *name, const char *type, const char *help, double value)
{
	put_head(out, name, type, help);
	buf_printf(out, "%s %.15g\n", name, value);
}

static void put_counters(struct buf *out)
{
	for (int i = 0; i < COUNTER_COUNT; i++) {
		char name[128];

		(void)snprintf(name, sizeof(name), "waybill_%s_total",
		    counter_name((enum counter)i));
		put_head(out, name, "counter", counter_help((enum counter)i));
		buf_printf(out, "%s %llu\n", name,
		    (unsigned long long)counter_get((enum counter)i));
	}
}

/* Calls begun = rows stored + skipped + losses + in flight. What has ended is read first:
 * then a call that ends in between does not make it negative. */
static double count_in_flight(void)
{
	static const enum counter ends[] = { COUNTER_ROWS_STORED, COUNTER_ROWS_SKIPPED,
		COUNTER_LOST_QUEUE, COUNTER_LOST_STORE, COUNTER_LOST_MEMORY };

	uint64_t ended = 0;
	uint64_t begun;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		ended += counter_get(ends[i]);
	}
	begun = counter_get(COUNTER_CALLS_BEGUN);
	return begun > ended ? (double)(begun - ended) : 0;
}

static void put_health(struct buf *out, const struct admin_parts *parts)
{
	static const enum shipper_state states[] = { SHIPPER_IDLE, SHIPPER_DELIVERING,
		SHIPPER_FAILING, SHIPPER_HOLDING };

	static const char name[] = "waybill_delivery_state";
	struct health health;

	health_look(parts, &health);
	put_number(out, "waybill_store_ok", "gauge",
	    "1 while the local store can be written, else 0", health.store_ok);
	put_number(out, "waybill_outbox_waiting", "gauge",
	    "rows and changes of rows that PostgreSQL does not have yet",
	    (double)health.delivery.waiting);
	put_number(out, "waybill_outbox_refused", "gauge",
	    "rows that PostgreSQL would not take and that wait for a person",
	    (double)health.delivery.refused);
	put_number(out, "waybill_delivery_stuck", "gauge",
	    "1 when delivery has been in trouble for so long that /readyz says unready",
	    health.stuck);
	put_head(out, name, "gauge",
	    "what delivery to PostgreSQL is doing: the state it is in is 1, the others 0");
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		buf_printf(out, "%s{state=\"%s\"} %d\n", name,
		    shipper_state_text(states[i]), health.delivery.state == states[i]);
	}
}

/* A label's value also escapes the quote. */
static void put_build(struct buf *out, const char *version)
{
	put_head(out, "waybill_build_info", "gauge", "1, with the program's version");
	buf_puts(out, "waybill_build_info{version=\"");
	for (; *version; version++) {
		buf_puts(out, strchr("\"\\", *version) ? "\\" : "");
		buf_putc(out, *version);
	}
	buf_puts(out, "\"} 1\n");
}

/* Fields 14 and on of /proc/self/stat: proc(5). False: it cannot be read. */
static bool read_stat(unsigned long long ret_field[11])
{
	FILE *file = fopen("/proc/self/stat", "re");
	char text[1024] = "";
	const char *end;
	bool read = file && fgets(text, sizeof(text), file);

	if (file) {
		(void)fclose(file);
	}
	end = read ? strrchr(text, ')') : NULL; /* the name may hold anything */
	return end && sscanf(end + 2,
	                  "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
	                  " %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu",
	                  &ret_field[0], &ret_field[1], &ret_field[2], &ret_field[3],
	                  &ret_field[4], &ret_field[5], &ret_field[6], &ret_field[7],
	                  &ret_field[8], &ret_field[9], &ret_field[10]) == 11;
}

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -3; /* "." and ".." and this folder itself */

	if (!dir) {
		return -1;
	}
	while (readdir(dir)) {
		count++;
	}
	(void)closedir(dir);
	return count;
}

/* The names that Prometheus' own client libraries use. */
static void put_process(struct buf *out)
{
	unsigned long long field[11] = { 0 };
	double ticks = (double)sysconf(_SC_CLK_TCK);
	struct timespec boot = { 0 };
	struct rlimit limit;
	int descriptors = count_descriptors();

	if (read_stat(field)) {
		(void)clock_gettime(CLOCK_BOOTTIME, &boot);
		put_number(out, "process_cpu_seconds_total", "counter",
		    "processor time used, in seconds",
		    (double)(field[0] + field[1]) / ticks);
		put_number(out, "process_threads", "gauge", "threads", (double)field[6]);
		put_number(out, "process_start_time_seconds", "gauge",
		    "when it was started, in seconds since 1970",
		    (double)wall_us() / 1e6 - (double)boot.tv_sec -
		        (double)boot.tv_nsec / 1e9 + (double)field[8] / ticks);
		put_number(out, "process_virtual_memory_bytes", "gauge", "address space",
		    (double)field[9]);
		put_number(out, "process_resident_memory_bytes", "gauge", "memory in use",
		    (double)field[10] * (double)sysconf(_SC_PAGESIZE));
	}
	if (descriptors >= 0) {
		put_number(out, "process_open_fds", "gauge", "open file descriptors",
		    descriptors);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		put_number(out, "process_max_fds", "gauge",
		    "file descriptors that it may open", (double)limit.rlim_cur);
	}
}

void metrics_handle(const struct request *request, struct reply *reply)
{
	const struct admin_parts *parts = admin_parts(request->admin);
	struct buf *out = &reply->body;

	reply_header(reply, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
	put_build(out, parts->version);
	put_counters(out);
	put_number(out, "waybill_calls_in_flight", "gauge",
	    "recorded calls that have not ended or wait for the store",
	    count_in_flight());
	put_health(out, parts);
	put_process(out);
}

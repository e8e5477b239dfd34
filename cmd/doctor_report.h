/* SPDX-License-Identifier: MIT */
/*
 * doctor_report: what was found, one line each, and the one line that fixes it.
 */
#ifndef CMD_DOCTOR_REPORT_H
#define CMD_DOCTOR_REPORT_H

#include "base/buf.h"

enum finding_level { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct finding {
	enum finding_level level;
	const char *name; /* static: "ca", "port" … */
	char *text;       /* owned */
	char *fix;        /* owned; NULL: nothing is to be done */
};

/* A zeroed one is empty. */
struct doctor_report {
	struct finding *item; /* owned */
	size_t count;
	bool failed; /* no memory: the report is not whole */
};

void report_finish(struct doctor_report *report);

/* fix: what to do, one line, or NULL. */
void report_add(struct doctor_report *report, enum finding_level level, const char *name,
    const char *fix, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The worst there is. */
enum finding_level report_level(const struct doctor_report *report);

/* Appends the findings from number from on, for a terminal. */
void report_put(const struct doctor_report *report, size_t from, struct buf *out);

/* Appends them as a JSON array. */
void report_put_json(const struct doctor_report *report, struct buf *out);

#endif

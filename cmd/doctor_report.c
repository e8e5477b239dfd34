/* SPDX-License-Identifier: MIT */
#include "cmd/doctor_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "cmd/print.h"

#define TEXT_MAX 600 /* bytes of a line that are shown */

static const char *const level_text[] = {
	[FINDING_OK] = "ok",
	[FINDING_WARN] = "warn",
	[FINDING_FAIL] = "fail",
};

void report_finish(struct doctor_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		free(report->item[i].text);
		free(report->item[i].fix);
	}
	free(report->item);
	*report = (struct doctor_report){ 0 };
}

void report_add(struct doctor_report *report, enum finding_level level, const char *name,
    const char *fix, const char *format, ...)
{
	struct finding *grown =
	    realloc(report->item, (report->count + 1) * sizeof(*grown));
	struct finding *item;
	va_list args;

	if (!grown) {
		report->failed = true;
		return;
	}
	report->item = grown;
	item = &grown[report->count];
	*item = (struct finding){ .level = level, .name = name };
	va_start(args, format);
	if (vasprintf(&item->text, format, args) < 0) {
		item->text = NULL;
	}
	va_end(args);
	item->fix = fix ? strdup(fix) : NULL;
	if (!item->text || (fix && !item->fix)) {
		report->failed = true;
		free(item->text);
		free(item->fix);
		return;
	}
	report->count++;
}

enum finding_level report_level(const struct doctor_report *report)
{
	enum finding_level level = report->failed ? FINDING_FAIL : FINDING_OK;

	for (size_t i = 0; i < report->count; i++) {
		level = report->item[i].level > level ? report->item[i].level : level;
	}
	return level;
}

void report_put(const struct doctor_report *report, size_t from, struct buf *out)
{
	for (size_t i = from; i < report->count; i++) {
		const struct finding *item = &report->item[i];

		buf_printf(out, "%-4s  %-9s  ", level_text[item->level], item->name);
		print_clean(out, item->text, TEXT_MAX);
		buf_putc(out, '\n');
		if (item->fix) {
			buf_puts(out, "                 → ");
			print_clean(out, item->fix, TEXT_MAX);
			buf_putc(out, '\n');
		}
	}
}

void report_put_json(const struct doctor_report *report, struct buf *out)
{
	buf_putc(out, '[');
	for (size_t i = 0; i < report->count; i++) {
		const struct finding *item = &report->item[i];

		buf_printf(out,
		    "%s{\"level\":\"%s\",\"check\":\"%s\",\"message\":", i ? "," : "",
		    level_text[item->level], item->name);
		json_put_string(out, slice_of(item->text));
		buf_puts(out, ",\"fix\":");
		if (item->fix) {
			json_put_string(out, slice_of(item->fix));
		} else {
			buf_puts(out, "null");
		}
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}

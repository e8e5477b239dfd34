/* SPDX-License-Identifier: MIT */
/*
 * explain: which route a call matches and the row it would write, with the very code that
 * records calls. Nothing is sent or stored.
 */
#include "base/clock.h"
#include "base/json.h"
#include "cmd/command.h"
#include "proxy/target.h"
#include "record/build.h"
#include "routes/routes.h"

#include <errno.h>
#include <getopt.h>
#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>

struct explain {
	const char *config;
	const char *request;
	const char *response;
	int status; /* 0: no answer was given */
	bool json;
	struct buf request_fields;
	struct buf response_fields;
};

static bool read_file(const char *path, struct buf *out)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	char chunk[16384];
	size_t n;
	bool ok;

	if (!file) {
		(void)fprintf(stderr, "waybill explain: %s: %s\n", path, strerror(errno));
		return false;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0) {
		buf_put(out, chunk, n);
	}
	ok = !ferror(file);
	if (file != stdin) {
		(void)fclose(file);
	}
	return ok && !out->failed;
}

static void put_field(struct buf *out, const char *line)
{
	buf_puts(out, line);
	buf_puts(out, "\r\n");
}

static bool fill_body(struct capture *capture, const char *path)
{
	struct buf body = { 0 };
	bool ok = !path || read_file(path, &body);

	if (ok && body.len > 0) {
		capture_add(capture, body.ptr, body.len);
	}
	buf_finish(&body);
	return ok;
}

/* A call as the proxy would account for it. NULL: said why. */
static struct call *make_call(const struct explain *explain,
    const struct service *service, const char *method, const struct target *target,
    const struct record_settings *record)
{
	struct call *call = call_create(recorder_capture_limit(record));
	struct buf path = { 0 };

	if (!call) {
		return NULL;
	}
	if (target->add_slash) {
		buf_putc(&path, '/');
	}
	buf_put_slice(&path, target->path_and_query);
	buf_puts(&call->method, method);
	buf_puts(&call->scheme, target->form == TARGET_ABSOLUTE_HTTPS ? "https" : "http");
	buf_put_slice(&call->host, target->host);
	buf_put_slice(&call->target, buf_slice(&path));
	buf_put_slice(&call->request_fields, buf_slice(&explain->request_fields));
	buf_put_slice(&call->response_fields, buf_slice(&explain->response_fields));
	call->status = explain->status;
	buf_puts(&call->reason, http_status_str((enum http_status)explain->status));
	call->marks.ended = call->marks.begun;
	if (route_match(service, slice_of(method), buf_slice(&path), &call->match) != 0 ||
	    !fill_body(&call->request, explain->request) ||
	    !fill_body(&call->response, explain->response)) {
		call_destroy(call);
		call = NULL;
	}
	buf_finish(&path);
	return call;
}

static void put_text(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, ",\"%s\":", name);
	if (text) {
		json_put_string(out, slice_of(text));
	} else {
		buf_puts(out, "null");
	}
}

static void put_raw(struct buf *out, const char *name, const char *json)
{
	buf_printf(out, ",\"%s\":%s", name, json ? json : "null");
}

static void print_json(const struct call *call, const struct row *row)
{
	char id[UUID_TEXT_SIZE] = "";
	struct buf out = { 0 };

	uuid_format(&row->related_entity_id, id);
	buf_puts(&out, "{\"route\":");
	json_put_string(&out,
	    slice_of(call->match.route->pattern ? call->match.route->pattern : "(none)"));
	put_text(&out, "service_name", row->service_name);
	put_text(&out, "action", row->action);
	put_text(&out, "status", row_status_text(row->status));
	put_text(&out, "related_entity_type", row->related_entity_type);
	put_text(&out, "related_entity_id", row->related_entity_type ? id : NULL);
	put_raw(&out, "request_payload", row->request_payload);
	put_raw(&out, "response_payload", row->response_payload);
	put_text(&out, "error_code", row->error_code);
	put_text(&out, "error_message", row->error_message);
	buf_puts(&out, "}\n");
	(void)fwrite(out.ptr, 1, out.len, stdout);
	buf_finish(&out);
}

static void print_line(const char *name, const char *text)
{
	(void)printf("  %-20s %s\n", name, text ? text : "null");
}

static void print_text(const struct call *call, const struct row *row)
{
	const struct service *service = call->match.service;
	const struct route *route = call->match.route;
	char id[UUID_TEXT_SIZE] = "";

	if (route->pattern) {
		(void)printf(
		    "route: %s:%d: %s\n", service->file, route->line, route->pattern);
	} else {
		(void)printf(
		    "route: none in %s; the host is routed, so the action is the fallback\n",
		    service->file);
	}
	uuid_format(&row->related_entity_id, id);
	(void)printf("row:\n");
	print_line("service_name", row->service_name);
	print_line("action", row->action);
	print_line("status", row_status_text(row->status));
	print_line("related_entity_type", row->related_entity_type);
	print_line("related_entity_id", row->related_entity_type ? id : NULL);
	print_line("request_payload", row->request_payload);
	print_line("response_payload", row->response_payload);
	print_line("error_code", row->error_code);
	print_line("error_message", row->error_message);
}

static int explain_call(const struct explain *explain, const struct call *call,
    const struct record_settings *record)
{
	struct build_notes notes = { 0 };
	struct row row = { 0 };

	if (row_build(call, record, &row, &notes) != 0) {
		(void)fprintf(stderr, "waybill explain: out of memory\n");
		return EXIT_FAILED;
	}
	if (explain->json) {
		print_json(call, &row);
	} else {
		print_text(call, &row);
		if (notes.skip) {
			(void)printf(
			    "an empty long poll: this row would not be stored\n");
		}
	}
	row_finish(&row);
	return EXIT_FINE;
}

static int explain_target(const struct command *command, const struct explain *explain,
    const struct settings *settings, const char *method, const char *url)
{
	struct record_settings record = { .max_body = settings->capture_max_body,
		.payload = settings->capture_payload };
	const struct service *service;
	struct route_table *table = NULL;
	const char *reason = NULL;
	struct call *call = NULL;
	struct target target;
	struct err err;
	int rc = EXIT_FAILED;

	if (target_parse(slice_of(method), slice_of(url), &target, &reason) != 0 ||
	    (target.form != TARGET_ABSOLUTE_HTTP &&
	        target.form != TARGET_ABSOLUTE_HTTPS)) {
		return command_misuse(command, "%s is no URL: %s", url,
		    reason ? reason : "it must begin with https:// or http://");
	}
	if (route_table_load(settings->services, &table, &err) != 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return EXIT_USAGE;
	}
	service = route_table_host(table, target.host);
	if (!service) {
		(void)printf(
		    "no service file names the host %.*s: the call passes unseen, no row\n",
		    SLICE_ARG(target.host));
		rc = EXIT_FINE;
	} else {
		call = make_call(explain, service, method, &target, &record);
	}
	if (call) {
		rc = explain_call(explain, call, &record);
	}
	call_destroy(call);
	route_table_unref(table);
	return rc;
}

/* Returns -1 to go on, else the exit code. */
static int take_options(
    const struct command *command, struct explain *explain, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "request", required_argument, NULL, 'q' },
		{ "response", required_argument, NULL, 'r' },
		{ "status", required_argument, NULL, 's' },
		{ "header", required_argument, NULL, 'H' },
		{ "response-header", required_argument, NULL, 'R' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, ":c:H:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			explain->config = optarg;
			break;
		case 'q':
			explain->request = optarg;
			break;
		case 'r':
			explain->response = optarg;
			break;
		case 's':
			explain->status = atoi(optarg);
			if (explain->status < 100 || explain->status > 999) {
				return command_misuse(
				    command, "--status %s is no HTTP status", optarg);
			}
			break;
		case 'H':
			put_field(&explain->request_fields, optarg);
			break;
		case 'R':
			put_field(&explain->response_fields, optarg);
			break;
		case 'j':
			explain->json = true;
			break;
		case 'h':
			return command_help(command);
		default:
			return command_bad_option(command, argv);
		}
	}
	return -1;
}

int command_explain(const struct command *command, int argc, char **argv)
{
	struct explain explain = { .status = 200 };
	struct settings *settings = NULL;
	int rc = take_options(command, &explain, argc, argv);

	if (rc < 0 && optind + 2 != argc) {
		rc = command_misuse(command, "METHOD and URL are expected");
	}
	if (rc < 0) {
		rc = command_settings(explain.config, &settings);
		if (rc == EXIT_FINE) {
			rc = explain_target(
			    command, &explain, settings, argv[optind], argv[optind + 1]);
		}
	}
	settings_free(settings);
	buf_finish(&explain.request_fields);
	buf_finish(&explain.response_fields);
	return rc;
}

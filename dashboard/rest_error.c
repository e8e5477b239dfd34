/* SPDX-License-Identifier: MIT */
#include "dashboard/rest_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool rest_fail(
    struct rest_error *error, int status, const char *code, const char *format, ...)
{
	va_list args;

	*error = (struct rest_error){ .status = status };
	(void)snprintf(error->code, sizeof(error->code), "%s", code);
	va_start(args, format);
	(void)vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return false;
}

bool rest_details(struct rest_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(error->details, sizeof(error->details), format, args);
	va_end(args);
	return false;
}

bool rest_fail_memory(struct rest_error *error)
{
	return rest_fail(error, 503, "53200", "out of memory");
}

/* The first prefix that fits counts. */
static const struct {
	const char *prefix;
	int status;
} statuses[] = {
	{ "08", 503 },
	{ "09", 500 },
	{ "0L", 403 },
	{ "0P", 403 },
	{ "23503", 409 },
	{ "23505", 409 },
	{ "25006", 405 },
	{ "25", 500 },
	{ "28", 403 },
	{ "2D", 500 },
	{ "38", 500 },
	{ "39", 500 },
	{ "3B", 500 },
	{ "40", 500 },
	{ "53400", 500 },
	{ "53", 503 },
	{ "54", 500 },
	{ "55P03", 503 },
	{ "55", 500 },
	{ "57", 500 },
	{ "58", 500 },
	{ "F0", 500 },
	{ "HV", 500 },
	{ "P0001", 400 },
	{ "P0", 500 },
	{ "XX", 500 },
	{ "42883", 404 },
	{ "42P01", 404 },
	{ "42P17", 500 },
	{ "42501", 403 },
};

bool rest_fail_ask(struct rest_error *error, const struct ask_fault *fault)
{
	int status = 400;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (strncmp(fault->sqlstate, statuses[i].prefix,
		        strlen(statuses[i].prefix)) == 0) {
			status = statuses[i].status;
			break;
		}
	}
	(void)rest_fail(error, status, fault->sqlstate, "%s", fault->message);
	(void)snprintf(error->details, sizeof(error->details), "%s", fault->detail);
	(void)snprintf(error->hint, sizeof(error->hint), "%s", fault->hint);
	return false;
}

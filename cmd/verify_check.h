/* SPDX-License-Identifier: MIT */
/*
 * verify_check: the checks of `waybill verify` as tables of SQL.
 *
 * Rows that a check makes carry the service name VERIFY_SERVICE, so that those of the
 * users are neither counted nor touched.
 */
#ifndef CMD_VERIFY_CHECK_H
#define CMD_VERIFY_CHECK_H

#include <stdbool.h>

#define VERIFY_SERVICE "waybill verify"

#define VERIFY_MIGRATE "run `waybill migrate --all`"

enum verify_kind {
	VERIFY_ANSWER,  /* the last statement gives one text: "ok", or what is wrong */
	VERIFY_REFUSED, /* it fails with the SQLSTATE wanted; for 42501 no rows will do */
	VERIFY_PLAN,    /* an EXPLAIN in which the index wanted is named */
};

struct verify_check {
	const char *title;
	enum verify_kind kind;
	bool keep;          /* its rows stay for the checks that follow */
	bool vital;         /* without it the rest of the group makes no sense */
	const char *role;   /* who does it; NULL: the connected user */
	const char *sql;    /* may hold several statements; ends without a semicolon */
	const char *wanted; /* SQLSTATE or index */
	const char *remedy; /* what to do; NULL: VERIFY_MIGRATE */
};

struct verify_group {
	const char *title;
	const struct verify_check *checks; /* ends with a title of NULL */
};

extern const struct verify_check verify_schema_checks[];
extern const struct verify_check verify_index_checks[];
extern const struct verify_check verify_row_checks[];
extern const struct verify_check verify_json_checks[];
extern const struct verify_check verify_role_checks[];
extern const struct verify_check verify_plan_checks[];
extern const struct verify_check verify_retention_checks[];

#endif

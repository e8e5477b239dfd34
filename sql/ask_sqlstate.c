/* SPDX-License-Identifier: MIT */
/*
 * SQLite's errors in PostgreSQL's words, so that who asks need not know which one it was.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "sql/ask_private.h"

/* What follows prefix in text, or NULL. */
static const char *after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* "table.column" or "table.column, table.other": the two halves of the first. */
static void split_name(const char *text, char table[static 80], char column[static 80])
{
	struct slice rest = slice_of(text);
	struct slice first = slice_cut(&rest, ',');
	struct slice name = slice_cut(&first, '.');

	(void)snprintf(table, 80, "%.*s", SLICE_ARG(name));
	(void)snprintf(column, 80, "%.*s", (int)first.len, first.ptr ? first.ptr : "");
}

static int unique(const char *message, struct ask_fault *fault)
{
	const char *name = after(message, "UNIQUE constraint failed: ");
	char table[80] = "";
	char column[80] = "";

	split_name(name ? name : "", table, column);
	(void)ask_fault_set(fault, EINVAL, "23505",
	    "duplicate key value violates unique constraint \"%s_pkey\"", table);
	(void)snprintf(
	    fault->detail, sizeof(fault->detail), "Key (%s) already exists.", column);
	return -EINVAL;
}

static int not_null(const char *message, struct ask_fault *fault)
{
	const char *name = after(message, "NOT NULL constraint failed: ");
	char table[80] = "";
	char column[80] = "";

	split_name(name ? name : "", table, column);
	return ask_fault_set(fault, EINVAL, "23502",
	    "null value in column \"%s\" of relation \"%s\" violates not-null constraint",
	    column, table);
}

/* SQLite names an unnamed constraint by its expression, which begins with the column. */
static int check(const char *message, struct ask_fault *fault)
{
	const char *text = after(message, "CHECK constraint failed: ");
	size_t len = strspn(text ? text : "",
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (text && strstr(text, "json_valid(")) {
		return ask_fault_set(
		    fault, EINVAL, "22P02", "invalid input syntax for type json");
	}
	return ask_fault_set(fault, EINVAL, "23514",
	    "new row for relation \"integration_logs\" violates check constraint "
	    "\"integration_logs_%.*s_check\"",
	    (int)len, text ? text : "");
}

static int constraint(int code, const char *message, struct ask_fault *fault)
{
	switch (code) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return unique(message, fault);
	case SQLITE_CONSTRAINT_NOTNULL:
		return not_null(message, fault);
	case SQLITE_CONSTRAINT_CHECK:
		return check(message, fault);
	case SQLITE_CONSTRAINT_DATATYPE:
		return ask_fault_set(fault, EINVAL, "22P02", "%s", message);
	default:
		return ask_fault_set(fault, EINVAL, "23000", "%s", message);
	}
}

/* SQLITE_ERROR: most often the statement itself. */
static int statement_error(const char *message, struct ask_fault *fault)
{
	const char *name;

	if ((name = after(message, "no such column: "))) {
		return ask_fault_set(
		    fault, EINVAL, "42703", "column \"%s\" does not exist", name);
	}
	if ((name = after(message, "no such table: "))) {
		return ask_fault_set(
		    fault, EINVAL, "42P01", "relation \"%s\" does not exist", name);
	}
	if ((name = after(message, "no such function: "))) {
		return ask_fault_set(
		    fault, EINVAL, "42883", "function %s does not exist", name);
	}
	if (strstr(message, "syntax error") || strstr(message, "incomplete input")) {
		return ask_fault_set(fault, EINVAL, "42601", "%s", message);
	}
	if (strstr(message, "malformed JSON")) {
		return ask_fault_set(
		    fault, EINVAL, "22P02", "invalid input syntax for type json");
	}
	if (strstr(message, "too many") || strstr(message, "too large")) {
		return ask_fault_set(fault, EINVAL, "54001", "%s", message);
	}
	if (strstr(message, "overflow")) {
		return ask_fault_set(fault, EINVAL, "22003", "integer out of range");
	}
	return ask_fault_set(fault, EIO, "XX000", "%s", message);
}

int ask_sqlite_fault(struct sqlite3 *db, int code, struct ask_fault *fault)
{
	int full = sqlite3_extended_errcode(db);
	const char *message = sqlite3_errmsg(db);

	if ((full & 0xff) != (code & 0xff)) {
		full = code; /* our own word, not SQLite's */
		message = sqlite3_errstr(code);
	}
	switch (full & 0xff) {
	case SQLITE_INTERRUPT:
		return ask_fault_set(fault, ETIMEDOUT, "57014",
		    "canceling statement due to statement timeout");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ask_fault_set(fault, EBUSY, "55P03",
		    "another program keeps the database locked; try again in a moment");
	case SQLITE_FULL:
		return ask_fault_set(fault, ENOSPC, "53100",
		    "could not extend the database: the disk is full; free some space");
	case SQLITE_READONLY:
		return ask_fault_set(fault, EROFS, "25006",
		    "cannot execute the statement in a read-only transaction");
	case SQLITE_NOMEM:
		return ask_fault_set(fault, ENOMEM, "53200", "out of memory");
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
		return ask_fault_set(fault, EINVAL, "54000", "%s", message);
	case SQLITE_MISMATCH:
		return ask_fault_set(fault, EINVAL, "22P02", "%s", message);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ask_fault_set(fault, EIO, "XX001",
		    "the file is damaged; restart waybill, which sets it aside and begins a new "
		    "one");
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return ask_fault_set(
		    fault, EIO, "58030", "%s; look at the system's log", message);
	case SQLITE_CONSTRAINT:
		return constraint(full, message, fault);
	default:
		return statement_error(message, fault);
	}
}

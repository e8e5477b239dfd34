/* SPDX-License-Identifier: MIT */
#include "sql/insert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "base/uuid7.h"

/* pg_type.dat: these are fixed */
enum { OID_INT4 = 23, OID_TEXT = 25, OID_UUID = 2950 };

enum { OID_INT4_ARRAY = 1007, OID_TEXT_ARRAY = 1009, OID_UUID_ARRAY = 2951 };

/*
 * A row that PostgreSQL has is only changed forwards, and not for nothing: a statement
 * that was believed lost may run after the one that was sent in its place. How far a row
 * is: pending, pending by the service's own word, ended, retried.
 */
#define PROGRESS(row)                                                                    \
	"CASE " row ".status WHEN 'pending' THEN 0 WHEN 'retrying' THEN 4 ELSE 2 END"    \
	" + CASE WHEN " row ".duration_ms IS NULL THEN 0 ELSE 1 END"

#define CHANGING(row)                                                                    \
	row ".status, " row ".related_entity_type, " row ".related_entity_id, " row      \
	    ".request_payload, " row ".response_payload, " row ".error_message, " row    \
	    ".error_code, " row ".duration_ms, " row ".retry_count"

/* All of it is what CockroachDB, YugabyteDB and Citus know too. */
static const char insert_sql[] =
    "INSERT INTO public.integration_logs AS t"
    " (id, service_name, action, status, related_entity_type, related_entity_id,"
    " request_payload, response_payload, error_message, error_code, duration_ms,"
    " retry_count, created_at, updated_at)"
    " SELECT u.id, u.service_name, u.action, u.status, u.related_entity_type,"
    " u.related_entity_id, u.request_payload::jsonb, u.response_payload::jsonb,"
    " u.error_message, u.error_code, u.duration_ms, u.retry_count,"
    " u.created_at::timestamptz, u.updated_at::timestamptz"
    " FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[],"
    " $7::text[], $8::text[], $9::text[], $10::text[], $11::int4[], $12::int4[],"
    " $13::text[], $14::text[]) AS u (id, service_name, action, status,"
    " related_entity_type, related_entity_id, request_payload, response_payload,"
    " error_message, error_code, duration_ms, retry_count, created_at, updated_at)"
    " ON CONFLICT (id) DO UPDATE SET status = excluded.status,"
    " related_entity_type = excluded.related_entity_type,"
    " related_entity_id = excluded.related_entity_id,"
    " request_payload = excluded.request_payload,"
    " response_payload = excluded.response_payload,"
    " error_message = excluded.error_message, error_code = excluded.error_code,"
    " duration_ms = excluded.duration_ms, retry_count = excluded.retry_count,"
    " updated_at = excluded.updated_at"
    " WHERE " PROGRESS("t") " <= " PROGRESS("excluded") " AND (" CHANGING(
        "t") ") IS"
             " DISTINCT FROM (" CHANGING("excluded") ")";

static Oid element_oid(enum column column)
{
	switch (column) {
	case COLUMN_ID:
	case COLUMN_RELATED_ENTITY_ID:
		return OID_UUID;
	case COLUMN_DURATION_MS:
	case COLUMN_RETRY_COUNT:
		return OID_INT4;
	default:
		return OID_TEXT;
	}
}

static void put_int32(struct buf *out, int32_t number)
{
	uint32_t net = htonl((uint32_t)number);

	buf_put(out, &net, sizeof(net));
}

bool insert_integer(struct slice text, int64_t *ret_number)
{
	char digits[24];
	char *end = NULL;

	if (text.len == 0 || text.len >= sizeof(digits)) {
		return false;
	}
	memcpy(digits, text.ptr, text.len);
	digits[text.len] = '\0';
	errno = 0;
	*ret_number = strtoll(digits, &end, 10);
	return *end == '\0' && errno == 0;
}

/* One element: its length, -1 for NULL, and its bytes. */
static void put_element(struct buf *out, Oid type, struct slice text)
{
	struct uuid id;
	int64_t number;

	if (!text.ptr) {
		put_int32(out, -1);
	} else if (type == OID_UUID && uuid_parse(text, &id)) {
		put_int32(out, (int32_t)sizeof(id.byte));
		buf_put(out, id.byte, sizeof(id.byte));
	} else if (type == OID_INT4 && insert_integer(text, &number)) {
		put_int32(out, (int32_t)sizeof(int32_t));
		put_int32(out, (int32_t)number);
	} else if (type == OID_TEXT && text.len < INT32_MAX) {
		put_int32(out, (int32_t)text.len);
		buf_put_slice(out, text);
	} else {
		put_int32(out, -1);
	}
}

/* array_recv() of PostgreSQL: dimensions, may hold NULL, type; length, lower bound. */
static void put_array(struct buf *out, const struct shipment *batch, enum column column,
    size_t from, size_t to)
{
	Oid type = element_oid(column);

	put_int32(out, 1);
	put_int32(out, 1);
	put_int32(out, (int32_t)type);
	put_int32(out, (int32_t)(to - from));
	put_int32(out, 1);
	for (size_t i = from; i < to; i++) {
		put_element(
		    out, type, shipment_text(batch, &batch->row[i].value[column]));
	}
}

void insert_finish(struct insert *insert)
{
	buf_finish(&insert->arrays);
}

int insert_encode(struct insert *insert, const struct shipment *batch, size_t from,
    size_t to, struct statement_params *ret_params)
{
	static const Oid types[COLUMN_COUNT] = { OID_UUID_ARRAY, OID_TEXT_ARRAY,
		OID_TEXT_ARRAY, OID_TEXT_ARRAY, OID_TEXT_ARRAY, OID_UUID_ARRAY,
		OID_TEXT_ARRAY, OID_TEXT_ARRAY, OID_TEXT_ARRAY, OID_TEXT_ARRAY,
		OID_INT4_ARRAY, OID_INT4_ARRAY, OID_TEXT_ARRAY, OID_TEXT_ARRAY };
	static const int formats[COLUMN_COUNT] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1 };
	size_t at[COLUMN_COUNT + 1] = { 0 };

	if (insert->arrays.failed) {
		buf_finish(&insert->arrays);
	}
	buf_truncate(&insert->arrays, 0);
	for (int i = 0; i < COLUMN_COUNT; i++) {
		put_array(&insert->arrays, batch, (enum column)i, from, to);
		at[i + 1] = insert->arrays.len;
	}
	if (insert->arrays.failed || insert->arrays.len > INT32_MAX) {
		return -ENOMEM;
	}
	for (int i = 0; i < COLUMN_COUNT; i++) {
		insert->value[i] = insert->arrays.ptr + at[i];
		insert->length[i] = (int)(at[i + 1] - at[i]);
	}
	*ret_params = (struct statement_params){ .sql = insert_sql,
		.count = COLUMN_COUNT,
		.types = types,
		.values = insert->value,
		.lengths = insert->length,
		.formats = formats };
	return 0;
}

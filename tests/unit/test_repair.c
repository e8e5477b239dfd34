/* SPDX-License-Identifier: MIT */
/*
 * Repairs of rows, and the form in which rows go over the wire.
 */
#include "sql/repair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/insert.h"

static struct shipment_row *add_row(struct shipment *batch, const char *request)
{
	struct shipment_row *row = shipment_add(batch, 1, 1);

	assert_non_null(row);
	assert_int_equal(shipment_set(batch, &row->value[COLUMN_ID],
	                     SLICE("019700bb-0000-7000-8000-000000000001")),
	    0);
	assert_int_equal(
	    shipment_set(batch, &row->value[COLUMN_SERVICE_NAME], SLICE("s")), 0);
	assert_int_equal(
	    shipment_set(batch, &row->value[COLUMN_DURATION_MS], SLICE("70000")), 0);
	if (request) {
		assert_int_equal(shipment_set(batch, &row->value[COLUMN_REQUEST_PAYLOAD],
		                     slice_of(request)),
		    0);
	}
	return row;
}

static void assert_value(const struct shipment *batch, const struct shipment_row *row,
    enum column column, const char *text)
{
	struct slice value = shipment_text(batch, &row->value[column]);

	if (!slice_eq(value, slice_of(text))) {
		fail_msg("%.*s is not %s", (int)value.len, value.ptr, text);
	}
}

static void refused_payload_becomes_its_text(void **state)
{
	struct shipment batch = { 0 };
	struct shipment_row *row = add_row(&batch, "{\"a\": \"\\u0000\"}");
	struct shipment_row original = *row;
	struct repair_hint hint = { 0 };

	(void)state;
	assert_int_equal(repair_row(&batch, row, &original, REPAIR_REQUEST, &hint), 1);
	assert_value(&batch, row, COLUMN_REQUEST_PAYLOAD,
	    "{\"_repaired\": true, \"_text\": \"{\\\"a\\\": \\\"\\\\u0000\\\"}\"}");
	/* there is no response to repair */
	assert_int_equal(repair_row(&batch, row, &original, REPAIR_RESPONSE, &hint), 0);
	assert_value(&batch, row, COLUMN_REQUEST_PAYLOAD, "{\"a\": \"\\u0000\"}");
	shipment_finish(&batch);
}

static void texts_without_fault_are_left_alone(void **state)
{
	struct shipment batch = { 0 };
	struct shipment_row *row = add_row(&batch, "{}");
	struct shipment_row original = *row;
	struct repair_hint hint = { 0 };

	(void)state;
	assert_int_equal(repair_row(&batch, row, &original, REPAIR_TEXTS, &hint), 0);
	assert_value(&batch, row, COLUMN_REQUEST_PAYLOAD, "{}");
	shipment_finish(&batch);
}

static void repaired_text_is_flagged_in_the_payload(void **state)
{
	static const char *const payloads[][2] = {
		{ "{}", "{\"_repaired\": true}" },
		{ " { \"a\": 1}", "{\"_repaired\": true,  \"a\": 1}" },
		{ "[1]", "{\"_repaired\": true, \"_value\": [1]}" },
		{ NULL, "{\"_repaired\": true}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		struct shipment batch = { 0 };
		struct shipment_row *row = add_row(&batch, payloads[i][0]);
		struct repair_hint hint = { 0 };
		struct shipment_row original;

		assert_int_equal(shipment_set(&batch, &row->value[COLUMN_ERROR_MESSAGE],
		                     (struct slice){ "a\xff\0b", 4 }),
		    0);
		original = *row;
		assert_int_equal(
		    repair_row(&batch, row, &original, REPAIR_TEXTS, &hint), 1);
		assert_value(&batch, row, COLUMN_ERROR_MESSAGE,
		    "a\xEF\xBF\xBD\xEF\xBF\xBD"
		    "b");
		assert_value(&batch, row, COLUMN_REQUEST_PAYLOAD, payloads[i][1]);
		shipment_finish(&batch);
	}
}

static void refusal_teaches_width_range_date_and_null(void **state)
{
	struct shipment batch = { 0 };
	struct shipment_row *row = add_row(&batch, "{}");
	struct shipment_row original;
	struct repair_hint hint = { 0 };

	(void)state;
	repair_note(&hint, "22001", "value too long for type character varying(40)", "");
	repair_note(&hint, "22001", "value too long for type character varying(4)", "");
	repair_note(&hint, "22003", "smallint out of range", "");
	repair_note(&hint, "22008", "date/time field value out of range", "");
	repair_note(&hint, "23502", "null value", "error_code");
	assert_int_equal(
	    shipment_set(&batch, &row->value[COLUMN_ACTION], SLICE("ab\xC3\xBC\xC3\xBC")),
	    0);
	original = *row;
	assert_int_equal(repair_row(&batch, row, &original, REPAIR_TEXTS, &hint), 1);
	assert_value(&batch, row, COLUMN_ACTION, "ab\xC3\xBC");
	assert_value(&batch, row, COLUMN_DURATION_MS, "32767");
	assert_value(&batch, row, COLUMN_ERROR_CODE, "unknown");
	/* the date of the id */
	assert_value(&batch, row, COLUMN_CREATED_AT, "2025-05-24T05:19:04.704000Z");
	shipment_finish(&batch);
}

static void values_without_a_binary_form_are_made_fit(void **state)
{
	struct shipment batch = { 0 };
	struct shipment_row *row = add_row(&batch, "{}");

	(void)state;
	assert_int_equal(repair_fit(&batch, row), 0);
	assert_int_equal(
	    shipment_set(&batch, &row->value[COLUMN_DURATION_MS], SLICE("99999999999")),
	    0);
	assert_int_equal(
	    shipment_set(&batch, &row->value[COLUMN_RELATED_ENTITY_ID], SLICE("7")), 0);
	assert_int_equal(repair_fit(&batch, row), 1);
	assert_value(&batch, row, COLUMN_DURATION_MS, "2147483647");
	assert_false(row->value[COLUMN_RELATED_ENTITY_ID].present);
	assert_value(&batch, row, COLUMN_REQUEST_PAYLOAD, "{\"_repaired\": true}");
	assert_int_equal(
	    shipment_set(&batch, &row->value[COLUMN_ID], SLICE("no uuid")), 0);
	assert_int_equal(repair_fit(&batch, row), -EINVAL);
	shipment_finish(&batch);
}

static uint32_t word_at(const char *data, size_t at)
{
	uint32_t word;

	memcpy(&word, data + at, sizeof(word));
	return ntohl(word);
}

static void rows_are_encoded_as_one_array_per_column(void **state)
{
	struct shipment batch = { 0 };
	struct insert insert = { 0 };
	struct statement_params params;

	(void)state;
	(void)add_row(&batch, "{}");
	(void)add_row(&batch, NULL);
	assert_int_equal(insert_encode(&insert, &batch, 0, 2, &params), 0);
	assert_int_equal(params.count, 14);
	/* uuid[]: one dimension, type uuid, 2 elements from 1, each of 16 bytes */
	assert_int_equal(params.lengths[COLUMN_ID], 20 + 2 * (4 + 16));
	assert_int_equal(word_at(params.values[COLUMN_ID], 0), 1);
	assert_int_equal(word_at(params.values[COLUMN_ID], 8), 2950);
	assert_int_equal(word_at(params.values[COLUMN_ID], 12), 2);
	assert_int_equal(word_at(params.values[COLUMN_ID], 16), 1);
	assert_int_equal(word_at(params.values[COLUMN_ID], 20), 16);
	/* int4[] */
	assert_int_equal(word_at(params.values[COLUMN_DURATION_MS], 8), 23);
	assert_int_equal(word_at(params.values[COLUMN_DURATION_MS], 24), 70000);
	/* text[] with a NULL */
	assert_int_equal(params.lengths[COLUMN_REQUEST_PAYLOAD], 20 + 4 + 2 + 4);
	assert_int_equal(word_at(params.values[COLUMN_REQUEST_PAYLOAD], 26), UINT32_MAX);
	/* a part of the batch */
	assert_int_equal(insert_encode(&insert, &batch, 1, 2, &params), 0);
	assert_int_equal(word_at(params.values[COLUMN_ID], 12), 1);
	insert_finish(&insert);
	shipment_finish(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_payload_becomes_its_text),
		cmocka_unit_test(texts_without_fault_are_left_alone),
		cmocka_unit_test(repaired_text_is_flagged_in_the_payload),
		cmocka_unit_test(refusal_teaches_width_range_date_and_null),
		cmocka_unit_test(values_without_a_binary_form_are_made_fit),
		cmocka_unit_test(rows_are_encoded_as_one_array_per_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

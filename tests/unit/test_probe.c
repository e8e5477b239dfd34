/* SPDX-License-Identifier: MIT */
/*
 * test_probe: a store that can be written says so, and trying it leaves nothing. (What a
 * full disk makes of it: tests/e2e/test_admin.py.)
 */
#include "store_help.h"

static void a_probe_leaves_nothing(void **state)
{
	struct scratch scratch;
	struct store *store;
	struct err err = { "" };

	(void)state;
	scratch_init(&scratch);
	store = open_store(scratch.path, NULL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(store_probe(store, &err), 0);
	}
	assert_string_equal(
	    query_file(scratch.path, "SELECT count(*) FROM waybill_chains"), "0");
	store_close(store);
	scratch_finish(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_probe_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

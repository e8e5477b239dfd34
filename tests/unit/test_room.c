/* SPDX-License-Identifier: MIT */
/*
 * test_room: on a full disk the log still fits into the database file, without the
 * reserve.
 */
#include "sql/room.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "sql/ballast.h"
#include "sql/handle.h"
#include "store_help.h"

#define RESERVE (INT64_C(2) * 1024 * 1024 / 6) /* of a disk of 2 MiB */

static void mount_disk(const struct scratch *scratch, bool reserve)
{
	char path[260];
	int fd;

	if (mount("waybill-test", scratch->folder, "tmpfs", 0, "size=2m") != 0) {
		skip(); /* not root, or in a container */
	}
	if (reserve) {
		(void)snprintf(path, sizeof(path), "%s/" BALLAST_NAME, scratch->folder);
		fd = open(path, O_CREAT | O_WRONLY, 0600);
		assert_int_equal(close(fd), 0); /* empty: it is given up */
	}
}

static int put_one(struct store *store)
{
	struct row row = make_row(ROW_SUCCESS);
	struct err err;
	int result = store_begin(store, &err);

	result = result ? result : store_put(store, &row, &err);
	result = result ? result : store_commit(store, &err);
	if (result < 0) {
		store_rollback(store);
	}
	return result;
}

/* How many rows there is room for; a few are refused and the next one is not. */
static int fill_up(struct store *store)
{
	int rows = 0;

	for (int refused = 0; refused < 20;) {
		int result = put_one(store);

		assert_true(result == 0 || result == -ENOSPC);
		refused += result != 0;
		rows += result == 0;
	}
	return rows;
}

static int64_t file_size(const char *path)
{
	struct stat info;

	assert_int_equal(stat(path, &info), 0);
	return info.st_size;
}

static void assert_log_fits(struct store *store, const char *path)
{
	int64_t left = 0;

	assert_true(room_left(path, &left));
	assert_true(
	    atoll(query(store->db, "PRAGMA page_count")) * 4096 - file_size(path) <=
	    (left > 0 ? left : 0));
}

static void reserve_that_is_given_up_is_nobodys_room(void **state)
{
	struct scratch *scratch = *state;
	int64_t with = 0;
	int64_t without = 0;
	struct ballast ballast = { .bytes = BALLAST_BYTES };
	char path[260];

	mount_disk(scratch, true);
	(void)snprintf(path, sizeof(path), "%s/" BALLAST_NAME, scratch->folder);
	ballast.path = path;
	assert_true(room_left(scratch->folder, &without)); /* there is none beside it */
	assert_int_equal(without, 2 * 1024 * 1024);
	(void)snprintf(scratch->path, sizeof(scratch->path), "%s/x", scratch->folder);
	assert_int_equal(close(open(scratch->path, O_CREAT | O_WRONLY, 0600)), 0);
	assert_true(room_left(scratch->path, &with));
	assert_int_equal(with, 2 * 1024 * 1024 - RESERVE);
	assert_true(ballast_keep(&ballast));
	assert_true(room_left(scratch->path, &with));
	assert_true(with >= 2 * 1024 * 1024 - RESERVE - 4096 &&
	            with <= 2 * 1024 * 1024 - RESERVE);
	assert_int_equal(umount(scratch->folder), 0);
}

static void log_fits_into_a_full_disk(void **state)
{
	struct scratch *scratch = *state;
	struct store *store;

	mount_disk(scratch, true);
	store = open_store(scratch->path, NULL);
	assert_true(fill_up(store) > 100);
	assert_log_fits(store, scratch->path);
	store_close(store);
	assert_int_equal(umount(scratch->folder), 0);
}

/* While somebody reads the log can only grow; afterwards it is begun anew. */
static void log_fits_that_was_held_by_a_reader(void **state)
{
	struct scratch *scratch = *state;
	struct store *store;
	sqlite3 *reader;
	int rows;

	mount_disk(scratch, false);
	store = open_store(scratch->path, NULL);
	reader = open_reader(scratch->path);
	assert_int_equal(sqlite3_exec(reader, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
	assert_string_equal(query(reader, "SELECT count(*) FROM integration_logs"), "0");
	rows = fill_up(store);
	assert_true(rows > 10);
	assert_log_fits(store, scratch->path);
	assert_int_equal(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(reader), SQLITE_OK);
	assert_true(fill_up(store) > 3 * rows);
	store_close(store);
	assert_int_equal(umount(scratch->folder), 0);
}

static int setup(void **state)
{
	static struct scratch scratch;

	scratch_init(&scratch);
	*state = &scratch;
	return 0;
}

static int teardown(void **state)
{
	struct scratch *scratch = *state;

	(void)umount2(scratch->folder, MNT_DETACH); /* after a failure it is in use */
	scratch_finish(scratch);
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(reserve_that_is_given_up_is_nobodys_room),
		TEST(log_fits_into_a_full_disk),
		TEST(log_fits_that_was_held_by_a_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

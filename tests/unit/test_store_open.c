/* SPDX-License-Identifier: MIT */
/*
 * Opening a store that is damaged, foreign, newer, or somewhere it cannot be.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "store_help.h"

static int setup(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	assert_non_null(scratch);
	scratch_init(scratch);
	*state = scratch;
	return 0;
}

static int teardown(void **state)
{
	scratch_finish(*state);
	free(*state);
	return 0;
}

static void fill(struct store *store, int rows)
{
	assert_int_equal(store_begin(store, NULL), 0);
	for (int i = 0; i < rows; i++) {
		struct row row = make_row(i % 3 ? ROW_SUCCESS : ROW_FAILED);

		put_row(store, &row);
	}
	assert_int_equal(store_commit(store, NULL), 0);
}

static int try_open(const char *path, struct err *err)
{
	struct store_settings settings = { .path = path, .sync = STORE_SYNC_NORMAL };
	struct store *store = NULL;
	char *quarantined = NULL;
	int result = store_open(&settings, &store, &quarantined, err);

	if (result == 0) {
		store_close(store);
		free(quarantined);
	}
	return result;
}

static long count_rows(const char *path)
{
	return strtol(
	    query_file(path, "SELECT count(*) FROM integration_logs"), NULL, 10);
}

static void write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
}

static off_t file_size(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 ? info.st_size : -1;
}

/* The store opens, has set the old file aside, and works. */
static void assert_set_aside(const char *path, off_t old_size)
{
	char *name = NULL;
	struct store *store = open_store(path, &name);

	assert_non_null(name);
	assert_memory_equal(name, path, strlen(path));
	assert_non_null(strstr(name, ".corrupt-"));
	assert_int_equal(file_size(name), old_size);
	fill(store, 3);
	store_close(store);
	free(name);
	assert_string_equal(
	    query_file(path, "SELECT count(*) FROM integration_logs"), "3");
}

static void empty_file_is_set_aside(void **state)
{
	struct scratch *scratch = *state;

	write_file(scratch->path, "", 0);
	assert_set_aside(scratch->path, 0);
}

static void foreign_file_is_set_aside(void **state)
{
	struct scratch *scratch = *state;
	static const char text[] = "-----BEGIN CERTIFICATE-----\nMIIB\n";

	write_file(scratch->path, text, sizeof(text));
	assert_set_aside(scratch->path, sizeof(text));
}

static void database_of_another_program_is_set_aside(void **state)
{
	struct scratch *scratch = *state;
	sqlite3 *db = NULL;
	off_t size;

	assert_int_equal(sqlite3_open(scratch->path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "CREATE TABLE accounts (name)", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	size = file_size(scratch->path);
	assert_set_aside(scratch->path, size);
}

static void truncated_file_is_set_aside(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	off_t size;

	fill(store, 200);
	store_close(store);
	size = file_size(scratch->path) / 2 + 77;
	assert_int_equal(truncate(scratch->path, size), 0);
	assert_set_aside(scratch->path, size);
	assert_int_equal(truncate(scratch->path, 50), 0);
	assert_set_aside(scratch->path, 50);
}

static void journal_without_its_database_is_kept(void **state)
{
	struct scratch *scratch = *state;
	char wal[260];
	char *name = NULL;

	(void)snprintf(wal, sizeof(wal), "%s-wal", scratch->path);
	write_file(wal, "not much of a journal", 21);
	store_close(open_store(scratch->path, &name));
	assert_non_null(name);
	free(name);
	assert_int_equal(scratch_files(scratch, "waybill.db.corrupt-", false), 1);
}

/* Can rows be written? Damage in an index shows no earlier. */
static bool takes_rows(struct store *store)
{
	struct err err = { 0 };

	for (int i = 0; i < 3; i++) {
		struct row row = make_row(ROW_FAILED);
		int result = store_put(store, &row, &err);

		if (result != 0) {
			assert_int_equal(result, -EIO);
			assert_non_null(strstr(err.text, "restart waybill"));
			return false;
		}
	}
	return true;
}

/* Flips one byte: whatever it hits, the store opens, and takes rows after one more start.
 */
static void damaged_file_never_stops_the_start(void **state)
{
	struct scratch *scratch = *state;
	struct store *store = open_store(scratch->path, NULL);
	unsigned int seed = 1;
	char *whole;
	off_t size;
	int fd;

	fill(store, 100);
	store_close(store);
	size = file_size(scratch->path);
	whole = malloc((size_t)size);
	assert_non_null(whole);
	fd = open(scratch->path, O_RDONLY);
	assert_int_equal(read(fd, whole, (size_t)size), size);
	assert_int_equal(close(fd), 0);

	for (int mutant = 0; mutant < 140; mutant++) {
		/* every byte of the header, then anywhere */
		size_t at =
		    mutant < 100 ? (size_t)mutant : (size_t)rand_r(&seed) % (size_t)size;
		char good = whole[at];
		char *name = NULL;

		(void)scratch_files(scratch, "", true);
		whole[at] = (char)(good ^ (1 + rand_r(&seed) % 255));
		write_file(scratch->path, whole, (size_t)size);
		whole[at] = good;
		store = open_store(scratch->path, &name);
		if (!takes_rows(store)) {
			assert_null(name);
			store_close(store);
			store = open_store(scratch->path, &name);
			assert_non_null(name);
			assert_true(takes_rows(store));
			free(name);
			name = NULL;
		}
		store_close(store);
		assert_true(!name || file_size(name) == size);
		free(name);
	}
	free(whole);
}

static void later_schema_is_refused_and_left_alone(void **state)
{
	struct scratch *scratch = *state;
	sqlite3 *db = NULL;
	struct err err = { 0 };

	store_close(open_store(scratch->path, NULL));
	assert_int_equal(sqlite3_open(scratch->path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db,
	        "PRAGMA user_version = 7; INSERT INTO waybill_schema VALUES (7)", NULL,
	        NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(try_open(scratch->path, &err), -EINVAL);
	assert_non_null(strstr(err.text, "later waybill"));
	assert_int_equal(scratch_files(scratch, "waybill.db.corrupt-", false), 0);
}

static void place_that_cannot_hold_a_database_is_named(void **state)
{
	struct scratch *scratch = *state;
	struct err err = { 0 };
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/absent/waybill.db", scratch->folder);
	assert_int_equal(try_open(path, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/absent: cannot keep the database there"));
	write_file(scratch->path, "x", 1);
	(void)snprintf(path, sizeof(path), "%s/waybill.db", scratch->path);
	assert_int_equal(try_open(path, &err), -ENOTDIR);
	assert_int_equal(unlink(scratch->path), 0);
	assert_int_equal(mkdir(scratch->path, 0700), 0);
	assert_int_equal(try_open(scratch->path, &err), -EINVAL);
	assert_non_null(strstr(err.text, "not a regular file"));
	assert_int_equal(rmdir(scratch->path), 0);
	if (geteuid() != 0) { /* rights do not bind root */
		assert_int_equal(chmod(scratch->folder, 0500), 0);
		assert_int_equal(try_open(scratch->path, &err), -EACCES);
		assert_non_null(strstr(err.text, "not writable"));
		assert_int_equal(chmod(scratch->folder, 0700), 0);
	}
}

/* Fills a small file system until a put or a commit fails. Returns what it failed with.
 */
static int fill_up(struct store *store, struct err *err)
{
	for (int i = 0; i < 100000; i++) {
		struct row row = make_row(ROW_SUCCESS);
		int result = store_begin(store, err);

		if (result == 0) {
			result = store_put(store, &row, err);
		}
		if (result == 0) {
			result = store_commit(store, err);
		}
		if (result < 0) {
			store_rollback(store);
			return result;
		}
	}
	return 0;
}

static void full_file_system_is_told_and_nothing_stored_is_lost(void **state)
{
	struct scratch *scratch = *state;
	struct store *store;
	struct err err = { 0 };
	long stored;

	if (mount("waybill-test", scratch->folder, "tmpfs", 0, "size=2m") != 0) {
		skip(); /* not root, or in a container */
	}
	store = open_store(scratch->path, NULL);
	assert_int_equal(fill_up(store, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "the disk is full"));
	stored = count_rows(scratch->path);
	assert_true(stored > 0);
	store_close(store);
	store = open_store(scratch->path, NULL); /* still full */
	assert_int_equal(count_rows(scratch->path), stored);
	store_close(store);

	assert_int_equal(mount("waybill-test", scratch->folder, "tmpfs",
	                     MS_REMOUNT | MS_RDONLY, "size=2m"),
	    0);
	assert_int_equal(try_open(scratch->path, &err), -EROFS);
	assert_int_equal(count_rows(scratch->path), stored);
	assert_int_equal(umount(scratch->folder), 0);
}

static void full_file_system_leaves_no_empty_database(void **state)
{
	struct scratch *scratch = *state;
	struct err err = { 0 };
	char path[260];
	static const char zeros[4096];
	int fd;

	if (mount("waybill-test", scratch->folder, "tmpfs", 0, "size=64k") != 0) {
		skip(); /* not root, or in a container */
	}
	(void)snprintf(path, sizeof(path), "%s/ballast", scratch->folder);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	while (write(fd, zeros, sizeof(zeros)) > 0) {
	}
	assert_int_equal(close(fd), 0);
	assert_int_equal(try_open(scratch->path, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "the disk is full"));
	assert_int_equal(scratch_files(scratch, "waybill.db", false), 0);
	assert_int_equal(umount(scratch->folder), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(empty_file_is_set_aside),
		TEST(foreign_file_is_set_aside),
		TEST(database_of_another_program_is_set_aside),
		TEST(truncated_file_is_set_aside),
		TEST(journal_without_its_database_is_kept),
		TEST(damaged_file_never_stops_the_start),
		TEST(later_schema_is_refused_and_left_alone),
		TEST(place_that_cannot_hold_a_database_is_named),
		TEST(full_file_system_is_told_and_nothing_stored_is_lost),
		TEST(full_file_system_leaves_no_empty_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_admin_keys: the key files, whom a key stands for, and the page's cookie.
 */
#include "store_help.h"

#include "dashboard/keys.h"
#include "dashboard/session.h"

#include <errno.h>
#include <sys/stat.h>

#define DAY_US (INT64_C(86400) * 1000000)

static const int64_t now_us = INT64_C(1790000000000000);

struct place {
	struct scratch scratch;
	char folder[300];
	char service[400];
	char authenticated[400];
};

static void init(struct place *place)
{
	scratch_init(&place->scratch);
	(void)snprintf(
	    place->folder, sizeof(place->folder), "%s/keys", place->scratch.folder);
	(void)snprintf(
	    place->service, sizeof(place->service), "%s/service_role", place->folder);
	(void)snprintf(place->authenticated, sizeof(place->authenticated),
	    "%s/authenticated", place->folder);
}

static void finish(struct place *place)
{
	(void)unlink(place->service);
	(void)unlink(place->authenticated);
	(void)rmdir(place->folder);
	(void)rmdir(place->scratch.folder);
}

static void write_key(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void keys_are_made_once_and_kept(void **state)
{
	struct place place;
	struct keys first;
	struct keys second;
	struct err err = { "" };

	(void)state;
	init(&place);
	(void)umask(0);
	assert_int_equal(keys_open(place.scratch.folder, &first, &err), 0);
	(void)umask(022);
	assert_int_equal(mode_of(place.folder), 0700);
	assert_int_equal(mode_of(place.service), 0600);
	assert_int_equal(mode_of(place.authenticated), 0600);
	assert_int_equal(strlen(first.service), 43);
	assert_string_not_equal(first.service, first.authenticated);
	assert_int_equal(keys_open(place.scratch.folder, &second, &err), 0);
	assert_memory_equal(&first, &second, sizeof(first));
	assert_int_equal(unlink(place.authenticated), 0);
	assert_int_equal(keys_open(place.scratch.folder, &second, &err), 0);
	assert_string_equal(first.service, second.service);
	assert_string_not_equal(first.authenticated, second.authenticated);
	finish(&place);
}

static void keys_that_others_can_read_are_refused(void **state)
{
	static const struct {
		unsigned folder;
		unsigned file;
		const char *words;
	} cases[] = {
		{ 0755, 0600, "chmod 700" },
		{ 0770, 0600, "chmod 700" },
		{ 0701, 0600, "chmod 700" },
		{ 0700, 0640, "chmod 600" },
		{ 0700, 0604, "delete it" },
		{ 0700, 0620, "delete it" },
		{ 0700, 0666, "0666" },
	};
	struct place place;
	struct keys keys;
	struct err err = { "" };

	(void)state;
	init(&place);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(keys_open(place.scratch.folder, &keys, &err), 0);
		assert_int_equal(chmod(place.folder, cases[i].folder), 0);
		assert_int_equal(chmod(place.authenticated, cases[i].file), 0);
		assert_int_equal(keys_open(place.scratch.folder, &keys, &err), -EACCES);
		assert_non_null(strstr(err.text, cases[i].words));
		assert_non_null(strstr(err.text, place.folder));
		assert_string_equal(keys.service, "");
		assert_int_equal(chmod(place.folder, 0700), 0);
		assert_int_equal(chmod(place.authenticated, 0600), 0);
	}
	if (geteuid() == 0) {
		assert_int_equal(chown(place.service, 65534, 65534), 0);
		assert_int_equal(keys_open(place.scratch.folder, &keys, &err), -EACCES);
		assert_non_null(strstr(err.text, "65534"));
	}
	finish(&place);
}

static void what_is_no_key_is_refused(void **state)
{
	static const char *const texts[] = { "", "\n", "short\n",
		"0123456789012345678901234567890123456789 123\n",
		"0123456789012345678901234567890123456789012\nmore\n",
		"012345678901234567890123456789012345678901\x01\n" };
	static const char own[] = "0123456789.abcdefghi~ABCDEFGHI_jklmnopq-rstuvwxyz";
	struct place place;
	struct keys keys;
	struct err err = { "" };

	(void)state;
	init(&place);
	assert_int_equal(keys_open(place.scratch.folder, &keys, &err), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_key(place.service, texts[i]);
		assert_int_equal(keys_open(place.scratch.folder, &keys, &err), -EINVAL);
		assert_non_null(strstr(err.text, "delete it"));
	}
	write_key(place.service, own);
	assert_int_equal(keys_open(place.scratch.folder, &keys, &err), 0);
	assert_string_equal(keys.service, own);
	write_key(place.authenticated, own);
	assert_int_equal(keys_open(place.scratch.folder, &keys, &err), -EINVAL);
	assert_int_equal(unlink(place.service), 0);
	assert_int_equal(symlink(place.authenticated, place.service), 0);
	assert_int_equal(keys_open(place.scratch.folder, &keys, &err), -ELOOP);
	finish(&place);
}

static void a_key_stands_for_one_role(void **state)
{
	const struct keys keys = { "service-key", "authenticated-key" };

	(void)state;
	assert_int_equal(keys_role(&keys, SLICE("service-key")), ROLE_SERVICE);
	assert_int_equal(
	    keys_role(&keys, SLICE("authenticated-key")), ROLE_AUTHENTICATED);
	assert_int_equal(keys_role(&keys, SLICE("service-kez")), ROLE_ANON);
	assert_int_equal(keys_role(&keys, SLICE("service-key2")), ROLE_ANON);
	assert_int_equal(keys_role(&keys, SLICE("service-ke")), ROLE_ANON);
	assert_int_equal(keys_role(&keys, SLICE("Service-key")), ROLE_ANON);
	assert_int_equal(keys_role(&keys, SLICE("")), ROLE_ANON);
	assert_int_equal(keys_role(&(struct keys){ "", "" }, SLICE("")), ROLE_ANON);
}

static void base64url_is_as_in_the_rfc(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *text;
	} cases[] = {
		{ "", 0, "" },
		{ "f", 1, "Zg" },
		{ "fo", 2, "Zm8" },
		{ "foo", 3, "Zm9v" },
		{ "foob", 4, "Zm9vYg" },
		{ "fooba", 5, "Zm9vYmE" },
		{ "foobar", 6, "Zm9vYmFy" },
		{ "\xff\xef\xbe", 3, "_---" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_truncate(&out, 0);
		base64url_put(&out, (const unsigned char *)cases[i].bytes, cases[i].len);
		assert_true(slice_eq(buf_slice(&out), slice_of(cases[i].text)));
	}
	buf_finish(&out);
}

/* A Cookie field with a session of these in it. */
static void begin(struct sessions *sessions, struct buf *cookie)
{
	buf_puts(cookie, "theme=dark; waybill_session=");
	assert_int_equal(sessions_begin(sessions, now_us, cookie), 0);
}

static void a_session_outlives_a_restart_but_not_its_key(void **state)
{
	struct sessions *before = sessions_create("reading-key");
	struct sessions *after = sessions_create("reading-key");
	struct sessions *other = sessions_create("another-key");
	struct buf cookie = { 0 };

	(void)state;
	begin(before, &cookie);
	assert_true(sessions_valid(before, buf_slice(&cookie), now_us));
	assert_true(sessions_valid(after, buf_slice(&cookie), now_us + 29 * DAY_US));
	assert_false(sessions_valid(after, buf_slice(&cookie), now_us + 31 * DAY_US));
	assert_false(sessions_valid(other, buf_slice(&cookie), now_us));
	buf_finish(&cookie);
	sessions_destroy(before);
	sessions_destroy(after);
	sessions_destroy(other);
}

static void a_changed_cookie_is_none(void **state)
{
	struct sessions *sessions = sessions_create("reading-key");
	struct buf cookie = { 0 };

	(void)state;
	begin(sessions, &cookie);
	for (size_t i = strlen("theme=dark; "); i < cookie.len; i++) {
		cookie.ptr[i] ^= 1;
		assert_false(sessions_valid(sessions, buf_slice(&cookie), now_us));
		cookie.ptr[i] ^= 1;
	}
	for (size_t len = 0; len < cookie.len; len++) {
		assert_false(
		    sessions_valid(sessions, (struct slice){ cookie.ptr, len }, now_us));
	}
	assert_false(sessions_valid(sessions, (struct slice){ NULL, 0 }, now_us));
	assert_false(sessions_valid(sessions, SLICE("waybill_session=1...; ;="), now_us));
	buf_finish(&cookie);
	sessions_destroy(sessions);
}

static void another_port_s_cookie_does_not_hide_ours(void **state)
{
	struct sessions *sessions = sessions_create("reading-key");
	struct buf cookies = { 0 };

	(void)state;
	buf_puts(&cookies, "waybill_session=1.1.x.y; ");
	begin(sessions, &cookies);
	assert_true(sessions_valid(sessions, buf_slice(&cookies), now_us));
	buf_finish(&cookies);
	sessions_destroy(sessions);
}

static void a_session_that_was_ended_is_over(void **state)
{
	struct sessions *sessions = sessions_create("reading-key");
	struct buf one = { 0 };
	struct buf two = { 0 };

	(void)state;
	begin(sessions, &one);
	begin(sessions, &two);
	sessions_end(sessions, buf_slice(&one), now_us);
	assert_false(sessions_valid(sessions, buf_slice(&one), now_us));
	assert_true(sessions_valid(sessions, buf_slice(&two), now_us));
	buf_finish(&one);
	buf_finish(&two);
	sessions_destroy(sessions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_made_once_and_kept),
		cmocka_unit_test(keys_that_others_can_read_are_refused),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(a_key_stands_for_one_role),
		cmocka_unit_test(base64url_is_as_in_the_rfc),
		cmocka_unit_test(a_session_outlives_a_restart_but_not_its_key),
		cmocka_unit_test(a_changed_cookie_is_none),
		cmocka_unit_test(another_port_s_cookie_does_not_hide_ours),
		cmocka_unit_test(a_session_that_was_ended_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

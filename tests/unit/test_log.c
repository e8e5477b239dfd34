/* SPDX-License-Identifier: MIT */
/*
 * test_log: standard error goes to a pipe that keeps record boundaries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int saved_stderr = -1;
static int reader = -1;

/* A SOCK_SEQPACKET pair: each write(2) is one packet. */
static int setup(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) {
		return -1;
	}
	saved_stderr = dup(STDERR_FILENO);
	(void)dup2(pair[0], STDERR_FILENO);
	(void)close(pair[0]);
	reader = pair[1];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)dup2(saved_stderr, STDERR_FILENO);
	(void)close(saved_stderr);
	(void)close(reader);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

/* The next record, or "" when there is none. */
static const char *next_record(void)
{
	static char text[32768];
	ssize_t n = recv(reader, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* What stands after the date. */
static const char *next_text(void)
{
	const char *text = next_record();

	return strlen(text) > 25 ? text + 25 : text;
}

static void a_record_is_one_write_with_date_and_level(void **state)
{
	const char *shape = "dddd-dd-ddTdd:dd:dd.dddZ ";
	const char *text = NULL;

	(void)state;
	log_warn("%s is %d", "answer", 42);
	text = next_record();
	for (size_t i = 0; shape[i]; i++) {
		if (shape[i] == 'd') {
			assert_true(isdigit((unsigned char)text[i]));
		} else {
			assert_int_equal(text[i], shape[i]);
		}
	}
	assert_string_equal(text + strlen(shape), "warn answer is 42\n");
	assert_string_equal(next_record(), "");
}

static void nothing_a_peer_sends_forges_a_line(void **state)
{
	(void)state;
	log_info("%s", "a\r\n2026 error fake\x1b[2J\x7f\t");
	assert_string_equal(
	    next_text(), "info a\\x0d\\x0a2026 error fake\\x1b[2J\\x7f\\x09\n");
	log_info("%s", "ok \xD0\xBF \xC2\xA0 c1 \xC2\x9B bad \xFF \xC0\x8A end\xE2\x82");
	assert_string_equal(next_text(),
	    "info ok \xD0\xBF \xC2\xA0 c1 \\xc2\\x9b bad \\xff \\xc0\\x8a end\\xe2\\x82\n");
}

static void records_below_the_level_are_dropped(void **state)
{
	(void)state;
	log_debug("hidden");
	assert_string_equal(next_record(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("shown");
	assert_string_equal(next_text(), "debug shown\n");
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("hidden");
	log_error("shown");
	assert_string_equal(next_text(), "error shown\n");
	assert_string_equal(next_record(), "");
}

static void a_long_record_is_cut_and_says_so(void **state)
{
	char text[20000];
	const char *record = NULL;

	(void)state;
	memset(text, 1, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_error("%s", text);
	record = next_record();
	assert_true(strlen(record) < 16500);
	assert_string_equal(record + strlen(record) - 8, "\\x01...\n");
}

static void logging_leaves_errno_alone(void **state)
{
	(void)state;
	(void)close(STDERR_FILENO);
	errno = EDOM;
	log_error("nowhere to go");
	assert_int_equal(errno, EDOM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_record_is_one_write_with_date_and_level),
		TEST(nothing_a_peer_sends_forges_a_line),
		TEST(records_below_the_level_are_dropped),
		TEST(a_long_record_is_cut_and_says_so),
		TEST(logging_leaves_errno_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
